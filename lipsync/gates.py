"""Is anybody speaking, and how loud? Plain signal processing around the network that hears."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lipsync.speech import HZ, Loudness

Rows = NDArray[np.float32]
"""(L,): one number every 10 ms."""

KNOWN = 0.64
"""Loudness of loud speech as the network knows it (the training clips come out at their level, within 2 dB)."""
NOTHING = 1e-7
"""Power below which a row is silent whatever else is heard: about -90 dB of full scale."""
ABOVE_FLOOR = 2.5
"""dB of fullness by which speech must rise above the steady noise."""
BELOW_SPEECH = 10**-4.0
"""How far below loud speech a row can still be speech."""
EVEN = 3.0
"""Rows over which energy is evened out before it is compared, so that beating hum and flickering noise are steady."""
BURST, PAUSE, FLANK = 8, 25, 30
"""Rows: the shortest speech; the longest pause inside speech; how early the mouth may start and how late it rests."""
FADE = 9
"""Rows at the end of a flank over which the mouth is brought to rest; before, the network is believed."""


@dataclass(frozen=True)
class AutoGain:
    """The level of the speech and of the steady noise under it.

    Attributes:
        level: (L,) power of loud speech around each row, slowly changing.
    """

    level: Rows

    @classmethod
    def of(cls, energy: Rows) -> AutoGain:
        """Measure; ``energy`` (L,) is the power of a speech."""
        sounding = energy[energy > NOTHING]
        if not len(sounding):
            return cls(np.full(len(energy), KNOWN, np.float32))
        floor = float(np.percentile(sounding, 10))
        clear = sounding[sounding > floor * 30]
        overall = float(np.percentile(clear if len(clear) >= HZ // 10 else sounding, 95))
        local = np.clip(_slow_level(energy), overall / 30, overall * 3)
        return cls(np.maximum(local, min(floor * 10, overall)).astype(np.float32))

    def around(self, start: int, stop: int) -> Rows:
        """(stop - start,) factor that brings the power of those rows to the known level; ends are held."""
        return (KNOWN / self.level[np.clip(np.arange(start, stop), 0, len(self.level) - 1)]).astype(np.float32)


def _slow_level(energy: Rows) -> Rows:
    """(L,) the loudest half second within five seconds around, smoothed: quiet speakers are brought up too."""
    half = HZ // 2
    padded = np.pad(energy, (0, -len(energy) % half))
    parts = np.percentile(padded.reshape(-1, half), 90, axis=1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(parts, 10, "edge"), 21).max(axis=1)
    even = np.lib.stride_tricks.sliding_window_view(np.pad(around, 5, "edge"), 11).mean(axis=1)
    middles = (np.arange(len(even)) + 0.5) * half
    return np.asarray(np.interp(np.arange(len(energy)), middles, even), np.float32)


def between_words(chance: Rows, loud: Loudness, gain: AutoGain) -> Rows:
    """Say where somebody speaks.

    Args:
        chance: (L,) that a row is speech, as the network hears it.
        loud: How loud it is.
        gain: How loud speech is there.

    Returns:
        (L,) float32: 1 from first to last sound of a phrase, soft flanks, exactly 0 elsewhere.
    """
    power, fullness = smooth(loud.power, EVEN), smooth(loud.fullness, EVEN)
    sounding = fullness[loud.power > NOTHING]
    steady = float(np.percentile(sounding, 10)) if len(sounding) >= HZ else -np.inf  # too short to tell
    audible = (power > np.maximum(gain.level * BELOW_SPEECH, NOTHING)) & (fullness > steady + ABOVE_FLOOR)
    speech = (smooth(chance, 2.0) > 0.5) & audible
    speech = _filled(speech, PAUSE)
    speech = ~_filled(~np.pad(speech, 1), BURST)[1:-1]
    return _flanked(speech)


def _filled(mask: NDArray[np.bool_], longest: int) -> NDArray[np.bool_]:
    """Fill the gaps of up to ``longest`` rows between two true rows."""
    out = mask.copy()
    edges = np.flatnonzero(np.diff(mask.astype(np.int8)))
    for end, start in pairwise(edges):
        if mask[end] and start - end <= longest:
            out[end + 1 : start + 1] = True
    return out


def _flanked(speech: NDArray[np.bool_]) -> Rows:
    """Let the mouth begin before the first sound and end after the last one; the ends of that along half a cosine."""
    rows = np.arange(len(speech))
    after = rows - np.maximum.accumulate(np.where(speech, rows, -len(rows) - FLANK))
    before = np.minimum.accumulate(np.where(speech, rows, 2 * len(rows) + FLANK)[::-1])[::-1] - rows
    near = np.clip((FLANK - np.minimum(after, before)) / FADE, 0.0, 1.0)
    return (0.5 - 0.5 * np.cos(np.pi * near)).astype(np.float32)


def smooth(track: Rows, width: float) -> Rows:
    """Gaussian of standard deviation ``width`` rows; the ends are held."""
    reach = int(np.ceil(4 * width))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    return np.convolve(np.pad(track, reach, "edge"), bell / bell.sum(), "valid").astype(np.float32)
