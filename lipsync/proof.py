"""Proof: what an engine wrote is looked at before it counts, whatever the engine says of it."""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from lipsync.errors import EngineError, MediaError
from lipsync.media import probe_video
from lipsync.take import Render

_HINT = "Try it again."
_FLAT = 1.0
"""Standard deviation of the brightness of a picture in which nothing can be seen, of 0–255."""


@dataclass(frozen=True)
class Proof:
    """Looks at the video and the poster of one take.

    Attributes:
        engine: Its name.
        face: Name of the file that it was to make them of.
        speech: Seconds of the speech.
    """

    engine: str
    face: str
    speech: float

    def check_video(self, film: Path, render: Render) -> None:
        """Decode the ends of a video, count what is in it, and compare that with what is said and was asked for.

        Raises:
            EngineError: It is not what it should be.
        """
        status = film.lstat() if film.is_symlink() or film.exists() else None
        if status is None or not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            self._refuse("video", ["no file of its own"])
        try:
            faults = list(self._faults(film, render))
        except MediaError as error:
            faults = [error.message.replace(film.name, "it")]
        self._refuse("video", faults)

    def check_poster(self, still: Path, render: Render) -> None:
        """See that a poster shows something, where a mouth was found and so something can be seen.

        Raises:
            EngineError: It does not.
        """
        picture = cv2.imread(str(still), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            self._refuse("poster", ["it cannot be decoded"])
        elif render.driven and float(picture.std()) < _FLAT:
            self._refuse("poster", ["nothing can be seen in it"])

    def _faults(self, film: Path, render: Render) -> Iterator[str]:
        said = float(render.fps), render.duration
        if not (0 <= render.driven <= render.frames and all(math.isfinite(one) and one > 0 for one in said)):
            yield "what it says of it makes no sense"
            return
        facts = probe_video(film)
        frame = max(1 / float(render.fps), facts.longest)  # at a variable rate the last one may stay long
        if facts.frames != render.frames:
            yield f"{facts.frames} frames instead of {render.frames}"
        if facts.frames == 0:
            yield "no picture in it"
        if (facts.width, facts.height) != (render.width, render.height):
            yield f"{facts.width}×{facts.height} instead of {render.width}×{render.height}"
        if not facts.has_audio:
            yield "no sound in it"
        if not _about(facts.duration, self.speech, frame):
            yield f"{facts.duration:.2f} s of video for {self.speech:.2f} s of speech"
        if not _about(facts.duration, render.duration, frame):
            yield f"{facts.duration:.2f} s instead of {render.duration:.2f} s"

    def _refuse(self, what: str, faults: list[str]) -> None:
        if faults:
            message = f"the engine {self.engine!r} made a bad {what} of {self.face}: {', '.join(faults)}"
            raise EngineError(message, _HINT)


def _about(duration: float, wanted: float, frame: float) -> bool:
    return abs(duration - wanted) <= 1.001 * frame + 0.001
