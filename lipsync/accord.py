"""Does the voice of a clip belong to the mouth in it, and how late is it?

Files whose sound lies up to a quarter of a second beside the picture are common; so are films that are dubbed, or have
music under them. The lag is looked for, and what agrees no better than strangers' voices do is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.articulation import Motion
from lipsync.gesture import MEASURED, Gestures, lively
from lipsync.head import Array
from lipsync.speech import HZ

FARTHEST, STEP = 0.4, 0.02
"""Seconds within which the lag is looked for, and how finely before it is refined."""
WEIGHTS = np.array([1.0, 0.5, 0.0, 0.5, 0.0]) / np.sqrt(1.5)
"""How much the agreement of each parameter counts: opening most; the others follow it or are noise."""
UNLIKELY = 0.5
"""Correlation given up for each second of lag: most files are in step."""
ENOUGH = 1.5
"""Agreement (correlation times the root of the seconds) that strangers' voices reach under 3 of 152 clips, and under 5
of 80 of GRID's sentences, which all have one rhythm."""
LEAST = 0.2
"""However long a clip is, a mouth that agrees less than this teaches nothing."""
FRAMES = 30


@dataclass(frozen=True)
class Accord:
    """How a voice and a mouth go together.

    Attributes:
        lag: Seconds by which the sound of a gesture comes after its picture in the file; may be negative.
        likeness: The correlation there, -1…1, less what the lag makes unlikely.
        agreement: The likeness times the root of the seconds compared.
    """

    lag: float
    likeness: float
    agreement: float

    @property
    def theirs(self) -> bool:
        """The voice is that of the mouth."""
        return self.agreement >= ENOUGH and self.likeness >= LEAST


def accord(motion: Motion, seen: Gestures) -> Accord | None:
    """Compare what a voice asks of mouths with what the mouth in the picture did.

    Args:
        motion: Of the clip's own sound, from the same second 0 on.
        seen: Of the clip's picture.

    Returns:
        None where too few frames show the mouth while there is sound.
    """
    lags = np.arange(-FARTHEST, FARTHEST + STEP / 2, STEP)
    real = lively(seen.values, seen.seen, seen.pace)
    likeness = np.array([_likeness(motion, seen, real, lag) for lag in lags])
    if np.isnan(likeness).all():
        return None
    likely = likeness - UNLIKELY * np.abs(lags)
    best = int(np.nanargmax(likely))
    lag = float(lags[best] + STEP * _aside(likely[best - 1 : best + 2] if best else likely[:0]))
    seconds = float(seen.seen.sum()) / seen.pace
    return Accord(lag, float(likely[best]), float(likely[best] * np.sqrt(seconds)))


def sampled(rows: NDArray[np.floating], times: Array) -> Array:
    """Read (L, k) rows, one every 10 ms, at (T,) seconds between them; ends are held."""
    at = np.clip(times * HZ, 0.0, len(rows) - 1)
    low = np.floor(at).astype(np.int64)
    share = (at - low)[:, None]
    return np.asarray(rows[low] * (1 - share) + rows[np.minimum(low + 1, len(rows) - 1)] * share, np.float64)


def _likeness(motion: Motion, seen: Gestures, real: Array, lag: float) -> float:
    times = seen.times + lag
    both = seen.seen & (times >= 0) & (times <= motion.seconds)
    if both.sum() < FRAMES:
        return float("nan")
    asked = lively(sampled(motion.values[:, :MEASURED], times), both, seen.pace)[both]
    did = real[both] - real[both].mean(0)
    asked = asked - asked.mean(0)
    size = np.sqrt((asked**2).sum(0) * (did**2).sum(0))
    return float(WEIGHTS @ np.where(size > 0, (asked * did).sum(0) / np.maximum(size, 1e-12), 0.0))


def _aside(three: Array) -> float:
    """Where the parabola through three neighbours has its top, in steps from the middle one."""
    if len(three) < 3 or not np.isfinite(three).all():
        return 0.0
    bend = three[0] - 2 * three[1] + three[2]
    return float(np.clip(0.5 * (three[0] - three[2]) / bend, -0.5, 0.5)) if bend < 0 else 0.0
