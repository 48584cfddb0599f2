"""From speech to what a mouth does: six parameters a hundred times a second.

The network (``hearing``) proposes; three rules that a network does not keep by itself dispose. The level is brought to
what the network knows. Lips meet for p, b and m. Where nobody speaks the mouth is shut: exactly zero, not nearly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from lipsync import weights
from lipsync.gates import AutoGain, between_words, smooth
from lipsync.gpu import device_for
from lipsync.hearing import AFTER, BEFORE, BILABIAL, PARAMETERS, SILENCE, VISEMES, Hearing, heard
from lipsync.speech import HZ, RATE, blocks, loudness

NAMES = ("open", "width", "upper", "lower", "jaw", "protrusion")
OPEN, WIDTH, UPPER, LOWER, JAW, PROTRUSION = range(6)
PIECE = 2000
"""Rows the network hears at once; pieces lie on a fixed grid, so results do not depend on them."""
FOLLOW = {UPPER: 0.13, LOWER: 0.76, JAW: 0.33}
"""How far these come back when the lips close by 1: slopes over GRID's speaker."""
LIVELY = np.array([1.15, 1.7, 1.6, 1.15, 1.15], np.float32)
"""Whoever guesses plays safe and moves too little: factors that bring back the spread of measured mouths."""
POUT = 0.35
"""Protrusion per narrowing; depth cannot be measured from the front."""
SURE = 3.0
"""1 / SURE is the closure probability from which lips meet."""
CLOSED = 1.0 / SURE
"""Closure probability from which a closure must be seen in a frame, even if it lasts a few rows."""
TONGUE = [VISEMES.index("dental"), VISEMES.index("alveolar")]
"""Sounds for which the tip of the tongue is at the upper teeth."""
REACH = 4
"""Rows around its middle that a frame can hold at most."""


@dataclass(frozen=True)
class Motion:
    """What a mouth does during a speech; row ``i`` is second ``i / 100``.

    Attributes:
        values: (L, 6) float32, ``NAMES``, in IOD, relative to the mouth at rest, lips together. Signs: open >= 0 is the
            gap between the inner lips; width + wider; upper + raised; lower + lowered; jaw + lowered; protrusion >= 0.
        voiced: (L,) float32 in [0, 1]: 1 while somebody speaks, 0 in silence; ``values`` are exactly 0 where it is.
        closure: (L,) float32 in [0, 1]: the probability of p, b, m.
        seconds: Length of the speech.
        tongue: (L,) float32 in [0, 1]: how far the tip of the tongue is up at the teeth, as for l, n, t, d, th; or no
            rows at all, where nothing is known of it.
    """

    values: NDArray[np.float32]
    voiced: NDArray[np.float32]
    closure: NDArray[np.float32]
    seconds: float
    tongue: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float32]:
        """Sample at the middles of frames.

        A closure shorter than a frame falls between two samples and would be lost; so a frame that holds one shows
        the moment of its closure instead of its middle.

        Args:
            times: (T,) seconds, ascending; before 0 and after the end the mouth is at rest.

        Returns:
            (T, 6) float32.
        """
        rows = np.asarray(times, np.float64) * HZ
        closest, strength = self._closures(rows)
        shown = np.where(strength > CLOSED, closest, rows)
        length = len(self.values)
        low = np.clip(np.floor(shown), 0, length - 1).astype(np.int64)
        share = np.clip(shown - low, 0.0, 1.0)[:, None]
        mixed = self.values[low] * (1.0 - share) + self.values[np.minimum(low + 1, length - 1)] * share
        outside = (rows < 0) | (rows > length)
        return np.where(outside[:, None], 0.0, mixed).astype(np.float32)

    def tongue_at(self, times: NDArray[np.float64]) -> NDArray[np.float32]:
        """Give (T,) how far the tip of the tongue is up, at ``times`` (T,) in seconds; 0 outside the speech."""
        if not len(self.tongue):
            return np.zeros(len(times), np.float32)
        rows = np.asarray(times, np.float64) * HZ
        return np.interp(rows, np.arange(len(self.tongue)), self.tongue, left=0.0, right=0.0).astype(np.float32)

    def _closures(self, rows: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(T,) row of the strongest closure while each frame lasts, and how strong; -1 where a frame has no row."""
        half = np.clip(np.gradient(rows) / 2, 0.0, REACH) if len(rows) > 1 else np.full(len(rows), REACH / 2)
        first = np.ceil(rows - half).astype(np.int64)
        around = first[:, None] + np.arange(2 * REACH + 1)
        inside = (around < (rows + half)[:, None]) & (around >= 0) & (around < len(self.closure))
        strength = np.where(inside, self.closure[np.clip(around, 0, len(self.closure) - 1)], np.float32(-1.0))
        best = strength.argmax(axis=1)
        return first + best, strength.max(axis=1)


class Articulation:
    """Knows how mouths move to speech; stays warm.

    Args:
        device: "auto", "cpu" or "cuda".

    Raises:
        WeightsError: The weights are missing or damaged.
    """

    def __init__(self, device: str = "auto") -> None:
        self._device = device = device_for(device)
        tensors, self.weights = weights.load("articulation", device)
        self._net = Hearing(channels=len(tensors["enter.bias"]))
        self._net.load_state_dict(tensors, strict=False)  # counters of batches are not stored
        self._net.to(device).eval()

    def __call__(self, samples16k: NDArray[np.float32]) -> Motion:
        """Listen.

        Args:
            samples16k: (n,) float32 at 16 kHz in [-1, 1]; any level, any length.

        Returns:
            n // 160 + 1 rows; the same samples always give the same rows.
        """
        loud = loudness(samples16k)
        gain = AutoGain.of(loud.power)
        motion, chance = self._hear(samples16k, gain)
        voiced = between_words(1.0 - chance[:, SILENCE], loud, gain)
        closure = np.clip(smooth(chance[:, BILABIAL], 1.0), 0.0, 1.0) * (voiced > 0)
        values = _shaped(motion * LIVELY, np.clip(SURE * closure, 0.0, 1.0)) * voiced[:, None]
        tongue = np.clip(smooth(chance[:, TONGUE].sum(axis=1), 1.5), 0.0, 1.0) * voiced
        return Motion(
            values=values.astype(np.float32),
            voiced=voiced,
            closure=closure.astype(np.float32),
            seconds=len(samples16k) / RATE,
            tongue=tongue.astype(np.float32),
        )

    def features(self, samples16k: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network hears, before it is called a motion: to fit another map from speech to a mouth on.

        Args:
            samples16k: As for a call.

        Returns:
            (L, C) float32, at least 0, one row per row of the motion; C is the width of the network.
        """
        gain = AutoGain.of(loudness(samples16k).power)
        parts = [inner[0].T.cpu().numpy() for _, inner in self._pieces(samples16k, gain)]
        return np.concatenate(parts)

    def _hear(self, samples: NDArray[np.float32], gain: AutoGain) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(L, 5) motion in IOD and (L, 17) chances of the visemes."""
        motion = np.zeros((len(gain.level), PARAMETERS), np.float32)
        chance = np.zeros((len(gain.level), len(VISEMES)), np.float32)
        for rows, inner in self._pieces(samples, gain):
            with torch.inference_mode():
                moves, logits = self._net.said(inner)
                motion[rows] = (moves[0].T * self._net.scale).cpu().numpy()
                chance[rows] = functional.softmax(logits[0], dim=0).T.cpu().numpy()
        return motion, chance

    def _pieces(self, samples: NDArray[np.float32], gain: AutoGain) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield rows and their features (1, C, rows), piece by piece."""
        for at, power in blocks(samples, PIECE, BEFORE, AFTER):
            end = at + len(power) - BEFORE - AFTER
            known = torch.from_numpy(power * gain.around(at - BEFORE, end + AFTER)[:, None]).to(self._device)
            with torch.inference_mode():
                yield slice(at, end), self._net.features(heard(known.T[None]))


def _shaped(motion: NDArray[np.float32], shut: NDArray[np.float32]) -> NDArray[np.float32]:
    """(L, 5) as heard -> (L, 6) with lips that meet where ``shut`` is 1, and protrusion."""
    values = np.zeros((len(motion), len(NAMES)), np.float32)
    values[:, :PARAMETERS] = motion
    values[:, OPEN] = np.maximum(motion[:, OPEN], 0.0) * (1.0 - shut)
    gone = np.maximum(motion[:, OPEN], 0.0) - values[:, OPEN]
    for name, share in FOLLOW.items():
        values[:, name] -= share * gone
    values[:, PROTRUSION] = POUT * np.maximum(-values[:, WIDTH], 0.0)
    return values
