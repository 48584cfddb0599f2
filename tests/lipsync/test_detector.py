"""The detector proposes, the landmark network decides: faces are found, cats and grass are not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync.detector import Detector, Spot, apart, whole
from lipsync.landmarks import Landmarks
from lipsync.media import Frame
from lipsync.search import Search


@pytest.fixture(scope="module")
def search() -> Search:
    return Search(Detector(), Landmarks())


@pytest.fixture(scope="module")
def portrait(sample: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(sample / "astronaut.jpg")), cv2.COLOR_BGR2RGB)


def on_wall(portrait: np.ndarray, scale: float, at: tuple[float, float], turn: float = 0.0) -> np.ndarray:
    """The portrait pasted on a plain wall of 480 x 640, its middle at ``at``."""
    height, width = portrait.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -turn, scale)
    matrix[:, 2] += np.array(at) - [width / 2, height / 2]
    small = cv2.GaussianBlur(portrait, (0, 0), max(0.1, 0.4 / scale - 0.4))
    wall = np.full((480, 640, 3), (120, 130, 140), np.uint8)
    return cv2.warpAffine(small, matrix, (640, 480), dst=wall, borderMode=cv2.BORDER_TRANSPARENT)


def test_finds_the_face_of_a_portrait(search: Search, portrait: np.ndarray) -> None:
    faces = search.faces(Frame.from_rgb(portrait))
    assert len(faces) == 1
    assert faces[0].score > 0.8


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.0])
def test_the_points_scale_with_the_picture(search: Search, portrait: np.ndarray, scale: float) -> None:
    (truth,) = search.faces(Frame.from_rgb(portrait))
    (face,) = search.faces(Frame.from_rgb(on_wall(portrait, scale, (300.0, 250.0))), thorough=True)
    height, width = portrait.shape[:2]
    expected = (truth.points - [width / 2, height / 2]) * scale + [300, 250]
    iod = np.hypot(*(expected[40] - expected[48]))
    assert np.hypot(*(face.points - expected).T).mean() < 0.06 * iod


@pytest.mark.parametrize("turn", [-30, 30, 90, 180])
def test_a_turned_picture_is_no_obstacle(search: Search, portrait: np.ndarray, turn: float) -> None:
    (face,) = search.faces(Frame.from_rgb(on_wall(portrait, 0.7, (320.0, 240.0), turn)), thorough=True)
    eyes = face.points[48:56].mean(0) - face.points[40:48].mean(0)
    off = (np.rad2deg(np.arctan2(eyes[1], eyes[0])) - turn + 180) % 360 - 180
    assert abs(off) < 10


def test_grey_dark_and_cropped_faces_are_found(search: Search, portrait: np.ndarray) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    (face,) = search.faces(Frame.from_rgb(portrait))
    left, top = (int(v) for v in face.points.min(0))
    right, bottom = (int(v) for v in face.points.max(0))
    close = portrait[top:bottom, left:right]
    for picture in (grey, portrait // 4, close):
        assert len(search.faces(Frame.from_rgb(np.ascontiguousarray(picture)), thorough=True)) == 1


def faceless(kind: str) -> np.ndarray:
    """Pictures without a face, made here."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:360, 0:480]
    if kind == "plain":
        return np.full((360, 480, 3), 128, np.uint8)
    if kind == "noise":
        return rng.integers(0, 256, (360, 480, 3), np.uint8)
    if kind == "grass":
        blades = cv2.GaussianBlur(rng.normal(0, 1, (360, 480)), (1, 15), 0)
        return np.clip(np.stack([60 + 200 * blades, 110 + 300 * blades, 40 + 150 * blades], 2), 0, 255).astype(np.uint8)
    if kind == "bricks":
        mortar = (y % 40 < 4) | ((x + 40 * (y // 40 % 2)) % 80 < 4)
        return np.where(mortar[..., None], (190, 185, 180), (150, 70, 50)).astype(np.uint8)
    if kind == "clouds":
        rough = cv2.resize(rng.normal(0, 1, (6, 8)), (480, 360), interpolation=cv2.INTER_CUBIC)
        return np.clip(170 + 40 * rough[..., None] + (0, 10, 30), 0, 255).astype(np.uint8)
    picture = np.full((360, 480, 3), 230, np.uint8)
    for row in range(30, 340, 24):
        cv2.putText(picture, "the quick brown fox jumps over", (20, row), 0, 0.7, (20, 20, 20), 1, cv2.LINE_AA)
    return picture


@pytest.mark.parametrize("kind", ["plain", "noise", "grass", "bricks", "clouds", "page"])
def test_no_face_where_there_is_none(search: Search, kind: str) -> None:
    assert search.faces(Frame.from_rgb(faceless(kind)), thorough=True) == []


def test_several_faces_come_from_left_to_right(search: Search, portrait: np.ndarray) -> None:
    small, large = (cv2.resize(portrait, (side, side)) for side in (240, 320))
    picture = np.full((320, 560, 3), 90, np.uint8)
    picture[40:280, :240], picture[:, 240:] = small, large
    faces = search.faces(Frame.from_rgb(picture))
    assert len(faces) == 2
    assert faces[0].points[:, 0].mean() < 240 < faces[1].points[:, 0].mean()


def test_the_answer_is_the_same_every_time(search: Search, portrait: np.ndarray) -> None:
    frame = Frame.from_rgb(portrait)
    one, other = search.faces(frame), Search(Detector(), Landmarks()).faces(frame)
    assert np.array_equal(one[0].points, other[0].points)


def test_of_spots_on_one_face_the_hottest_stays() -> None:
    spots = [Spot(10, 10, 8, 0, 0.5), Spot(12, 11, 9, 0, 0.9), Spot(60, 10, 8, 0, 0.4)]
    assert [spot.heat for spot in apart(spots)] == [0.9, 0.4]


def test_a_picture_fills_the_look_at_it() -> None:
    look = whole(Frame.from_rgb(np.zeros((100, 200, 3), np.uint8)))
    ends = np.array([[0, 49.5], [199, 49.5]]) @ look.to_crop[:, :2].T + look.to_crop[:, 2]
    assert np.allclose(ends, [[0, 127.5], [255, 127.5]], atol=1)
