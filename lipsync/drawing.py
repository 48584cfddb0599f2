"""Frames of a source with the mouths that a script gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lipsync.compose import Composer
from lipsync.media import Frame
from lipsync.mouth import Shape
from lipsync.palette import Palette
from lipsync.subject import Anatomy, Subject
from lipsync.threads import side_by_side


class Reel(Protocol):
    """Frames by number, as a ``Source`` has them."""

    def play(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Give the frames numbered ``indices``, each the caller's own."""


@dataclass(frozen=True)
class Script:
    """What the T frames of an output shall show.

    Attributes:
        numbers: (T,) which source frame each is drawn on.
        strength: (T,) 0–1, how far the mouth is driven.
        shape: Gives the mouth of an output frame, 0 to T − 1; a pure function.
    """

    numbers: NDArray[np.int64]
    strength: NDArray[np.float64]
    shape: Callable[[int], Shape]

    def __len__(self) -> int:
        return len(self.numbers)


class Drawing:
    """A source's frames, drawn to a script. It decides beforehand, from geometry, what each frame is made of."""

    def __init__(
        self,
        reel: Reel,
        subject: Subject,
        known: Anatomy,
        colours: Palette,
        script: Script,
        allowed: NDArray[np.bool_] | None = None,
    ) -> None:
        """Prepare.

        Args:
            reel: The source's frames.
            subject: Who is in them.
            known: What is known of heads in general.
            colours: Of the subject.
            script: What to draw.
            allowed: (source frames,) bool, which may lend their mouths to others; None is all.
        """
        self._reel = reel
        self._script = script
        self._composer = Composer(subject, known, colours)

    def frames(self) -> Iterator[Frame]:
        """Give the T frames of the output in order; few are held at a time."""

        def draw(numbered: tuple[int, Frame]) -> Frame:
            place, frame = numbered
            script = self._script
            self._composer.draw(frame, int(script.numbers[place]), script.shape(place), float(script.strength[place]))
            return frame

        return side_by_side(draw, enumerate(self._reel.play(self._script.numbers.tolist())))
