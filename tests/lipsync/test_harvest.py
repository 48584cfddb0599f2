"""A clean row of teeth is taken over as it is; half a row, holes, flesh, two rows and blur are refused."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from lipsync.harvest import harvested
from lipsync.mouth import LOW_IN, LOW_OUT, UP_IN, UP_OUT
from lipsync.palette import Palette
from lipsync.teeth import EDGE
from lipsync.view import View
from lipsync.warp import Grid

SCALE = 160.0
LIP, TOOTH, DARK = (150, 70, 75), (215, 208, 190), (30, 14, 14)
COLOURS = Palette(np.array(TOOTH, np.float32), np.array([200, 160, 140], np.float32), 0.8)
ZERO = np.array([80.0, 40.0])
WIDE = np.linspace(-0.3, 0.3, 11)
BOW = 1 - (WIDE / 0.3) ** 2
Paint = Callable[[np.ndarray], None]


def view(scale: float = SCALE) -> View:
    size = round(scale)
    return View((0, 0, size, size // 2), (0, 0), np.eye(2) * scale, ZERO * scale / SCALE, Grid(-0.5, -0.2, 0.1, 11, 7))


def lips() -> np.ndarray:
    """A smile: open by 0.12 IOD in the middle."""
    rows = np.zeros((4, 11, 2))
    rows[..., 0] = WIDE
    for row, y in ((UP_OUT, -0.06 * BOW), (UP_IN, 0.0 * BOW), (LOW_IN, 0.12 * BOW), (LOW_OUT, 0.12 + 0.09 * BOW)):
        rows[row, :, 1] = y
    return rows


def photo(spoil: Paint | None = None, tooth: tuple[int, int, int] = TOOTH, tall: float = 0.085) -> np.ndarray:
    """Six teeth, dark below them, ``spoil`` changes what is between the lips."""
    size = round(SCALE)
    rgb = np.empty((size // 2, size, 3), np.uint8)
    rgb[:] = LIP
    x, y = np.meshgrid((np.arange(size) - ZERO[0]) / SCALE, (np.arange(size // 2) - ZERO[1]) / SCALE)
    teeth = y < tall - 0.3 * x**2
    rgb[:] = np.where(teeth[..., None], tooth, DARK)
    for between in np.arange(-3, 4) * 0.075:
        rgb[teeth & (np.abs(x - between) < 0.004)] = (120, 100, 90)
    if spoil:
        spoil(rgb)
    outline = np.concatenate([lips()[UP_IN], lips()[LOW_IN, ::-1]]) * SCALE + ZERO
    mask = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)
    rgb[mask == 0] = LIP
    return cv2.GaussianBlur(rgb, (0, 0), 0.6)


def half(rgb: np.ndarray) -> None:
    rgb[:, 80:] = DARK


def holes(rgb: np.ndarray) -> None:
    rgb[:, 20:150:18] = rgb[:, 21:150:18] = rgb[:, 22:150:18] = rgb[:, 23:150:18] = DARK
    rgb[:, 66:95] = DARK


def flesh(rgb: np.ndarray) -> None:
    rgb[:] = (190, 110, 112)


def noise(rgb: np.ndarray) -> None:
    rgb[:] = np.random.default_rng(2).integers(0, 255, rgb.shape)


def burnt(rgb: np.ndarray) -> None:
    rgb[rgb.min(-1) > 80] = 255


def shadow(rgb: np.ndarray) -> None:
    rgb[:, :80] = (rgb[:, :80] * 0.62).astype(np.uint8)


def test_a_clean_row_is_taken_with_its_own_colours() -> None:
    row = harvested(photo(), view(), lips(), 0.0, COLOURS)
    assert row is not None
    fine = len(row[0]) / 0.72
    above, below = round((EDGE - 0.02) * fine), round((EDGE + 0.02) * fine)
    middle = len(row[0]) // 2 + round(0.037 * fine)
    assert row[above, middle, 3] > 0.95
    assert row[above, middle, :3] == pytest.approx(TOOTH, abs=14)
    assert row[below, middle, 3] < 0.05


def test_teeth_stay_apart() -> None:
    row = harvested(photo(), view(), lips(), 0.0, COLOURS)
    assert row is not None
    line = row[round((EDGE - 0.04) * len(row[0]) / 0.72), :, :3].mean(-1)
    middle = slice(len(line) // 2 - 3, len(line) // 2 + 4)
    assert line[middle].min() < 0.85 * line[len(line) // 2 - 12 : len(line) // 2 + 13].max()


def test_a_monochrome_photo_gives_a_monochrome_row() -> None:
    grey = np.repeat(photo().mean(-1, keepdims=True), 3, axis=-1).astype(np.uint8)
    row = harvested(grey, view(), lips(), 0.0, Palette(np.full(3, 200, np.float32), np.full(3, 150, np.float32), 0.0))
    assert row is not None
    assert np.ptp(row[..., :3], axis=-1).max() < 2


@pytest.mark.parametrize("spoil", [half, holes, flesh, noise, burnt, shadow])
def test_what_is_no_clean_row_is_refused(spoil: Paint) -> None:
    assert harvested(photo(spoil), view(), lips(), 0.0, COLOURS) is None


def test_a_glimpse_of_teeth_is_refused() -> None:
    assert harvested(photo(tall=0.03), view(), lips(), 0.0, COLOURS) is None


def test_two_rows_that_touch_are_refused() -> None:
    deeper = lips()
    deeper[LOW_IN, :, 1] *= 1.4
    deeper[LOW_OUT, :, 1] += 0.06
    rgb = photo()
    rgb[40:90] = TOOTH
    assert harvested(rgb, view(), deeper, 0.0, COLOURS) is None


def test_teeth_as_dark_as_lips_are_refused() -> None:
    assert harvested(photo(tooth=(96, 84, 80)), view(), lips(), 0.0, COLOURS) is None


def test_a_tiny_mouth_is_refused() -> None:
    small = cv2.resize(photo(), (50, 25), interpolation=cv2.INTER_AREA)
    assert harvested(small, view(50.0), lips(), 0.0, COLOURS) is None
