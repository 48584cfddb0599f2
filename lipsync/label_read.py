"""What a finished file says of itself."""

from __future__ import annotations

from pathlib import Path

from lipsync import label_jpeg, label_mp4
from lipsync.errors import MediaError
from lipsync.label_note import Declared


def marks_of(path: Path) -> Declared:
    """Read the implicit label of a video (mp4) or a picture (jpg), by what the file is.

    Raises:
        MediaError: It is neither, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            picture = file.read(2) == b"\xff\xd8"
        return label_jpeg.found(path) if picture else label_mp4.found(path)
    except OSError as error:
        raise MediaError(f"{path.name} cannot be read: {error.strerror}", "Check the file.") from error
