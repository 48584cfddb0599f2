"""A smile that is closed becomes a mouth at rest: narrower, thicker, corners lower, and shut everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync.mouth import LOW_IN, LOW_OUT, UP_IN, UP_OUT, gap, rows, width
from lipsync.smile import EARNEST, unsmiled
from lipsync.subject import anatomy

SMILE = rows(anatomy().head.shape[:, :2]) * [1.1, 1.0]
SMILE[[LOW_IN, LOW_OUT], :, 1] += 0.09 * (1 - np.linspace(-1, 1, 11) ** 2)


def test_it_is_shut_along_its_whole_length() -> None:
    shut = unsmiled(SMILE)
    assert gap(SMILE) > 0.03
    assert shut[LOW_IN, :, 1] == pytest.approx(shut[UP_IN, :, 1])


def test_it_is_narrower_but_no_narrower_than_an_earnest_mouth() -> None:
    assert EARNEST - 0.02 < width(unsmiled(SMILE)) < width(SMILE) - 0.03


def test_lips_become_thicker_by_what_people_show() -> None:
    before, after = SMILE, unsmiled(SMILE)
    upper = (after[UP_IN, 5, 1] - after[UP_OUT, 5, 1]) / (before[UP_IN, 5, 1] - before[UP_OUT, 5, 1])
    lower = (after[LOW_OUT, 5, 1] - after[LOW_IN, 5, 1]) / (before[LOW_OUT, 5, 1] - before[LOW_IN, 5, 1])
    assert 1.0 < upper < 2.0
    assert 1.0 < lower < 1.5


def test_corners_come_down() -> None:
    assert (unsmiled(SMILE)[UP_OUT, [0, -1], 1] > SMILE[UP_OUT, [0, -1], 1]).all()


def test_rows_keep_their_order() -> None:
    shut = unsmiled(SMILE)
    assert (np.diff(shut[..., 0]) > 0).all()
    assert (shut[LOW_OUT, 1:-1, 1] > shut[LOW_IN, 1:-1, 1]).all()
    assert (shut[UP_OUT, 1:-1, 1] < shut[UP_IN, 1:-1, 1]).all()
