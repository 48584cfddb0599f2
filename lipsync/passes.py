"""Passes: the two runs over a face, looking and drawing, each told to whoever waits for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lipsync.errors import NoFaceError
from lipsync.face import Track
from lipsync.introduction import introduced
from lipsync.media import Frame
from lipsync.take import Options, Progress, Report, Take
from lipsync.tracker import Tracker


def looked(
    tracker: Tracker, frames: Iterable[Frame], total: int, take: Take, options: Options, report: Report
) -> Track:
    """Follow the take's person through the frames.

    Args:
        tracker: Who looks.
        frames: The face's, in order.
        total: How many there are.
        take: Whose face it is, and who is meant.
        options: For a photo of who is meant.
        report: Told of each frame.

    Raises:
        NoFaceError: There is nobody to drive; the face's file is named.
    """
    who = introduced(tracker, take, options)
    try:
        return tracker.track(
            frames, take.pick, lambda number: report(Progress(stage="look", frame=number, frames=total)), who
        )
    except NoFaceError as error:
        raise NoFaceError(f"{take.face.name}: {error.message}", error.hint) from error


def told(frames: Iterable[Frame], total: int, report: Report) -> Iterator[Frame]:
    """Yield finished frames, and tell of each when the next one is asked for."""
    for number, frame in enumerate(frames, start=1):
        yield frame
        report(Progress(stage="draw", frame=number, frames=total))
