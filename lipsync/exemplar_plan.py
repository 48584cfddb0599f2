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
from lipsync.mouth import LOW_IN, ROWS, UP_IN, Shape, gap, rows, width
from lipsync.script import Script
from lipsync.subject import Subject

Array = NDArray[np.float32]

SHAPE, DROP, TURN, GREY, SOFT = 0.02, 0.08, 0.15, 0.15, 0.25
"""Differences that cost 1: lips and jaw (IOD), yaw and pitch (radians), light and sharpness (logarithms)."""
SIDEWAYS = 1.5
"""How much more widths count than heights: lips pushed together bunch."""
JUMP, BACK, STAY = 0.6, 0.06, 0.12
"""What a jump costs at least, a step backwards in the film, and standing still."""
LOOK, ALIKE = 10.0, 3.0
"""Grey levels by which mouths differ for a jump to cost as much again; beyond so many times it is all the same."""
ODD = 1.3, 3.0
"""How many times more than usual a picture may differ from what its shape lets expect, and what each time more costs:
where the tracker was wrong about the lips, or a hand is before them."""
CLOSED, OPEN = 0.012, 0.03
"""Openings (IOD) below and above which a mouth is closed and open for certain."""
WRONG = 2.0
"""What an open mouth costs where a closed one is wanted; half of it the other way round."""
SHORT = 10.0
"""What each tenth of an IOD costs by which a mouth opens less than is wanted."""
PARTED, MOST_PARTED = 0.15, 3.0
"""How much darker (logarithm) it is between the lips than in the best shut mouths, to cost 1 where they shall be shut,
and the most that this costs: a tracker calls lips closed that still show a slit."""
ENOUGH = 0.5
"""Share of the wanted opening that has to be filmed."""
FADE = 2
"""Frames to each side over which exemplars come and go."""
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
    picks, wanted = np.zeros(count, np.int16), np.zeros(count)
    if not stock:
        return Plan(picks, np.zeros(count, np.float32))
    shelf = _Shelf(subject, stock)
    last = -1
    for start in range(0, count, BLOCK):
        places = range(start, min(count, start + BLOCK))
        here = script.numbers[start : places.stop]
        shapes = [script.shape(place) for place in places]
        costs = shelf.costs(shapes, here, script.strength[start : places.stop])
        if last >= 0:
            costs[0] += shelf.jumps[last]
        path = cheapest(costs, shelf.jumps)
        picks[start : places.stop], last = path, int(path[-1])
        wanted[start : places.stop] = gap(np.array([shape.lips for shape in shapes]))
    return Plan(picks, _faded(served(shelf.gaps[picks], wanted)))


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


def served(shown: NDArray[np.floating], wanted: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Say where exemplars serve. It changes only while the mouth is closed, where nobody sees it change.

    Args:
        shown: (T,) openings of the exemplars, IOD.
        wanted: (T,) openings that are to be shown.
    """
    opened = wanted > CLOSED
    if not opened.any():
        return np.ones(len(wanted), np.bool_)
    starts = np.flatnonzero(opened & ~np.r_[False, opened[:-1]])
    ends = np.flatnonzero(opened & ~np.r_[opened[1:], False]) + 1
    fit = np.maximum(shown, 0) >= ENOUGH * wanted - 0.005
    good = [np.average(fit[a:b], weights=wanted[a:b]) >= 0.75 for a, b in zip(starts, ends, strict=True)]
    nearest = np.searchsorted((ends[:-1] + starts[1:]) / 2, np.arange(len(wanted)), side="right")
    return np.array(good)[nearest]


class _Shelf:
    """The stock as numbers."""

    def __init__(self, subject: Subject, stock: Sequence[Exemplar]) -> None:
        numbers = np.array([one.number for one in stock])
        self._subject = subject
        self._angles = subject.poses.angles[:, :2]
        self._turns = self._angles[numbers]
        self._drops = subject.drops[numbers]
        lips = _own(subject, numbers)
        self._lips = _flat(lips)
        self.gaps = gap(lips)
        self._numbers = numbers
        self._light = np.log(np.array([one.light for one in stock]) + 1)
        self._sharp = np.log(np.array([one.sharp[-1] for one in stock]))
        looks = np.array([one.look.ravel() for one in stock])
        self._slit = slits(np.array([one.look for one in stock]), self.gaps < CLOSED)
        self.jumps = self._between(looks)
        told = np.column_stack([self.gaps, self.gaps**2, np.abs(self.gaps), width(lips), self._drops, self._turns])
        self._odd = oddness(told, looks)

    def costs(self, shapes: Sequence[Shape], numbers: NDArray[np.int64], strength: NDArray[np.float64]) -> Array:
        """(T, n) how ill each exemplar suits each shape, drawn so strongly on the source frames ``numbers``."""
        drops, lips = np.array([shape.drop for shape in shapes]), np.array([shape.lips for shape in shapes])
        part = (strength < 1) & (strength > 0)
        lips[part] += (1 - strength[part])[:, None, None, None] * (_own(self._subject, numbers[part]) - lips[part])
        wanted = gap(lips)[:, None]
        cost = _apart(_flat(lips), self._lips) * np.sqrt(2) / SHAPE + np.abs(drops[:, None] - self._drops) / DROP
        cost += WRONG * ((wanted < CLOSED) & (self.gaps > OPEN))
        cost += WRONG / 2 * ((wanted > OPEN) & (self.gaps < CLOSED))
        cost += (wanted < CLOSED) * np.minimum(self._slit / PARTED, MOST_PARTED)
        cost += SHORT * np.maximum(wanted - self.gaps - 0.01, 0) / 0.1
        turned = np.nan_to_num(self._angles[numbers])
        cost += np.linalg.norm(turned[:, None] - self._turns, axis=-1) / TURN
        cost += np.minimum(ODD[1] * np.maximum(self._odd - ODD[0], 0), 4)
        light = np.interp(numbers, self._numbers, self._light)
        sharp = np.interp(numbers, self._numbers, self._sharp)
        cost += np.minimum(np.abs(light[:, None] - self._light) / GREY, 3)
        cost += np.minimum(np.maximum(sharp[:, None] - self._sharp, 0) / SOFT, 3)
        return np.asarray(cost, np.float32)

    def _between(self, looks: Array) -> Array:
        """(n, n) what it costs to go from one exemplar to another."""
        between = JUMP * (1 + np.minimum(_apart(looks, looks) / LOOK, ALIKE))
        step = self._numbers[None] - self._numbers[:, None]
        between[step == 1] = 0
        between[step == -1] = BACK
        between[step == 0] = STAY
        return np.asarray(between, np.float32)


def slits(looks: Array, closed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Say how visibly lips are parted that are taken for closed.

    Args:
        looks: (n, 7, 11, 3) grey levels, as :attr:`Exemplar.look`.
        closed: (n,) which are taken for closed.

    Returns:
        (n,) logarithms, 0 or more: how much darker than the lips it is between them, beyond where they shut best.
    """
    if not closed.any():
        return np.zeros(len(looks))
    grey = looks[:, :, 3:8].mean(-1, dtype=np.float64) + 4
    lips, between = grey[:, [1, 5]].mean((1, 2)), grey[:, 2:5].min(1).min(1)
    parted = np.log(lips / between)
    return np.asarray(np.maximum(parted - np.percentile(parted[closed], 10), 0), np.float64)


def oddness(told: NDArray[np.float64], looks: Array) -> NDArray[np.float64]:
    """Say how ill each picture agrees with the others, given what is told of it.

    Args:
        told: (n, k) what it is told by.
        looks: (n, m) what it looks like.

    Returns:
        (n,) what a linear guess misses, in units of its median.
    """
    if len(told) < 4 * told.shape[1]:
        return np.ones(len(told))
    spread = told.std(0) + 1e-6
    known = np.column_stack([np.ones(len(told)), (told - told.mean(0)) / spread])
    ridge = known.T @ known + 0.02 * len(told) * np.eye(known.shape[1])
    guess = known @ np.linalg.solve(ridge, known.T @ looks.astype(np.float64))
    missed = np.sqrt(((looks - guess) ** 2).mean(1))
    return np.asarray(missed / max(float(np.median(missed)), 1e-6), np.float64)


def _own(subject: Subject, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, 4, 11, 2) the lips of source frames in the head frame."""
    behind = (subject.depths[ROWS] - subject.planes.depth)[None, ..., None]
    return np.asarray(rows(subject.seen[numbers]) - behind * subject.planes.lean[numbers, None, None], np.float64)


def _flat(lips: NDArray[np.floating]) -> Array:
    """(m, 88) what two mouths are compared by: their points, the opening weighing more."""
    weighed = lips.copy()
    weighed[:, UP_IN, :, 1] += weighed[:, UP_IN, :, 1] - weighed[:, LOW_IN, :, 1]
    weighed[..., 0] *= SIDEWAYS
    return np.asarray(weighed.reshape(len(lips), -1), np.float32)


def _apart(ones: Array, others: Array) -> NDArray[np.float64]:
    """(m, n) root mean square distance of every pair of rows."""
    square = (ones**2).sum(1)[:, None] + (others**2).sum(1) - 2 * ones @ others.T
    return np.asarray(np.sqrt(np.maximum(square, 0) / ones.shape[1]), np.float64)


def _faded(serve: NDArray[np.bool_]) -> Array:
    """(T,) 0 where exemplars do not serve, rising to 1 beside it."""
    padded = np.pad(serve.astype(np.float32), FADE + 1, mode="edge")
    weight = np.ones(2 * FADE + 1, np.float32) / (2 * FADE + 1)
    return np.asarray(np.convolve(padded, weight, "same")[FADE + 1 : len(padded) - FADE - 1], np.float32) * serve
