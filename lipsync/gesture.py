"""What a person's mouth really did in a clip, in the very parameters in which a speech asks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.head import Array
from lipsync.mouth import LOW_OUT, ROWS, UP_OUT, gap, rows, width
from lipsync.subject import Subject

MEASURED = 5
"""open, width, upper, lower, jaw: what can be seen from the front."""
LIP = slice(4, 7)
"""The middle of an outer row: how high a lip is."""


@dataclass(frozen=True)
class Gestures:
    """A mouth through the T frames of a clip.

    Attributes:
        times: (T,) seconds, the middle of each frame.
        values: (T, 5) open, width, upper, lower, jaw in IOD, as ``Mouth.shape`` takes them; 0 where not seen.
        seen: (T,) bool, frames whose values can be trusted: the face is there, turned to us and large enough.
    """

    times: Array
    values: Array
    seen: NDArray[np.bool_]

    @property
    def pace(self) -> float:
        """Frames per second; the middle one where it varies."""
        return float(1 / np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0


def gestures(subject: Subject, times: Array) -> Gestures:
    """Read a clip's mouth: what ``subject.mouth.shape`` makes of the result is where the lips were.

    Args:
        subject: The person, over T frames or more.
        times: (T,) seconds, the middle of each frame.
    """
    count = len(times)
    behind = subject.depths[ROWS] - subject.planes.depth
    lips = rows(subject.seen[:count]) - behind[None, ..., None] * subject.planes.lean[:count, None, None]
    rest = subject.mouth.rest
    values = np.stack(
        [
            gap(lips),
            width(lips) - width(rest),
            rest[UP_OUT, LIP, 1].mean() - lips[:, UP_OUT, LIP, 1].mean(1),
            lips[:, LOW_OUT, LIP, 1].mean(1) - rest[LOW_OUT, LIP, 1].mean(),
            subject.drops[:count],
        ],
        axis=1,
    )
    values /= subject.mouth.gain
    seen = np.isfinite(values).all(1) & (subject.strength[:count] > 0)
    return Gestures(np.asarray(times, np.float64), np.where(seen[:, None], values, 0.0), seen)


def lively(values: Array, valid: NDArray[np.bool_], pace: float) -> Array:
    """Take away what changes more slowly than speech: moods, a smile, errors of the head's pose.

    Args:
        values: (T, k).
        valid: (T,) rows that count.
        pace: Rows per second.

    Returns:
        (T, k) the values less their mean over a second around; 0 where not valid.
    """
    reach = max(1, round(pace / 2))
    bell = np.hanning(2 * reach + 3)[1:-1]
    weight = np.maximum(_spread(valid.astype(np.float64), bell), 1e-9)
    kept = np.where(valid[:, None], values, 0.0)
    slow = np.empty_like(kept)
    for k in range(kept.shape[1]):
        slow[:, k] = _spread(kept[:, k], bell) / weight
    return np.where(valid[:, None], values - slow, 0.0)


def _spread(column: Array, bell: Array) -> Array:
    """Convolve, with as many rows as before however long the bell is."""
    reach = len(bell) // 2
    return np.convolve(column, bell, "full")[reach : reach + len(column)]
