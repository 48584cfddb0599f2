"""Teeth that reach into the tracked lip are found; gloss on a lip, and lips as pale as teeth, are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync.bared import FARTHEST, bared
from lipsync.mouth import LOW_IN, LOW_OUT, UP_IN, UP_OUT
from lipsync.palette import Palette
from lipsync.view import View
from lipsync.warp import Grid

SCALE = 200.0
LIP, TOOTH, SKIN = (150, 70, 75), (220, 215, 200), (200, 160, 140)
COLOURS = Palette(np.array(TOOTH, np.float32), np.array(SKIN, np.float32), 0.8)
VIEW = View((0, 0, 200, 120), (0, 0), np.eye(2) * SCALE, np.array([100.0, 40.0]), Grid(-0.5, -0.2, 0.1, 11, 7))


def lips() -> np.ndarray:
    """Level lips, open by 0.1 IOD: the lower from y = 0.1 to 0.25."""
    rows = np.zeros((4, 11, 2))
    rows[..., 0] = np.linspace(-0.3, 0.3, 11)
    for row, y in ((UP_OUT, -0.12), (UP_IN, 0.0), (LOW_IN, 0.1), (LOW_OUT, 0.25)):
        rows[row, :, 1] = y
    return rows


def picture(bottom: float, lip: tuple[int, int, int] = LIP) -> np.ndarray:
    """Lips with teeth between them that end at ``bottom`` IOD."""
    rgb = np.empty((120, 200, 3), np.uint8)
    rgb[:] = lip
    rgb[44 : round(40.5 + bottom * SCALE)] = TOOTH
    return rgb


@pytest.mark.parametrize("extra", [0.015, 0.025, 0.035])
def test_teeth_beyond_the_edge_are_measured(extra: float) -> None:
    upper, lower = bared(picture(0.1 + extra), VIEW, lips(), COLOURS)
    assert np.abs(lower[2:9] - extra).max() < 0.01
    assert upper.max() == 0


def test_teeth_that_end_at_the_edge_are_left_alone() -> None:
    assert bared(picture(0.09), VIEW, lips(), COLOURS).max() == 0


def test_no_more_is_taken_than_a_lip_can_spare() -> None:
    assert bared(picture(0.2), VIEW, lips(), COLOURS).max() <= FARTHEST + 1e-9


def test_gloss_in_the_middle_of_a_lip_is_not_a_tooth() -> None:
    rgb = picture(0.09)
    rgb[66:70] = TOOTH
    assert bared(rgb, VIEW, lips(), COLOURS).max() == 0


def test_lips_as_pale_as_teeth_are_left_alone() -> None:
    assert bared(picture(0.13, lip=(210, 205, 190)), VIEW, lips(), COLOURS).max() == 0


def test_gloss_in_a_picture_without_colour_is_not_a_tooth() -> None:
    grey = Palette(np.full(3, 210, np.float32), np.full(3, 160, np.float32), 0.0)
    assert bared(picture(0.13, lip=(90, 90, 90)), VIEW, lips(), grey).max() == 0
