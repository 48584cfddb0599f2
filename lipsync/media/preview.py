"""Preview: a small picture of the frame being written, beside the video while that is made; gone when it is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from lipsync.media.frame import Frame

SUFFIX = ".preview.jpg"
WIDEST, HIGHEST = 480, 640
EVERY = 1.5
"""Seconds between two pictures."""
_QUALITY = 75


class Preview:
    """Shows a frame now and then; a picture that cannot be written stops nobody."""

    def __init__(
        self, path: Path, sample_aspect: Fraction = Fraction(1), clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Show nothing yet.

        Args:
            path: The .jpg; a reader sees the old picture or the new one.
            sample_aspect: Width of a pixel by its height.
            clock: Monotonic seconds.
        """
        self._path = path
        self._beside = path.with_name(f"{path.name}~")
        self._aspect = float(sample_aspect)
        self._clock = clock
        self._shown = float("-inf")

    def show(self, frame: Frame) -> None:
        """Write the frame, if the last one has been there long enough."""
        now = self._clock()
        if now - self._shown < EVERY:
            return
        self._shown = now
        done, data = cv2.imencode(".jpg", _small(frame, self._aspect), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if done:
            with contextlib.suppress(OSError):
                self._beside.write_bytes(data.tobytes())
                self._beside.replace(self._path)

    def close(self) -> None:
        """Leave nothing behind."""
        for path in (self._beside, self._path):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


@contextmanager
def previewed(video: Path, sample_aspect: Fraction, wanted: bool) -> Iterator[Callable[[Frame], None]]:
    """Give what is to be called with every frame of a video; there is a picture only while that goes on.

    Args:
        video: The file being written; the picture lies beside it, under its name.
        sample_aspect: Width of a pixel by its height.
        wanted: Otherwise nothing is shown.
    """
    if not wanted:
        yield lambda _frame: None
        return
    preview = Preview(video.with_suffix(SUFFIX), sample_aspect)
    try:
        yield preview.show
    finally:
        preview.close()


def _small(frame: Frame, aspect: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Give the picture as BGR, scaled down plane by plane: turning all of it into RGB would cost ten times as much."""
    scale = min(1.0, WIDEST / (frame.width * aspect), HIGHEST / frame.height)
    size = max(1, round(frame.width * aspect * scale)), max(1, round(frame.height * scale))
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in frame.planes]
    rgb = cv2.transform(cv2.merge(planes), frame.colour.to_rgb)
    return np.asarray(rgb[:, :, ::-1], np.uint8)
