"""Frames of a source with the mouths that a script gives them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lipsync.compose import Composer, paste
from lipsync.exemplar import Reel, gather
from lipsync.exemplar_plan import plan_of
from lipsync.gpu_paint import Painter
from lipsync.media import Frame
from lipsync.paint import painted
from lipsync.palette import Palette
from lipsync.script import Script as Script
from lipsync.sketch import Sketch
from lipsync.subject import Anatomy, Subject
from lipsync.threads import side_by_side

FEW = 12
"""A source of fewer frames, as a photo, has no mouths to lend."""
BATCH = 16
"""Frames that a GPU paints at once."""


class Drawing:
    """A source's frames, drawn to a script. It decides beforehand what each frame is made of."""

    def __init__(
        self,
        reel: Reel,
        subject: Subject,
        known: Anatomy,
        colours: Palette,
        script: Script,
        allowed: NDArray[np.bool_] | None = None,
        painter: Painter | None = None,
    ) -> None:
        """Look once more through the frames that may lend their mouths, and plan.

        Args:
            reel: The source's frames.
            subject: Who is in them.
            known: What is known of heads in general.
            colours: Of the subject.
            script: What to draw.
            allowed: (source frames,) bool, which may lend their mouths to others; None is all.
            painter: Paints many frames at once; None paints each by itself, on the CPU.
        """
        self._painter = painter
        self._reel = reel
        self._script = script
        self._stock = gather(reel, subject, colours, allowed) if len(subject.poses) >= FEW else ()
        self._composer = Composer(subject, known, colours, self._stock)
        self._plan = plan_of(script, subject, self._stock)

    def frames(self) -> Generator[Frame, None, None]:
        """Give the T frames of the output in order; few are held at a time."""
        numbered = enumerate(self._reel.play(self._script.numbers.tolist()))
        if self._painter is None:
            return side_by_side(lambda one: self._finished(*self._sketched(one)), numbered)
        return self._in_batches(side_by_side(self._sketched, numbered), self._painter)

    def _sketched(self, numbered: tuple[int, Frame]) -> tuple[int, Frame, Sketch | None]:
        place, frame = numbered
        script, share = self._script, float(self._plan.shares[place])
        lent = (self._stock[self._plan.picks[place]], share) if share > 0 else None
        number, strength = int(script.numbers[place]), float(script.strength[place])
        return place, frame, self._composer.sketch(frame, number, script.shape(place), strength, lent)

    def _finished(self, place: int, frame: Frame, sketch: Sketch | None) -> Frame:
        if sketch is not None:
            paste(frame, sketch, *painted(sketch), float(self._script.strength[place]))
        return frame

    def _in_batches(
        self, sketched: Generator[tuple[int, Frame, Sketch | None], None, None], painter: Painter
    ) -> Generator[Frame, None, None]:
        def finished(batch: list[tuple[int, Frame, Sketch | None]]) -> list[Frame]:
            drawn = [(place, frame, sketch) for place, frame, sketch in batch if sketch is not None]
            strengths = [float(self._script.strength[place]) for place, _, _ in drawn]
            painter.paint([frame for _, frame, _ in drawn], [sketch for _, _, sketch in drawn], strengths)
            return [frame for _, frame, _ in batch]

        together = iter(lambda: list(islice(sketched, BATCH)), [])
        with closing(sketched), closing(side_by_side(finished, together, workers=1)) as done:
            for frames in done:  # while the next ones are sketched
                yield from frames
