"""One picture of a finished video, as JPEG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2

from lipsync.errors import MediaError, StorageError
from lipsync.media import decode
from lipsync.media.frame import Frame
from lipsync.media.scan import scan
from lipsync.take import Limits, Options

QUALITY = 90


def write_poster(video: Path, at: float, out: Path, retouch: Callable[[Frame], None] | None = None) -> None:
    """Write the frame that is shown at ``at`` seconds of ``video`` to ``out``; the same video gives the same bytes.

    Args:
        video: A finished video.
        at: Seconds.
        out: The .jpg to be written.
        retouch: Changes the frame, in place, before it is written.

    Raises:
        MediaError: The video cannot be read.
        StorageError: The disk is full, read-only or gone.
    """
    film = scan(video, Options(width=0, height=0, limits=Limits(0, 0, 0)), trusted=True)
    number = max((index for index, time in enumerate(film.times) if time <= at), default=0)
    frame = next(decode.frames(film, number), None)
    if frame is None:
        raise MediaError(f"{video.name} has no picture at {at:.2f} s", "Render it again.")
    if retouch:
        retouch(frame)
    settings = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    done, data = cv2.imencode(".jpg", frame.rgb()[:, :, ::-1], settings)
    if not done:
        raise MediaError("the poster cannot be encoded", "Look into the log.")
    try:
        out.write_bytes(data.tobytes())
    except OSError as error:
        message = f"{out.name} cannot be written: {error.strerror}"
        raise StorageError(message, "Make room on the disk or check that the share is there.") from error
