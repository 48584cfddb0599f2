"""Introduction: the photo of who is meant is shown to the tracker, before the video is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync.errors import EngineError, NoFaceError
from lipsync.media import open_face
from lipsync.take import Options, Take
from lipsync.tracker import Introducing, Tracker

if TYPE_CHECKING:
    from lipsync.who import Likeness


def introduced(tracker: Tracker, take: Take, options: Options) -> Likeness | None:
    """Give what the tracker needs to know whose face to follow; None where no photo says who is meant.

    Raises:
        MediaError: The photo cannot be read.
        NoFaceError: It shows nobody, or more than one person that may be meant.
        EngineError: The tracker cannot tell people apart.
    """
    if take.who is None:
        return None
    if not isinstance(tracker, Introducing):
        raise EngineError("the tracker cannot tell people apart", 'Choose the tracker "landmarks", or say pick.')
    try:
        return tracker.meet(next(iter(open_face(take.who, options).frames())))
    except NoFaceError as error:
        raise NoFaceError(f"{take.who.name}: {error.message}", error.hint) from error
