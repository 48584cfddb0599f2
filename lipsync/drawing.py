"""Frames of a source with the mouths that a script gives them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lipsync.compose import Composer
from lipsync.exemplar import Reel, gather, usual_lip
from lipsync.exemplar_plan import plan_of
from lipsync.media import Frame
from lipsync.palette import Palette
from lipsync.script import Script as Script
from lipsync.subject import Anatomy, Subject
from lipsync.threads import side_by_side

FEW = 12
"""A source of fewer frames, as a photo, has no mouths to lend."""


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
    ) -> None:
        """Look once more through the frames that may lend their mouths, and plan.

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
        self._stock = gather(reel, subject, colours, allowed) if len(subject.poses) >= FEW else ()
        self._composer = Composer(subject, known, colours, usual_lip(self._stock))
        self._plan = plan_of(script, subject, self._stock)

    def frames(self) -> Iterator[Frame]:
        """Give the T frames of the output in order; few are held at a time."""

        def draw(numbered: tuple[int, Frame]) -> Frame:
            place, frame = numbered
            script, share = self._script, float(self._plan.shares[place])
            lent = (self._stock[self._plan.picks[place]], share) if share > 0 else None
            strength = float(script.strength[place])
            self._composer.draw(frame, int(script.numbers[place]), script.shape(place), strength, lent)
            return frame

        return side_by_side(draw, enumerate(self._reel.play(self._script.numbers.tolist())))
