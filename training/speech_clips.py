"""What there is to learn from: real clips with measured mouths (GRID), and synthetic speech with exact phone times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from lipsync.hearing import PARAMETERS, SILENCE
from lipsync.speech import HZ, RATE, mel, rows
from training.speech_visemes import label
from training.speech_voices import Phone

DATA = Path(__file__).parents[2] / "shared" / "data"
LOUD = 0.6
SAME_SPEAKER = "grid_other_bbaf2n"
"""The one clip among the "others" that is the speaker of the training set."""


@dataclass(frozen=True)
class Clip:
    """One utterance, a row every 10 ms.

    Attributes:
        power: (T, 80) mel power, at the level the network knows.
        viseme: (T,) numbers.
        motion: (T, 5) in IOD, relative to the speaker's own silent mouth; None where it was not measured.
        quiet: (T,) bool, certainly nobody speaks.
    """

    name: str
    power: NDArray[np.float32]
    viseme: NDArray[np.int64]
    quiet: NDArray[np.bool_]
    motion: NDArray[np.float32] | None = None

    def with_motion(self, motion: NDArray[np.float32]) -> Clip:
        return replace(self, motion=motion.astype(np.float32))


def at_level(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring the louder frames of an utterance to the level the network knows."""
    return power * np.float32(LOUD / max(1e-9, float(np.percentile(power.sum(axis=1), 95))))


def grid(path: Path, pitch: float = 1.0) -> list[Clip]:
    """Read a file of GRID tracks, played ``pitch`` times as fast; clips without sound are left out."""
    data = dict(np.load(path, allow_pickle=False))
    ends = {
        key: np.cumsum(data[length]) for key, length in (("audio", "alen"), ("par", "plen"), ("phone", "phone_len"))
    }
    clips = []
    for i, name in enumerate(data["name"]):
        if data["alen"][i] < RATE // 2:
            continue
        sound, mouth, spoken = (slice(end[i - 1] if i else 0, end[i]) for end in ends.values())
        samples = resample_poly(data["audio"][sound].astype(np.float32) / 32768, 100, round(100 * pitch))
        pairs = zip(data["phone_t"][spoken] / pitch, data["phone"][spoken], strict=True)
        phones = tuple(Phone(float(t[0]), float(t[1]), str(phone)) for t, phone in pairs)
        clips.append(
            _grid_clip(str(name), samples.astype(np.float32), data["par"][mouth], float(data["fps"][i]) * pitch, phones)
        )
    return clips


def _grid_clip(
    name: str, samples: NDArray[np.float32], mouth: NDArray[np.float32], fps: float, phones: tuple[Phone, ...]
) -> Clip:
    count = min(rows(len(samples)), int(len(mouth) / fps * HZ))
    times = np.arange(count) / HZ
    middle = (np.arange(len(mouth)) + 0.5) / fps
    motion = np.stack([np.interp(times, middle, mouth[:, k]) for k in range(PARAMETERS)], axis=1)
    quiet = (times < phones[0].start - 0.25) | (times > phones[-1].end + 0.3)
    neutral = np.median(motion[quiet], axis=0) if quiet.sum() > 20 else _closed(motion)
    power = at_level(mel(samples)[:count])
    return Clip(name, power, label(phones, "cmu", count), quiet, (motion - neutral).astype(np.float32))


def _closed(motion: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([[np.percentile(motion[:, 0], 5)], np.median(motion[:, 1:], axis=0)])


def synthetic(path: Path) -> list[Clip]:
    """Read what ``training.speech_corpus`` wrote."""
    data = dict(np.load(path, allow_pickle=False))
    sounds = np.split(data["audio"], np.cumsum(data["samples"])[:-1])
    clips = []
    for name, sound, viseme in zip(
        data["name"], sounds, np.split(data["viseme"], np.cumsum(data["rows"])[:-1]), strict=True
    ):
        power = at_level(mel(sound.astype(np.float32) / 32768))
        viseme = viseme.astype(np.int64)
        clips.append(Clip(str(name), power, viseme, far_from_speech(viseme, 30)))
    return clips


def far_from_speech(viseme: NDArray[np.int64], margin: int) -> NDArray[np.bool_]:
    """(T,) True where no phone is within ``margin`` rows."""
    near = np.convolve(viseme != SILENCE, np.ones(2 * margin + 1), "same")
    return near < 0.5
