"""One clip, heard in a thousand rooms: crops with another tempo, throat, room, microphone, noise and level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.hearing import AFTER, BEFORE, SILENCE
from lipsync.speech import BANDS, HIGHEST, LOWEST
from training.speech_clips import LOUD, Clip

LENGTH = 300
THROATS = np.linspace(0.8, 1.22, 15)

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Crop:
    """Three seconds: ``heard`` (L + context, 80) log power; ``motion`` (L, 5) IOD; ``viseme`` (L,)."""

    heard: Array
    motion: Array
    viseme: NDArray[np.int64]


class Augment:
    """Draws crops. ``voices`` are the clips whose speech may be heard in the background of another."""

    def __init__(self, voices: list[Clip]) -> None:
        self._voices = voices
        self._throats = [throat(factor) for factor in THROATS]

    def crop(self, clip: Clip, dice: np.random.Generator) -> Crop:
        """One crop of ``clip``; one in sixteen is nobody speaking at all."""
        nobody = dice.random() < 1 / 16
        power, motion, viseme = self._cut(clip, dice)
        if nobody:
            power, motion, viseme = power * 0, motion * 0, np.full_like(viseme, SILENCE)
        power = power @ self._throats[dice.integers(len(self._throats))].T
        if dice.random() < 0.35:
            power = in_a_room(power, dice)
        power = power * microphone(dice)
        if nobody or dice.random() < 0.75:
            power = power + self._noise(power, dice, nobody)
        power = power * 10 ** (dice.normal(0, 4) / 10)
        heard = (np.log(power + 10 ** dice.uniform(-5.5, -4)) + 5) / 3
        if dice.random() < 0.5:
            _mask(heard, dice)
        return Crop(heard.astype(np.float32), motion, viseme)

    def _cut(self, clip: Clip, dice: np.random.Generator) -> tuple[Array, Array, NDArray[np.int64]]:
        assert clip.motion is not None
        tempo = dice.uniform(0.85, 1.18) if dice.random() < 0.6 else 1.0
        spare = max(1, len(clip.power) - int(LENGTH * tempo) + 60)
        start = dice.integers(spare) - 30
        at = np.floor(start + np.arange(-BEFORE, LENGTH + AFTER) * tempo).astype(int)
        inside = (at >= 0) & (at < len(clip.power))
        safe = np.where(inside, at, 0)
        power = clip.power[safe] * inside[:, None]
        kept = slice(BEFORE, BEFORE + LENGTH)
        motion = clip.motion[safe[kept]] * inside[kept, None]
        return power, motion.astype(np.float32), np.where(inside, clip.viseme[safe], SILENCE)[kept]

    def _noise(self, power: Array, dice: np.random.Generator, alone: bool) -> Array:
        rows = len(power)
        level = LOUD if alone else float(np.percentile(power.sum(axis=1), 90))
        if alone or dice.random() < 0.7:
            colour = 10 ** (np.cumsum(dice.normal(0, 1.5, BANDS)) / 10)
            noise = colour / colour.sum() * fluctuation(rows, dice)
            below = dice.uniform(-3, 40) if alone else dice.uniform(3, 45)
        else:
            other = self._voices[dice.integers(len(self._voices))].power
            noise = other[(np.arange(rows) + dice.integers(len(other))) % len(other)]
            noise = noise / (noise.sum(axis=1).mean() + 1e-9)
            below = dice.uniform(15, 45)
        return np.asarray(noise * level * 10 ** (-below / 10), np.float32)


def _mask(heard: Array, dice: np.random.Generator) -> None:
    """Hide one or two groups of bands behind what the crop holds there on average."""
    for _ in range(dice.integers(1, 3)):
        low = dice.integers(BANDS)
        bands = slice(low, low + dice.integers(3, 14))
        heard[:, bands] = heard[:, bands].mean()


def fluctuation(rows: int, dice: np.random.Generator) -> NDArray[np.float64]:
    """(rows, 80) of how the power of noise jumps about, mean 1: wider bands average more bins and jump less."""
    bins = np.clip(np.linspace(0.3, 7, BANDS), 1, None)
    noise = dice.gamma(bins, 1 / bins, (rows, BANDS))
    swell = 1 + dice.uniform(0, 0.5) * np.sin(2 * np.pi * (np.arange(rows) / dice.uniform(20, 400) + dice.random()))
    return np.asarray(noise * swell[:, None])


def in_a_room(power: Array, dice: np.random.Generator) -> Array:
    """Late reverberation: each frame leaves a decaying trail."""
    trail = np.exp(-13.8 * np.arange(1, 25) / (100 * dice.uniform(0.15, 0.6))) * dice.uniform(0.02, 0.25)
    out = power.copy()
    for i, share in enumerate(trail, 1):
        out[i:] += share * power[:-i]
    return out


def microphone(dice: np.random.Generator) -> NDArray[np.float64]:
    """(80,) a smooth equaliser, some dB up and down."""
    along = np.linspace(0, 1, BANDS)
    curve = sum(dice.normal(0, 2.5) * np.cos(np.pi * k * along) for k in range(1, 5))
    return np.asarray(10 ** (curve / 10))


def throat(factor: float) -> Array:
    """(80, 80): the bands of a vocal tract ``factor`` times as short."""
    mels = np.linspace(1127 * np.log1p(LOWEST / 700), 1127 * np.log1p(HIGHEST / 700), BANDS + 2)[1:-1]
    there = 1127 * np.log1p(np.minimum(700 * np.expm1(mels / 1127) * factor, HIGHEST) / 700)
    place = np.clip((there - mels[0]) / (mels[1] - mels[0]), 0, BANDS - 1)
    low = place.astype(int)
    out = np.zeros((BANDS, BANDS), np.float32)
    out[np.arange(BANDS), low] += 1 - (place - low)
    out[np.arange(BANDS), np.minimum(BANDS - 1, low + 1)] += place - low
    return out
