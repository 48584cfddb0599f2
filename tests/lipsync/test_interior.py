"""What is seen between the lips: teeth where teeth belong, no colour where the picture has none, no flicker."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lipsync.face import IRIS, K
from lipsync.interior import Interior, Light
from lipsync.palette import Palette, middle_palette, palette
from lipsync.subject import anatomy

SCALE = 120
LIKE = Palette(np.array([210, 205, 195], np.float32), np.array([190, 150, 130], np.float32), 0.9)
GREY = Palette(np.array([200, 200, 200], np.float32), np.array([150, 150, 150], np.float32), 0.0)


def light(opening: float = 0.15, drop: float = 0.08, tongue: float = 0.0) -> Light:
    """An opening 0.6 IOD wide, from above the upper edge down to ``opening``, the jaw down by ``drop``."""
    x, y = np.meshgrid(np.arange(-0.3, 0.3, 1 / SCALE), np.arange(-0.05, opening - 0.05, 1 / SCALE))
    x, y = x.astype(np.float32), y.astype(np.float32)
    return Light(
        x=x,
        y=y,
        low=y - np.float32(drop),
        under=y + 0.05,
        over=opening - 0.05 - y,
        corner=0.3 - np.abs(x),
        opening=opening,
        tongue=tongue,
    )


def patch(drawn: np.ndarray, seen: Light, top: float, bottom: float, half: float = 0.07) -> np.ndarray:
    """(3,) mean colour in the middle of the mouth, between two heights below the upper biting edge."""
    rows = (seen.y[:, 0] > top) & (seen.y[:, 0] < bottom)
    return drawn[rows][:, np.abs(seen.x[0]) < half].mean((0, 1))


def test_lower_teeth_show_when_the_jaw_is_down_and_hide_behind_the_upper_ones_else() -> None:
    inside = Interior(LIKE, SCALE)
    wide, narrow = light(opening=0.22, drop=0.11), light(opening=0.22, drop=-0.02)
    assert patch(inside.draw(wide), wide, 0.12, 0.15).mean() > 60
    assert patch(inside.draw(wide), wide, 0.035, 0.055).mean() < 40
    assert patch(inside.draw(narrow), narrow, -0.03, -0.01) == pytest.approx(
        patch(inside.draw(wide), wide, -0.03, -0.01), rel=0.02
    )


def test_the_tongue_shows_below_the_upper_teeth_for_l_and_not_for_a_vowel() -> None:
    inside = Interior(LIKE, SCALE)
    up, down = light(opening=0.14, drop=0.09, tongue=1.0), light(opening=0.14, drop=0.09)
    red, _, blue = patch(inside.draw(up), up, 0.015, 0.035)
    assert red > 2 * patch(inside.draw(down), down, 0.015, 0.035)[0]
    assert red > 1.3 * blue
    teeth = patch(inside.draw(up), up, -0.04, -0.008)
    assert teeth == pytest.approx(patch(inside.draw(down), down, -0.04, -0.008), rel=0.03)


def test_neighbouring_teeth_are_not_alike() -> None:
    seen = light()
    row = Interior(LIKE, SCALE).draw(seen)[int(np.argmin(np.abs(seen.y[:, 0] + 0.02)))].mean(-1)
    left, right = (float(row[np.abs(seen.x[0] - x) < 0.01].mean()) for x in (-0.125, 0.125))
    assert 0.005 < abs(left - right) / right < 0.5


def test_teeth_are_above_the_edge_and_dark_is_below() -> None:
    seen = light()
    drawn = Interior(LIKE, SCALE).draw(seen).mean(-1)
    middle = np.abs(seen.x[0]) < 0.1
    teeth = drawn[(seen.y[:, 0] > -0.02) & (seen.y[:, 0] < -0.008)][:, middle].mean()
    cavity = drawn[(seen.y[:, 0] > 0.015) & (seen.y[:, 0] < 0.03)][:, middle].mean()
    assert teeth > 120
    assert cavity < 0.4 * teeth


def test_corners_are_darker_than_the_middle() -> None:
    seen = light()
    drawn = Interior(LIKE, SCALE).draw(seen).mean(-1)
    row = int(np.argmin(np.abs(seen.y[:, 0] + 0.015)))
    assert drawn[row, seen.corner[row] < 0.03].mean() < 0.5 * drawn[row, seen.corner[row] > 0.2].mean()


def test_no_cavity_is_darker_than_the_black_of_a_hazy_picture() -> None:
    dark = np.array([44, 24, 20], np.float32)
    hazy = Palette(LIKE.tooth, LIKE.skin, LIKE.colour, dark)
    clear, veiled = (Interior(colours, SCALE).draw(light()) for colours in (LIKE, hazy))
    assert (veiled.min((0, 1)) > 0.7 * dark).all()
    assert (veiled - clear).max() <= dark.max()
    assert veiled.max() <= 255


def test_a_monochrome_picture_stays_monochrome() -> None:
    drawn = Interior(GREY, SCALE).draw(light(tongue=1.0))
    assert np.ptp(drawn, axis=-1).max() < 6


def test_upper_teeth_do_not_follow_the_jaw() -> None:
    inside = Interior(LIKE, SCALE)
    still, moved = light(drop=0.05), light(drop=0.12)
    upper = still.y[:, 0] < -0.01
    assert inside.draw(still)[upper] == pytest.approx(inside.draw(moved)[upper], abs=0.5)


def test_the_same_twice() -> None:
    assert (Interior(LIKE, SCALE).draw(light()) == Interior(LIKE, SCALE).draw(light())).all()


@pytest.fixture
def points() -> np.ndarray:
    return anatomy().head.shape[:, :2] * 100 + (150, 160)


def test_colours_of_a_plain_face(points: np.ndarray) -> None:
    rgb = np.full((320, 300, 3), (180, 130, 110), np.uint8)
    seen = palette(rgb, points.astype(np.float32))
    assert seen.skin == pytest.approx((180, 130, 110))
    assert seen.colour > 0.5
    assert seen.tooth.mean() > seen.skin.mean()


def test_the_dark_is_that_of_nostrils_and_pupils(points: np.ndarray) -> None:
    rgb = np.full((320, 300, 3), (180, 130, 110), np.uint8)
    x, y = points[IRIS].mean(0).astype(int)
    rgb[y - 6 : y + 6, x - 6 : x + 6] = (40, 20, 16)
    rgb[:20] = 0  # a background is no part of the face
    assert palette(rgb, points.astype(np.float32)).dark == pytest.approx((40, 20, 16))


def test_a_grey_face_has_grey_teeth(points: np.ndarray) -> None:
    seen = palette(np.full((320, 300, 3), 140, np.uint8), points.astype(np.float32))
    assert seen.colour == 0
    assert np.ptp(seen.tooth) < 1


def test_a_face_half_outside_is_no_reason_to_fail(points: np.ndarray) -> None:
    seen = palette(np.full((100, 90, 3), 140, np.uint8), points.astype(np.float32))
    assert np.isfinite(seen.tooth).all()
    assert points.shape == (K, 2)


def test_one_odd_picture_does_not_count() -> None:
    odd = Palette(np.array([255, 120, 0], np.float32), LIKE.skin, LIKE.colour)
    assert middle_palette([LIKE, odd, LIKE]).tooth == pytest.approx(LIKE.tooth)


def test_lips_pushed_forward_shade_what_is_behind_them() -> None:
    inside, seen = Interior(LIKE, SCALE), light()
    plain, shaded = (inside.draw(replace(seen, pout=pout)) for pout in (0.0, 0.03))
    assert 0.55 < patch(shaded, seen, -0.03, -0.01).mean() / patch(plain, seen, -0.03, -0.01).mean() < 0.85
