"""From phones to the motion of a mouth: fitted on GRID, where both are known, to label speech whose phones are known.

Beside the phones it is told how loud the speech is, as a whole and in three ranges, and nothing else of the speaker:
what it says of a synthetic voice is the mouth of the GRID speaker, who opens wider where he speaks up.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lipsync.hearing import AFTER, BEFORE, BILABIAL, SILENCE, VISEMES, Hearing
from training.speech_augment import LENGTH
from training.speech_clips import LOUD, Clip
from training.speech_loss import motion_loss

EDGES = (5, 20, 40, 80)
"""Bands between which loudness is told apart: 190 Hz, 900 Hz, 2.5 kHz, 7.8 kHz."""
INPUTS = len(VISEMES) + len(EDGES)

STEPS, BATCH, SEED, CHANNELS = 900, 24, 7, 48
PATH = Path(__file__).parents[1] / ".cache" / "speech_teacher.pt"
LOOK = np.eye(len(VISEMES), dtype=np.float32)
LOOK[VISEMES.index("er")] = (LOOK[VISEMES.index("r")] + LOOK[VISEMES.index("eh")]) / 2  # GRID's speaker has no /er/


def fitted(clips: list[Clip], scale: NDArray[np.float32]) -> Hearing:
    """The net of an earlier run if there was one, else a new one."""
    if not PATH.exists():
        torch.save(fit(clips, scale).state_dict(), PATH)
    net = Hearing(channels=CHANNELS, inputs=INPUTS)
    net.load_state_dict(torch.load(PATH, weights_only=True))
    return net.eval()


def fit(clips: list[Clip], scale: NDArray[np.float32]) -> Hearing:
    """Fit the net; the same clips give the same net."""
    torch.manual_seed(SEED)
    net = Hearing(channels=CHANNELS, inputs=INPUTS)
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, STEPS)
    for step in range(STEPS):
        seen, motion = _batch(clips, scale, np.random.default_rng([SEED, step]))
        loss = motion_loss(net(seen)[0], motion, None)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 300 == 0:
            print("teacher", step, round(loss.item(), 4), flush=True)
    return net.eval()


def _batch(clips: list[Clip], scale: NDArray[np.float32], dice: np.random.Generator) -> tuple[Tensor, Tensor]:
    seen, motions = [], []
    for number in dice.integers(len(clips), size=BATCH):
        clip = clips[number]
        assert clip.motion is not None
        tempo = dice.uniform(0.85, 1.2) if dice.random() < 0.5 else 1.0
        start = dice.integers(max(1, len(clip.viseme) - int(LENGTH * tempo) + 60)) - 30
        at = np.floor(start + np.arange(-BEFORE, LENGTH + AFTER) * tempo).astype(int)
        inside = (at >= 0) & (at < len(clip.viseme))
        safe = np.where(inside, at, 0)
        look = LOOK[np.where(inside, clip.viseme[safe], SILENCE)]
        loud = loudness(clip.power[safe] * inside[:, None]) + dice.normal(0, (0.15, 0.12, 0.12, 0.12))
        seen.append(np.concatenate([look, loud], axis=1, dtype=np.float32).T)
        motions.append(((clip.motion[safe] * inside[:, None])[BEFORE : BEFORE + LENGTH] / scale).T)
    return torch.from_numpy(np.stack(seen)), torch.from_numpy(np.stack(motions).astype(np.float32))


def loudness(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, 80) power -> (T, 4), all of it and in each range, about -2...0: who speaks up opens wider."""
    parts = [power[:, EDGES[0] :].sum(axis=1)]
    parts += [power[:, low:high].sum(axis=1) for low, high in pairwise(EDGES)]
    return np.asarray((np.log(np.stack(parts, axis=1) + 1e-3) - np.log(LOUD)) / 3, np.float32)


def predict(
    net: Hearing, viseme: NDArray[np.int64], power: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(T,) visemes and (T, 80) power -> (T, 5) IOD."""
    look = LOOK[np.pad(viseme, (BEFORE, AFTER), constant_values=SILENCE)]
    seen = np.concatenate([look, loudness(np.pad(power, ((BEFORE, AFTER), (0, 0))))], axis=1, dtype=np.float32)
    with torch.no_grad():
        motion: Tensor = net(torch.from_numpy(np.ascontiguousarray(seen.T))[None])[0]
    return np.asarray(motion[0].numpy().T * scale, np.float32)


def label(net: Hearing, clip: Clip, scale: NDArray[np.float32]) -> Clip:
    """Give a synthetic clip its motion, with true closures: lips that meet for p, b, m, and rest in silence."""
    motion = predict(net, clip.viseme, clip.power, scale)
    closed = np.clip(1.4 * smooth((clip.viseme == BILABIAL).astype(np.float32), 1.5), 0, 1)
    rest = np.clip(1.6 * smooth((clip.viseme == SILENCE).astype(np.float32), 6.0) - 0.6, 0, 1)
    motion[:, 0] *= 1 - closed
    return clip.with_motion(motion * (1 - rest)[:, None])


def smooth(track: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """Gaussian of standard deviation ``width`` rows over a (T,) track; the ends are held."""
    reach = int(4 * width)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    return np.convolve(np.pad(track, reach, "edge"), bell / bell.sum(), "valid").astype(np.float32)
