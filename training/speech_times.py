"""When each phone of the neural voice sounds, from how long each letter it was given lasts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from lipsync.speech import mel, rows
from training.speech_clips import Clip, at_level, far_from_speech
from training.speech_visemes import IPA, label
from training.speech_voices import Phone, Spoken

FOLDER = Path(__file__).parents[1] / ".cache" / "neural"
LATE = 0.05
"""Seconds by which its letters come after their sounds: where the network of the first release agrees best."""
_STRESS, _AFTER = "ˈˌ", "ːʰʲ̃→↗↘↓"
_SPELT = {"A": "ɛɪ", "I": "aɪ", "O": "ou", "W": "au", "Y": "ɔɪ", "Q": "əu", "ʤ": "ʒ", "ʧ": "ʃ", "ʨ": "ɕ", "ꭧ": "ʂ",
          "ʦ": "s", "ʣ": "z", "ʥ": "ʑ", "ᵊ": "ə", "T": "t", "ᵻ": "ɪ"}  # fmt: skip


def phones(letters: str, lasts: NDArray[np.float32]) -> tuple[Phone, ...]:
    """Letters -> phones in IPA; marks of stress and spaces belong to what follows, length and tone to what was before.

    Commas and full stops are pauses: no phone is there.
    """
    ends = np.cumsum(lasts) - LATE
    out: list[Phone] = []
    waiting: float | None = None
    for i, letter in enumerate(letters):
        start, end = float(ends[i] - lasts[i]), float(ends[i])
        name = _SPELT.get(letter, letter)
        if all(part in IPA for part in name):
            out.append(Phone(max(0.0, start if waiting is None else waiting), end, name))
            waiting = None
        elif letter in _AFTER and out:
            out[-1] = Phone(out[-1].start, end, out[-1].name)
        elif (letter in _STRESS or (letter == " " and _sounds(letters[i - 1]))) and out and waiting is None:
            waiting = start
    return tuple(out)


def _sounds(letter: str) -> bool:
    return letter in _AFTER or all(part in IPA for part in _SPELT.get(letter, letter))


def spoken(path: Path, pitch: float = 1.0) -> Spoken:
    """One utterance, played ``pitch`` times as fast: the throat, the voice and the pace of somebody else."""
    data = np.load(path, allow_pickle=False)
    samples = resample_poly(data["samples"].astype(np.float32) / 32768, 100, round(100 * pitch))
    return Spoken(samples.astype(np.float32), phones(str(data["letters"]), data["lasts"] / pitch), "ipa")


def neural(folder: Path = FOLDER, seed: int = 3) -> list[Clip]:
    """Every utterance, each at a pitch of its own."""
    dice, clips = np.random.default_rng(seed), []
    for path in sorted(folder.glob("*.npz")):
        said = spoken(path, float(dice.uniform(0.86, 1.16)))
        viseme = label(said.phones, said.alphabet, rows(len(said.samples)))
        clips.append(Clip(path.stem, at_level(mel(said.samples)), viseme, far_from_speech(viseme, 30)))
    return clips
