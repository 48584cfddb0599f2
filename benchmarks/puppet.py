"""A face made to speak with shapes that were tracked, not heard: drawing is judged without the ear's mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.drawing import Drawing, Script
from lipsync.face import LIPS, K, Track
from lipsync.glance import Glances
from lipsync.media import Frame
from lipsync.mouth import LOW_IN, ROWS, SHUT, UP_IN, Shape
from lipsync.subject import Anatomy, Subject, subject_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moves:
    """What a mouth did through T frames.

    Attributes:
        lips: (T, 4, 11, 2) rows in the head frame; NaN where absent.
        drops: (T,) how far the chin was down.
    """

    lips: Array
    drops: Array

    @classmethod
    def of(cls, subject: Subject) -> Moves:
        """Read what a subject's mouth did."""
        flat = np.zeros((4, 11, 2))
        count = len(subject.seen)
        lips = np.stack([subject.own_lips(number) - subject.apparent(number, flat) for number in range(count)])
        return cls(lips, np.asarray(subject.drops))

    def moved_to(self, here: Subject, same: Sequence[tuple[int, int]]) -> Moves:
        """Say them in the head frame of another subject that is the same person.

        Args:
            here: The other.
            same: (number here, number there) of frames that show the same moment in both.
        """
        there, numbers = Moves.of(here), np.array(same)
        lips = np.nanmean(there.lips[numbers[:, 0]] - self.lips[numbers[:, 1]], axis=0)
        drop = float(np.nanmean(there.drops[numbers[:, 0]] - self.drops[numbers[:, 1]]))
        return Moves(self.lips + lips, self.drops + drop)

    def shape(self, number: int) -> Shape:
        """Give one frame's mouth; lips that are all but closed are closed, and none cross."""
        lips = self.lips[number].copy()
        near = lips[LOW_IN, :, 1] - lips[UP_IN, :, 1] < SHUT
        middle = lips[UP_IN:, :, 1].mean(0)
        lips[UP_IN:, near, 1] = middle[near]
        return Shape(lips=lips, drop=float(self.drops[number]))


@dataclass(frozen=True)
class Held:
    """Frames in memory that can be played like a file's."""

    kept: Sequence[Frame]

    def play(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Give copies of the frames numbered ``indices``."""
        return (self.kept[number].copy() for number in indices)


class Puppet:
    """A photo or a clip that takes any shape of mouth."""

    def __init__(self, frames: Sequence[Frame], track: Track, known: Anatomy) -> None:
        glances = Glances(len(frames))
        for _ in glances.watch(frames):
            pass
        self._reel, self._known = Held(frames), known
        self.subject = subject_of(track, known)
        self._colours = glances.palette(track)

    def play(self, numbers: Sequence[int], shapes: Sequence[Shape]) -> list[Frame]:
        """Draw ``shapes`` on copies of the frames ``numbers``, in order."""
        script = Script(np.array(numbers, np.int64), np.ones(len(numbers)), lambda place: shapes[place])
        return list(Drawing(self._reel, self.subject, self._known, self._colours, script).frames())

    def wanted(self, number: int, shape: Shape) -> NDArray[np.float32]:
        """(99, 2) pixels where the lip points of a shape belong in frame ``number``; other points NaN."""
        pixels = np.full((K, 2), np.nan, np.float32)
        flat = self.subject.apparent(number, shape.lips).reshape(-1, 2)
        pixels[ROWS.ravel()] = self.subject.planes.to_frame(number, flat)
        return pixels


def drivable(subject: Subject) -> NDArray[np.int64]:
    """Numbers of the frames that may be driven fully."""
    whole: NDArray[np.int64] = np.flatnonzero(
        (subject.strength >= 0.999) & np.isfinite(subject.seen[:, LIPS, 0]).all(1)
    )
    return whole
