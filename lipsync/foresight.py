"""Reads coming frames before anyone asks for them, many at once: what makes it worth having a GPU read faces.

A face is read in the same crop as long as it does not stray from it, so coming frames can be read in one batch with
this one. How far ahead pays is found out: twice as far after each batch that was used up, back to a single frame where
the face went elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lipsync.landmarks import Landmarks, Matrix, Reading
from lipsync.media import Frame

PULLED = 2
"""Frames that the tracker takes before it asks for one to be read."""


@dataclass(frozen=True)
class Ahead:
    """Frames that were read before anyone asked, in one crop."""

    to_crop: Matrix
    frames: tuple[Frame, ...]
    readings: tuple[Reading, ...]


class Foresight(Landmarks, ABC):
    """Both networks, of which the first looks at several frames at once. See :meth:`coming`."""

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self._window: deque[Frame] = deque()
        self._ahead: Ahead | None = None
        self._last: Matrix | None = None
        self._reach = 1

    @property
    @abstractmethod
    def most(self) -> int:
        """Frames that are read together at most."""

    @abstractmethod
    def readings(self, frames: Sequence[Frame], to_crop: Matrix) -> list[Reading]:
        """Read the face in each of the frames, in the same crop."""

    def coming(self, frames: Iterable[Frame]) -> Generator[Frame, None, None]:
        """Give the frames one by one, while looking as many ahead as may be read at once."""
        stream: Iterator[Frame] = iter(frames)
        waiting = deque(islice(stream, self.most))
        self._window = deque(waiting, self.most + PULLED)
        while waiting:
            yield waiting.popleft()
            more = list(islice(stream, 1))
            waiting.extend(more)
            self._window.extend(more)
        self._forget()

    def face(self, frame: Frame, to_crop: Matrix, mirrored: bool = False) -> Reading:
        """See :meth:`Landmarks.face`."""
        if mirrored:
            return self.both(frame, to_crop)
        known = self._known(frame, to_crop)
        if known is not None:
            return known
        frames = [frame, *self._next(frame, to_crop)]
        readings = self.readings(frames, to_crop)
        self._ahead, self._last = Ahead(to_crop, tuple(frames), tuple(readings)), to_crop
        return readings[0]

    def both(self, frame: Frame, to_crop: Matrix) -> Reading:
        """The average with what is seen in the mirror."""
        return super().face(frame, to_crop, mirrored=True)

    def _forget(self) -> None:
        self._window.clear()
        self._ahead = self._last = None
        self._reach = 1

    def _known(self, frame: Frame, to_crop: Matrix) -> Reading | None:
        ahead = self._ahead
        if ahead is None or ahead.to_crop is not to_crop:
            return None
        place = next((k for k, one in enumerate(ahead.frames) if one is frame), None)
        if place is None:
            return None
        if place == len(ahead.frames) - 1:
            self._reach = min(2 * len(ahead.frames), self.most)
        return ahead.readings[place]

    def _next(self, frame: Frame, to_crop: Matrix) -> list[Frame]:
        """Frames after this one that are worth reading in the same crop: none while the crop is new."""
        if to_crop is not self._last:
            self._reach = 1
            return []
        place = next((k for k, one in enumerate(self._window) if one is frame), None)
        if place is None:
            return []
        self._reach = max(self._reach, 2)
        return list(islice(self._window, place + 1, place + min(self._reach, self.most)))
