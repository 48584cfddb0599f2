"""How one person speaks: their range, their neutral and their habits, learnt from a clip in which they do.

The general map from speech to a mouth stays in charge of when: where nobody speaks the mouth is shut, and lips meet
for p, b and m. The manner says how far, around which shape, and how each kind of sound looks on this person. It is a
small ridge regression on what the network hears, held near the general map, the nearer the less there was to learn
from. Guesses play safe; so the spread is brought to that of the person's own mouth, and nothing is smoothed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lipsync.accord import sampled
from lipsync.articulation import FOLLOW, OPEN, Motion
from lipsync.gesture import MEASURED, Gestures, lively
from lipsync.head import Array
from lipsync.speech import HZ

HEARD = 16
"""Directions of what is heard that may matter to a person."""
STIFF = 75.0
"""Frames (of 25 a second) that hold each of them near no effect, and the general map near ``BELIEF``; with 25, one
vowel in 150 of another voice was spoken nearly shut."""
BELIEF = 0.5
"""Correlation of the general map with a mouth, before a person is known."""
SPREAD = 0.9
"""Share of a mouth's spread that is speech and not the tracker's unrest."""
RANGE_AFTER, NEUTRAL_AFTER = 2.0, np.array([1.0, 3.0, 3.0, 1.0, 3.0])
"""Seconds of speech after which half of what was measured of range and neutral is believed."""
RANGE = (0.6, 2.5)
"""How much less or more than most a person can move."""
NEUTRAL = 0.05
"""How far a neutral can lie from most people's, IOD."""
SHORTEST = 0.8
"""Seconds of seen speech below which nothing is learnt."""
WITHIN = 2.5
"""Sounds stranger than that (standard deviations) are taken for no stranger."""
CLOSING = 0.25
"""Closure from which a frame shows lips that meet and says nothing about how far they open."""
FAMILIAR_AFTER = 2.0
"""Seconds of new speech after which half of what is odd about its voice is taken back."""
STRETCH = (0.6, 1.7)
"""How much the spread in a new speech is corrected at most."""
WIDEST, BEYOND = 97.0, 0.5
"""Percentile of a person's openings taken for their widest, and how much of what goes beyond it is kept."""


@dataclass(frozen=True)
class Manner:
    """One person's way to speak.

    Attributes:
        middle: (C,) what is heard on average.
        axes: (C, d) the directions that were looked at, scaled to their spread.
        follow: (5,) how far the mouth follows the general map.
        reach: (5,) how much further than anybody they move.
        habits: (d, 5) what it does besides, for each direction of what is heard.
        neutral: (5,) what is added while speaking.
        widest: How far they open their mouth at most, IOD; they go further only where anybody would.
        seconds: Of speech that this was learnt from.
    """

    middle: NDArray[np.float32]
    axes: NDArray[np.float32]
    follow: Array
    reach: Array
    habits: Array
    neutral: Array
    widest: float
    seconds: float

    def of(self, motion: Motion, features: NDArray[np.float32]) -> Motion:
        """Let this person say what anybody would say as ``motion``.

        Args:
            motion: (L, 6).
            features: (L, C), what is heard of the same speech: ``Articulation.features``.

        Returns:
            Motion with the same closures, and at rest where the other is.
        """
        values = motion.values.astype(np.float64)
        usual = values[:, OPEN].copy()
        follow, own = self._here(motion, _heard(features, self.middle, self.axes) @ self.habits)
        shut = np.clip(2.0 * motion.closure, 0.0, 1.0)
        _narrow(own, np.maximum(own[:, OPEN], 0.0) * shut)
        values[:, :MEASURED] = follow * values[:, :MEASURED] + own * motion.voiced[:, None]
        values[:, OPEN] = np.maximum(values[:, OPEN], 0.0)
        _narrow(values, (1 - BEYOND) * np.maximum(values[:, OPEN] - np.maximum(self.widest, usual), 0.0))
        return replace(motion, values=values.astype(np.float32))

    def _here(self, motion: Motion, habit: Array) -> tuple[Array, Array]:
        """(5,) how far to follow and (L, 5) what to add in a new speech.

        Another voice or microphone moves what is heard as a whole; that is no habit. So habits are taken about their
        mean in the new speech, and their sum with what is followed is given the person's reach.
        """
        speaking = (motion.voiced > 0.5) & (motion.closure < CLOSING)
        general = motion.values[speaking, :MEASURED].astype(np.float64)
        if len(general) < 2:
            return self.follow, self.neutral + habit
        seconds = len(general) / HZ
        sure = seconds / (seconds + FAMILIAR_AFTER)
        habit = habit - sure * habit[speaking].mean(0)
        made = self.follow * general + habit[speaking]
        wanted, spread = self.reach * general.std(0), made.std(0)
        stretch = np.where(spread > 1e-4, np.clip(wanted / np.maximum(spread, 1e-4), *STRETCH), 1.0) ** sure
        return self.follow * stretch, self.neutral + habit * stretch + (1 - stretch) * made.mean(0)


def manner_of(motion: Motion, features: NDArray[np.float32], seen: Gestures, lag: float) -> Manner | None:
    """Learn how a person speaks from what they say and do in a clip.

    Args:
        motion: What the clip's sound asks of any mouth.
        features: (L, C), what is heard of it.
        seen: What the mouth did.
        lag: Seconds by which the sound comes after the picture.

    Returns:
        None where they are seen speaking for less than ``SHORTEST``.
    """
    times = seen.times + lag
    inside = (times >= 0) & (times <= motion.seconds)
    voiced, closure = sampled(np.stack([motion.voiced, motion.closure], axis=1), times).T
    use = seen.seen & inside & (voiced > 0.5) & (closure < CLOSING)
    seconds = float(use.sum() / seen.pace) if seen.pace else 0.0
    if seconds < SHORTEST:
        return None
    general = sampled(motion.values[:, :MEASURED], times)
    heard = sampled(features, times).astype(np.float32)
    middle, axes = _directions(heard[use])
    inner = _heard(heard, middle, axes)
    did, asked, sound = (lively(rows, use, seen.pace)[use] for rows in (seen.values, general, inner))
    follow, reach, habits = _fitted(did, asked, sound, 25.0 / seen.pace, seconds)
    made = follow * general[use] + inner[use] @ habits
    neutral = (seen.values[use].mean(0) - made.mean(0)) * seconds / (seconds + NEUTRAL_AFTER)
    base = (general[use].mean(0) - made.mean(0)) * (1 - seconds / (seconds + NEUTRAL_AFTER))
    widest = float(np.percentile(seen.values[use, OPEN], WIDEST))
    return Manner(middle, axes, follow, reach, habits, np.clip(neutral + base, -NEUTRAL, NEUTRAL), widest, seconds)


def _narrow(values: Array, gone: Array) -> None:
    """Open the mouths (L, ≥5) less by ``gone`` (L,), and let lips and jaw come along."""
    values[:, OPEN] -= gone
    for name, share in FOLLOW.items():
        values[:, name] -= share * gone


def _directions(heard: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(C,) mean and (C, d) principal axes; along each the spread is the square root of what it was, the first 1."""
    middle = heard.mean(0)
    _, size, axes = np.linalg.svd(heard - middle, full_matrices=False)
    count = int(np.clip((size > 1e-3 * size[0]).sum(), 0, HEARD)) if size[0] > 0 else 0
    scale = np.sqrt(len(heard)) / np.sqrt(size[:count] * max(float(size[0]), 1e-12))
    return middle, (axes[:count].T * scale).astype(np.float32)


def _heard(features: NDArray[np.float32], middle: NDArray[np.float32], axes: NDArray[np.float32]) -> Array:
    return np.clip((features - middle) @ axes, -WITHIN, WITHIN).astype(np.float64)


def _fitted(did: Array, asked: Array, sound: Array, frame: float, seconds: float) -> tuple[Array, Array, Array]:
    """(5,) follow, (5,) reach, (d, 5) habits: ridge towards ``BELIEF`` and no habits, then the person's own spread."""
    follow, reach, habits = np.ones(MEASURED), np.ones(MEASURED), np.zeros((sound.shape[1], MEASURED))
    sure = seconds / (seconds + RANGE_AFTER)
    for k in range(MEASURED):
        spread, usual = float(did[:, k].std()), float(asked[:, k].std())
        if min(spread, usual) < 1e-4:
            continue
        known = np.column_stack([asked[:, k] / usual, sound])
        before = np.r_[BELIEF, np.zeros(sound.shape[1])]
        normal = frame * known.T @ known + STIFF * np.eye(len(before))
        slope = before + np.linalg.solve(normal, frame * known.T @ (did[:, k] / spread - known @ before))
        slope[0] = max(slope[0], 0.1)
        reach[k] = np.clip((SPREAD * spread / usual) ** sure, *RANGE)
        slope *= reach[k] * usual / max(float((known @ slope).std()), 1e-6)
        follow[k], habits[:, k] = slope[0] / usual, slope[1:]
    return follow, reach, habits
