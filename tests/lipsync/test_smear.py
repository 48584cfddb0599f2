"""The lower edge of a mouth that opens fast is smeared; the upper one, and a mouth that rests, stay sharp."""

from __future__ import annotations

import numpy as np

from lipsync.opening import Opening
from lipsync.smear import smeared

SCALE = 100.0
Y = np.repeat((np.arange(60, dtype=np.float32)[:, None] - 15) / np.float32(SCALE), 40, axis=1)
OPENING = Opening(
    cover=((Y > 0) & (Y < 0.3)).astype(np.float32), under=Y, over=np.float32(0.3) - Y, corner=np.full_like(Y, 0.2)
)
DRAWN = OPENING.cover[..., None] * np.float32([90, 60, 50])


def steps(picture: np.ndarray) -> np.ndarray:
    """How steep the picture is between neighbouring rows."""
    return np.abs(np.diff(picture[:, 20]))


def test_the_lower_edge_is_smeared_and_the_upper_one_is_not() -> None:
    drawn, keep = smeared((DRAWN, 1 - OPENING.cover), OPENING, 9.0)
    assert steps(keep)[:30].max() > 0.85
    assert steps(keep)[30:].max() < 0.4
    assert np.abs(drawn.sum() / DRAWN.sum() - 1) < 0.05


def test_a_slow_mouth_stays_as_it_is() -> None:
    drawn, keep = smeared((DRAWN, 1 - OPENING.cover), OPENING, 1.5)
    assert drawn is DRAWN
    assert (keep == 1 - OPENING.cover).all()


def test_nothing_moves_sideways() -> None:
    drawn, _ = smeared((DRAWN * (np.arange(40) == 7)[None, :, None], 1 - OPENING.cover), OPENING, 9.0)
    assert drawn[:, np.arange(40) != 7].max() == 0
