"""Speech as a network hears it: how strong each of 80 mel bands is, every 10 ms.

Row ``i`` is centred on second ``i / HZ``, so a speech of n samples has ``rows(n)`` rows, the first at time 0 and none
after the end. Everything is computed in blocks: half an hour costs no more memory than ten seconds.

The filter bank is the one ``librosa.filters.mel(htk=True, norm=None)`` gives (a test compares them); librosa itself
stays out of the running product because importing it costs seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
HZ = 100
HOP = RATE // HZ
WINDOW = 400
FFT = 512
BANDS = 80
LOWEST, HIGHEST = 40.0, 7800.0
VOICE = 5
"""First band of interest to loudness, at 190 Hz."""
QUIETEST = 1e-9
"""Power of a band in which nothing is."""
BLOCK = 512
"""Rows computed at once."""


def rows(samples: int) -> int:
    """How many rows a speech of so many samples has."""
    return samples // HOP + 1


def mel(samples: NDArray[np.float32], start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
    """Power in each mel band.

    Args:
        samples: (n,) at 16 kHz, in [-1, 1]; beyond that is clipped, what is no number is silence.
        start: First row wanted; may be negative.
        stop: Row after the last one wanted, None for all; may be past the end. Rows beyond the speech are zero.

    Returns:
        (stop - start, 80) float32, at least 0. A constant offset of the samples does not show.
    """
    stop = rows(len(samples)) if stop is None else stop
    out = np.zeros((stop - start, BANDS), np.float32)
    first, last = max(0, start), min(stop, rows(len(samples)))
    for at in range(first, last, BLOCK):
        end = min(at + BLOCK, last)
        out[at - start : end - start] = _mel_block(samples, at, end)
    return out


def blocks(
    samples: NDArray[np.float32], size: int, before: int, after: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Cut a speech into pieces that always lie on the same grid, whatever its length.

    Yields:
        The number of the first row, and the mel power of ``size`` rows with ``before`` rows more in front and
        ``after`` more behind; the last piece is shorter. Rows outside the speech are zero.
    """
    total = rows(len(samples))
    for at in range(0, total, size):
        yield at, mel(samples, at - before, min(at + size, total) + after)


@dataclass(frozen=True)
class Loudness:
    """How loud a speech is, row by row; both leave out the bands below 190 Hz, which hold more rumble than speech.

    Attributes:
        power: (L,) float32, of the bands together.
        fullness: (L,) float32, the mean over the bands of the logarithm of their power, in dB. Steady noise of any
            colour hardly moves it, a voice does.
    """

    power: NDArray[np.float32]
    fullness: NDArray[np.float32]


def loudness(samples: NDArray[np.float32]) -> Loudness:
    """Measure a whole speech."""
    powers, fullnesses = [], []
    for _, part in blocks(samples, BLOCK, 0, 0):
        powers.append(part[:, VOICE:].sum(axis=1))
        fullnesses.append(10.0 * np.log10(part[:, VOICE:] + QUIETEST).mean(axis=1))
    return Loudness(np.concatenate(powers), np.concatenate(fullnesses))


@cache
def bank() -> NDArray[np.float32]:
    """(80, 257) triangles from 40 to 7800 Hz, evenly spaced in mel, each with its peak at 1."""
    edges = _hertz(np.linspace(_mels(LOWEST), _mels(HIGHEST), BANDS + 2))[:, None]
    bins = np.arange(FFT // 2 + 1) * RATE / FFT
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


@cache
def _hann() -> NDArray[np.float32]:
    return np.hanning(WINDOW).astype(np.float32)


def _mel_block(samples: NDArray[np.float32], start: int, stop: int) -> NDArray[np.float32]:
    left, right = start * HOP - WINDOW // 2, (stop - 1) * HOP + WINDOW // 2
    part = samples[max(0, left) : max(0, right)]
    part = np.pad(part, (max(0, -left), max(0, right - left - max(0, -left) - len(part))))
    part = np.clip(np.nan_to_num(part, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(part, WINDOW)[::HOP]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * _hann()
    spectrum = np.fft.rfft(frames, FFT, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(power.astype(np.float32) @ bank().T, np.float32)


def _mels(hertz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hertz / 700.0))


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(700.0 * (10.0 ** (mels / 2595.0) - 1.0))
