"""Speech as Wav2Lip hears it: how loud each of 80 mel bands is, 80 times a second, from -4 (nothing) to 4.

Other rates, windows and bands than ``lipsync.speech`` has: weights that others have trained want exactly these.
Whatever the samples are, silence or rubbish, every value is a number.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
HZ = 80
HOP = RATE // HZ
WINDOW = 800
BANDS = 80
STEPS = 16
"""Rows of a window, a fifth of a second: what one frame hears."""
LOWEST, HIGHEST = 55.0, 7600.0
CRISP = 0.97
"""How much of the sample before is taken from each, so that high bands count as much as low ones."""
FAINTEST = 1e-5
QUIET = -4.0
"""Value of a band in which nothing is."""
BLOCK = 512
"""Rows computed at once."""

KNEE, STRAIGHT, BEND = 1000.0, 200.0 / 3.0, float(np.log(6.4)) / 27.0
"""Slaney's mel scale: straight up to the knee at 1 kHz, a logarithm above it."""


def melody(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hear a whole speech.

    Args:
        samples: (n,) at 16 kHz, in [-1, 1], any length; beyond that is clipped, what is no number is silence.

    Returns:
        (80, n // 200 + 1) float32 in [-4, 4]; column ``i`` is centred on second ``i / 80``.
    """
    count = len(samples) // HOP + 1
    out = np.full((BANDS, count), QUIET, np.float32)
    for at in range(0, count, BLOCK):
        end = min(at + BLOCK, count)
        out[:, at:end] = _levels(samples, at, end)
    return out


def windows(mel: NDArray[np.float32], times: NDArray[np.floating]) -> NDArray[np.float32]:
    """Cut out what each frame hears: the fifth of a second that begins with it.

    Args:
        mel: (80, T) as ``melody`` gives it; may be shorter than a window.
        times: (B,) seconds at which frames appear; before the speech and after it there is silence.

    Returns:
        (B, 80, 16) float32, a copy.
    """
    starts = np.floor(np.asarray(times, np.float64) * HZ + 1e-6).astype(np.int64)
    columns = starts[:, None] + np.arange(STEPS)
    heard = (columns >= 0) & (columns < mel.shape[1])
    cut = mel[:, np.where(heard, columns, 0)].transpose(1, 0, 2)  # (B, 80, 16)
    return np.where(heard[:, None], cut, np.float32(QUIET)).astype(np.float32)


def _levels(samples: NDArray[np.float32], start: int, stop: int) -> NDArray[np.float32]:
    """(80, stop - start) of the columns from ``start`` on; before and after the speech there is nothing."""
    left, right = start * HOP - WINDOW // 2, (stop - 1) * HOP + WINDOW // 2
    before = max(0, left - 1)
    part = np.asarray(samples[before : max(0, right)], np.float64)
    part = np.clip(np.nan_to_num(part, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    crisp = part.copy()
    crisp[1:] -= CRISP * part[:-1]
    crisp = crisp[max(0, left) - before :]
    lead = max(0, -left)
    crisp = np.pad(crisp, (lead, max(0, right - left - lead - len(crisp))))
    frames = np.lib.stride_tricks.sliding_window_view(crisp, WINDOW)[::HOP] * _hann()
    strength = np.abs(np.fft.rfft(frames, axis=1)).astype(np.float32) @ bank().T
    decibels = 20.0 * np.log10(np.maximum(FAINTEST, strength)) - 20.0
    return np.asarray(np.clip(decibels.T * 0.08 + 4.0, -4.0, 4.0), np.float32)


@cache
def bank() -> NDArray[np.float32]:
    """(80, 401) triangles of equal area from 55 to 7600 Hz, evenly spaced in mel."""
    edges = _hertz(np.linspace(_mels(LOWEST), _mels(HIGHEST), BANDS + 2))[:, None]
    bins = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    area = 2.0 / (edges[2:] - edges[:-2])
    return (np.maximum(0.0, np.minimum(rising, falling)) * area).astype(np.float32)


@cache
def _hann() -> NDArray[np.float64]:
    return np.asarray(np.hanning(WINDOW + 1)[:-1])


def _mels(hertz: float) -> float:
    return hertz / STRAIGHT if hertz < KNEE else KNEE / STRAIGHT + float(np.log(hertz / KNEE)) / BEND


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = KNEE / STRAIGHT
    return np.asarray(np.where(mels < knee, mels * STRAIGHT, KNEE * np.exp(BEND * (np.maximum(mels, knee) - knee))))
