"""The pose is found again, and places of the head survive the way to pixels and back."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync.errors import NoFaceError
from lipsync.face import LIPS, Track
from lipsync.head import STABLE, Head, Poses, rotation
from lipsync.replay import drawn
from lipsync.subject import anatomy, subject_of


@pytest.fixture(scope="module")
def head() -> Head:
    return anatomy().head


def posed(head: Head, scale: float, angles: tuple[float, float, float], shift: tuple[float, float]) -> np.ndarray:
    turn = rotation(np.array([angles]))[0, :2]
    return scale * head.shape @ turn.T + shift


@pytest.mark.parametrize(
    ("scale", "angles"), [(150, (0, 0, 0)), (40, (0.3, 0.1, 0.2)), (300, (-0.35, -0.2, -0.6)), (90, (0.1, 0.3, 2.5))]
)
def test_a_pose_is_found_again(head: Head, scale: float, angles: tuple[float, float, float]) -> None:
    points = posed(head, scale, angles, (400, 250))
    found = head.poses(points[None])
    assert found.scale[0] == pytest.approx(scale, rel=0.01)
    assert found.angles[0] == pytest.approx(angles, abs=0.02)  # the likelihood of turns pulls a little
    assert found.shift[0] == pytest.approx((400, 250), abs=0.01 * scale)


def test_frames_without_a_face_have_no_pose(head: Head) -> None:
    points = np.stack([posed(head, 100, (0, 0, 0), (200, 200)), np.full((99, 2), np.nan)])
    found = head.poses(points)
    assert np.isfinite(found.scale).tolist() == [True, False]
    planes = found.plane(0.2)
    assert np.isfinite(planes.lean[0]).all()
    assert np.isnan(planes.lean[1]).all()


def test_plane_to_frame_and_back() -> None:
    poses = Poses(np.array([120.0]), np.array([[0.3, -0.1, 0.4]]), np.array([[300.0, 200.0]]))
    plane = poses.plane(0.15)
    places = np.random.default_rng(1).normal(size=(20, 2))
    assert plane.to_plane(0, plane.to_frame(0, places)) == pytest.approx(places)


def test_parallax_says_where_deeper_points_seem_to_lie(head: Head) -> None:
    angles = np.array([[0.3, -0.1, 0.4]])
    poses = Poses(np.array([120.0]), angles, np.array([[300.0, 200.0]]))
    plane = poses.plane(0.15)
    pixels = 120 * head.shape[LIPS] @ rotation(angles)[0, :2].T + (300, 200)
    apparent = head.shape[LIPS, :2] + plane.parallax(0, head.shape[LIPS, 2])
    assert plane.to_plane(0, pixels) == pytest.approx(apparent)


def test_many_frames_teach_the_own_head(head: Head) -> None:
    rng = np.random.default_rng(2)
    shape = head.shape.copy()
    shape[:, :2] += rng.normal(0, 0.02, (99, 2))
    odd = Head(shape)
    points = np.stack([posed(odd, 100, (a, 0.0, 0.1), (200, 200)) for a in rng.uniform(-0.1, 0.1, 60)])
    assert misfit(head.own(points), points) < 0.5 * misfit(head, points)


def misfit(head: Head, points: np.ndarray) -> float:
    poses = head.poses(points)
    seen = np.einsum("t,tij,nj->tni", poses.scale, poses.turn, head.shape) + poses.shift[:, None]
    return float(np.abs(seen - points)[:, STABLE].mean())


def test_points_that_are_no_face_have_no_pose(head: Head) -> None:
    points = np.repeat(drawn(256, 256)[None], 3, axis=0) * np.float32(0.001)
    assert np.isnan(head.poses(points).scale).all()
    assert head.own(points) is head
    flags = np.ones(3, np.bool_)
    with pytest.raises(NoFaceError, match="no face"):
        subject_of(Track(points, np.ones(3, np.float32), present=flags, cuts=flags), anatomy())
