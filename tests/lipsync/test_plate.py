"""Lips of a photo go on where teeth or the dark line between them were, in their own colours, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync.mouth import LOW_IN, LOW_OUT, UP_IN, UP_OUT
from lipsync.plate import Plate, plate

SCALE = 160.0
ZERO = np.array([80.0, 40.0])
SKIN, UPPER, LOWER, TOOTH = (200, 160, 140), (150, 70, 75), (190, 90, 95), (250, 248, 240)
BOX = (10, 20, 170, 120)
WIDE = np.linspace(-0.3, 0.3, 11)
BOW = 1 - (WIDE / 0.3) ** 2


def lips(opening: float) -> np.ndarray:
    """(4, 11, 2) in pixels of the frame."""
    rows = np.zeros((4, 11, 2))
    rows[..., 0] = WIDE
    for row, y in ((UP_OUT, -0.08), (UP_IN, 0.0), (LOW_IN, opening), (LOW_OUT, opening + 0.1)):
        rows[row, :, 1] = y * BOW
    return rows * SCALE + ZERO + BOX[:2]


def picture(opening: float, line: int = 0) -> np.ndarray:
    seen = lips(opening) - BOX[:2]
    rgb = np.empty((100, 160, 3), np.uint8)
    rgb[:] = SKIN
    outlines = (seen[[UP_OUT, UP_IN]], UPPER), (seen[[LOW_IN, LOW_OUT]], LOWER), (seen[[UP_IN, LOW_IN]], TOOTH)
    for (above, below), colour in outlines:
        cv2.fillPoly(rgb, [np.round(np.concatenate([above, below[::-1]])).astype(np.int32)], colour)
    if line:
        cv2.polylines(rgb, [np.round(seen[UP_IN] + (0, line)).astype(np.int32)], False, (40, 20, 20), 2)
    return rgb


def made(opening: float, line: int = 0) -> Plate:
    return plate(picture(opening, line), BOX, lips(opening), np.zeros((2, 11)), SCALE)


def test_each_lip_goes_on_over_the_teeth_in_its_own_colour() -> None:
    smile = made(0.12)
    middle = round(ZERO[1] + 0.06 * SCALE), 80
    assert smile.parted
    assert smile.upper[middle] == pytest.approx(UPPER, abs=6)
    assert smile.lower[middle] == pytest.approx(LOWER, abs=6)
    for lip in (smile.upper, smile.lower):
        assert (lip.min(-1) > 190).sum() == 0


def test_outside_the_mouth_nothing_changes() -> None:
    smile, before = made(0.12), picture(0.12)
    rows = np.r_[:20, 85:100]
    for lip in (smile.upper, smile.lower):
        assert (lip[rows] == before[rows]).all()


@pytest.mark.parametrize("off", [-3, 0, 3])
def test_the_dark_line_of_closed_lips_is_gone_even_where_the_tracker_missed_it(off: int) -> None:
    shut = made(0.0, off or 1)
    middle = slice(55, 105)
    assert not shut.parted
    assert picture(0.0, off or 1)[:, middle].min() < 50
    assert shut.upper[30:50, middle].max(-1).min() > 110


def test_closed_lips_are_left_alone_while_they_stay_closed() -> None:
    assert not made(0.0, 1).shows(0.0)
    assert made(0.0, 1).shows(0.05)
    assert made(0.12).shows(0.0)


def test_it_is_laid_where_it_belongs() -> None:
    smile = made(0.12)
    frame = np.zeros((140, 200, 3), np.uint8)
    box = (20, 30, 150, 110)
    upper, lower = smile.laid(frame[30:110, 20:150], box)
    assert (upper == smile.upper[10:90, 10:140]).all()
    assert (lower == smile.lower[10:90, 10:140]).all()
    outside, _ = smile.laid(frame[:10, :8], (0, 0, 8, 10))
    assert (outside == 0).all()


def test_a_monochrome_photo_stays_monochrome() -> None:
    grey = np.repeat(picture(0.12).mean(-1, keepdims=True).astype(np.uint8), 3, axis=-1)
    smile = plate(grey, BOX, lips(0.12), np.zeros((2, 11)), SCALE)
    assert np.ptp(smile.upper.astype(int), axis=-1).max() == 0
