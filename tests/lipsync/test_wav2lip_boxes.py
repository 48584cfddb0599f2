"""Where faces are cut out: the box that the network knows, calm, and of one shot only."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsync.face import OVAL, Track
from lipsync.replay import drawn
from lipsync.subject import anatomy, subject_of
from lipsync.wav2lip.boxes import SIDE, Boxes, boxes_of
from lipsync.wav2lip.mask import mask_of

FACE = drawn(400, 400).astype(np.float64)


def track(moves: np.ndarray, cuts: tuple[int, ...] = (0,), absent: tuple[int, ...] = ()) -> Track:
    """The drawn face, shifted by (T, 2) moves."""
    points = (FACE[None] + moves[:, None]).astype(np.float32)
    present = np.ones(len(points), bool)
    present[list(absent)] = False
    points[~present] = np.nan
    fresh = np.isin(np.arange(len(points)), cuts)
    return Track(points, np.ones(len(points), np.float32), present, fresh)


def boxes(of: Track, fps: int = 25) -> Boxes:
    return boxes_of(of, subject_of(of, anatomy()), [Fraction(k, fps) for k in range(len(of))])


def placed(found: Boxes, points: np.ndarray, number: int) -> np.ndarray:
    return points @ found.to_crop[number, :, :2].T + found.to_crop[number, :, 2]


def test_the_box_holds_the_face_from_forehead_to_chin() -> None:
    found = boxes(track(np.zeros((3, 2))))
    oval = placed(found, FACE[OVAL], 1)
    assert np.allclose((oval[:, 0].min(), oval[:, 0].max()), (-0.5, SIDE - 0.5), atol=0.6)
    assert oval[:, 1].min() == pytest.approx(-0.5, abs=0.6)
    assert SIDE - 8 < oval[:, 1].max() < SIDE - 1
    assert found.height == pytest.approx(np.ptp(FACE[OVAL, 1]) * 1.04, rel=0.03)


def test_a_tilted_head_is_cut_out_upright() -> None:
    upright = track(np.zeros((1, 2)))
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    tilted = Track(*((upright.points - 200) @ turn.T + 200, upright.score, upright.present, upright.cuts))
    first = placed(boxes(upright), upright.points[0], 0)
    second = placed(boxes(tilted), tilted.points[0], 0)
    assert np.abs(first - second).max() < 1.0


def test_a_trembling_track_makes_a_calm_box_and_a_steady_move_is_not_lagged() -> None:
    draw = np.random.default_rng(1)
    trembling = boxes(track(draw.normal(0, 1.0, (60, 2)))).to_crop[:, :, 2]
    assert np.diff(trembling, axis=0).std() < 0.5 * np.sqrt(2) * SIDE / 160  # of what the points do
    path = np.column_stack([np.arange(60) * 2.0, np.zeros(60)])
    moving = track(path)
    found = boxes(moving)
    oval = [placed(found, moving.points[k, OVAL].astype(float), k)[:, 0].mean() for k in range(20, 40)]
    assert np.ptp(oval) < 0.2


def test_nothing_is_evened_out_across_a_cut_or_a_gap() -> None:
    path = np.zeros((30, 2))
    path[15:] = (60, -20)
    for joined in (track(path, cuts=(0, 15)), track(path, absent=(14,))):
        found = boxes(joined)
        assert np.allclose(found.to_crop[16:], found.to_crop[16], atol=1e-6)
        assert np.allclose(found.to_crop[:13], found.to_crop[0], atol=1e-6)
        assert np.allclose(
            placed(found, joined.points[13].astype(float), 13),
            placed(found, joined.points[20].astype(float), 20),
            atol=0.3,
        )
    assert np.isnan(boxes(track(path, absent=(14,))).to_crop[14]).all()


def test_the_mask_is_the_lower_face_and_nothing_else() -> None:
    found = boxes(track(np.zeros((1, 2))))
    mask = mask_of(FACE.astype(np.float32), found.to_crop[0])
    lips = placed(found, FACE[:40], 0).round().astype(int)
    assert (mask.face[lips[:, 1], lips[:, 0]] > 0.99).all()
    assert (mask.lips[lips[:, 1], lips[:, 0]] > 0.5).all()
    assert (mask.skin[lips[:, 1], lips[:, 0]] == 0).all()
    assert mask.skin.sum() > 200
    assert (mask.face[: SIDE // 2 - 2] == 0).all()
    for rim in (mask.face[-1], mask.face[:, 0], mask.face[:, -1]):
        assert (rim == 0).all()
    assert np.abs(np.diff(mask.face, axis=0)).max() < 0.35
    assert np.abs(np.diff(mask.face, axis=1)).max() < 0.35
    corners = mask.face[-12:, :10]
    assert corners.max() < 0.2  # no square
