"""Which of the subject's own mouths each output frame is made of: the cheapest path through them (Viterbi, 1967).

A mouth is dear that is another shape, seen from elsewhere, in other light or less sharp; and so is a jump from one to
another that is not its neighbour in the film, the more, the less alike they are. So runs of real frames are kept as
long as they serve, and where they do not, the jump is to a mouth that looks like the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.exemplar import Exemplar
from lipsync.mouth import LOW_IN, ROWS, UP_IN, Shape, gap, rows
from lipsync.script import Script
from lipsync.subject import Subject

Array = NDArray[np.float32]

SHAPE, DROP, TURN, GREY, SOFT = 0.02, 0.04, 0.15, 0.15, 0.25
"""Differences that cost 1: lips and jaw (IOD), yaw and pitch (radians), light and sharpness (logarithms)."""
JUMP, BACK, STAY = 0.5, 0.06, 0.12
"""What a jump costs at least, a step backwards in the film, and standing still."""
ALIKE = 2.0
"""Jumps between mouths that differ more are all equally bad."""
CLOSED, OPEN = 0.012, 0.03
"""Openings (IOD) below and above which a mouth is closed and open for certain."""
WRONG = 2.0
"""What an open mouth costs where a closed one is wanted; half of it the other way round."""
SHORT = 10.0
"""What each tenth of an IOD costs by which a mouth opens less than is wanted."""
ENOUGH = 0.45, 0.75
"""Share of the wanted opening below which a mouth is of no use, and from which it is fully used."""
BLOCK = 512
"""Frames decided at once: memory does not grow with the length."""


@dataclass(frozen=True)
class Plan:
    """What T output frames are made of.

    Attributes:
        picks: (T,) which exemplar.
        shares: (T,) 0–1, how much of the mouth it gives; the rest is drawn.
    """

    picks: NDArray[np.int16]
    shares: Array


def plan_of(script: Script, subject: Subject, stock: Sequence[Exemplar]) -> Plan:
    """Choose an exemplar for every frame of a script, from geometry and from what the stock looks like alone."""
    count = len(script)
    picks, shares = np.zeros(count, np.int16), np.zeros(count, np.float32)
    if not stock:
        return Plan(picks, shares)
    shelf = _Shelf(subject, stock)
    last = -1
    for start in range(0, count, BLOCK):
        places = range(start, min(count, start + BLOCK))
        shapes = [script.shape(place) for place in places]
        costs = shelf.costs(shapes, script.numbers[start : places.stop])
        if last >= 0:
            costs[0] += shelf.jumps[last]
        path = cheapest(costs, shelf.jumps)
        picks[start : places.stop], last = path, int(path[-1])
        wanted = gap(np.array([shape.lips for shape in shapes]))
        shares[start : places.stop] = share_of(shelf.gaps[path], wanted)
    shares *= script.strength >= 1
    return Plan(picks, _even(shares))


def cheapest(costs: Array, jumps: Array) -> NDArray[np.int16]:
    """Give (T,) the path of least cost.

    Args:
        costs: (T, n) of taking each at each time.
        jumps: (n, n) of going from one to another.
    """
    total, back = costs[0].copy(), np.zeros(costs.shape, np.int16)
    for time in range(1, len(costs)):
        way = total[:, None] + jumps
        back[time] = way.argmin(0)
        total = way[back[time], np.arange(len(total))] + costs[time]
    path = np.zeros(len(costs), np.int16)
    path[-1] = total.argmin()
    for time in range(len(costs) - 1, 0, -1):
        path[time - 1] = back[time, path[time]]
    return path


def share_of(shown: NDArray[np.floating], wanted: NDArray[np.floating]) -> Array:
    """Say how much of a mouth may be an exemplar's whose opening is ``shown``, by how much is ``wanted`` (IOD)."""
    enough = (np.maximum(shown, 0) + 0.01) / (np.maximum(wanted, 0) + 0.01)
    held = np.clip((enough - ENOUGH[0]) / (ENOUGH[1] - ENOUGH[0]), 0, 1)
    return np.asarray(held * held * (3 - 2 * held), np.float32)


class _Shelf:
    """The stock as numbers."""

    def __init__(self, subject: Subject, stock: Sequence[Exemplar]) -> None:
        numbers = np.array([one.number for one in stock])
        self._angles = subject.poses.angles[:, :2]
        self._turns = self._angles[numbers]
        self._drops = subject.drops[numbers]
        behind = (subject.depths[ROWS] - subject.planes.depth)[None, ..., None]
        lips = rows(subject.seen[numbers]) - behind * subject.planes.lean[numbers, None, None]
        self._lips = _flat(lips)
        self.gaps = gap(lips)
        self._numbers = numbers
        self._light = np.log(np.array([one.light for one in stock]) + 1)
        self._sharp = np.log(np.array([one.sharp for one in stock]) + 0.1)
        self.jumps = self._between()

    def costs(self, shapes: Sequence[Shape], numbers: NDArray[np.int64]) -> Array:
        """(T, n) how ill each exemplar suits each shape, drawn on the source frames ``numbers``."""
        lips = np.array([shape.lips for shape in shapes])
        drops = np.array([shape.drop for shape in shapes])
        wanted = gap(lips)[:, None]
        cost = _apart(_flat(lips), self._lips) / SHAPE + np.abs(drops[:, None] - self._drops) / DROP * 0.5
        cost += WRONG * ((wanted < CLOSED) & (self.gaps > OPEN))
        cost += WRONG / 2 * ((wanted > OPEN) & (self.gaps < CLOSED))
        cost += SHORT * np.maximum(wanted - self.gaps - 0.01, 0) / 0.1
        turned = np.nan_to_num(self._angles[numbers])
        cost += np.linalg.norm(turned[:, None] - self._turns, axis=-1) / TURN
        light = np.interp(numbers, self._numbers, self._light)
        sharp = np.interp(numbers, self._numbers, self._sharp)
        cost += np.minimum(np.abs(light[:, None] - self._light) / GREY, 3)
        cost += np.minimum(np.maximum(sharp[:, None] - self._sharp, 0) / SOFT, 3)
        return np.asarray(cost, np.float32)

    def _between(self) -> Array:
        """(n, n) what it costs to go from one exemplar to another."""
        unlike = np.minimum(_apart(self._lips, self._lips) / SHAPE, ALIKE) / ALIKE
        between = JUMP * (0.4 + 1.2 * unlike)
        step = self._numbers[None] - self._numbers[:, None]
        between[step == 1] = 0
        between[step == -1] = BACK
        between[step == 0] = STAY
        return np.asarray(between, np.float32)


def _flat(lips: NDArray[np.floating]) -> Array:
    """(m, 88) what two mouths are compared by: their points, the opening weighing more."""
    weighed = lips.copy()
    weighed[:, UP_IN, :, 1] += weighed[:, UP_IN, :, 1] - weighed[:, LOW_IN, :, 1]
    return np.asarray(weighed.reshape(len(lips), -1), np.float32)


def _apart(ones: Array, others: Array) -> NDArray[np.float64]:
    """(m, n) root mean square distance of every pair of rows."""
    square = (ones**2).sum(1)[:, None] + (others**2).sum(1) - 2 * ones @ others.T
    return np.asarray(np.sqrt(np.maximum(square, 0) * 2 / ones.shape[1]), np.float64)


def _even(shares: Array) -> Array:
    """Come and go over a few frames; what is all but none is none."""
    kernel = np.array([1, 2, 3, 2, 1], np.float32) / 9
    even = np.convolve(np.pad(shares, 2, mode="edge"), kernel, "valid")
    even = np.minimum(even, np.where(shares > 0, 1, even))
    return np.asarray(np.clip((even - 0.1) / 0.8, 0, 1), np.float32)
