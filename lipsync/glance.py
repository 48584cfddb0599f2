"""A few frames kept from the first pass, to measure colours on when it is known where the face is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from lipsync.face import Track
from lipsync.media import Frame
from lipsync.palette import Palette, middle_palette, palette

MOST = 7
"""Frames kept, however long the clip."""


class Glances:
    """Watches frames go by and keeps a few, evenly spread."""

    def __init__(self, total: int) -> None:
        """Choose which frames to keep.

        Args:
            total: How many will go by; a few more or less do no harm.
        """
        self._wanted = set(np.linspace(0, max(0, total - 1), MOST).round().astype(int).tolist())
        self._kept: dict[int, Frame] = {}

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Pass frames on, keeping copies of some."""
        for number, frame in enumerate(frames):
            if number in self._wanted:
                self._kept[number] = frame.copy()
            yield frame

    def palette(self, track: Track) -> Palette:
        """Measure the colours of the tracked face and forget the frames.

        Args:
            track: Of the frames that went by; the face must be in at least one of them, kept or not.
        """
        measured = [
            _measured(frame, track.points[number])
            for number, frame in self._kept.items()
            if number < len(track) and track.present[number]
        ]
        self._kept.clear()
        return middle_palette(measured) if measured else Palette.plain()


def _measured(frame: Frame, points: np.ndarray) -> Palette:
    low = np.clip(np.floor(points.min(0)), 0, (frame.width - 2, frame.height - 2)).astype(int)
    high = np.clip(np.ceil(points.max(0)) + 1, low + 2, (frame.width, frame.height)).astype(int)
    rgb = frame.rgb((int(low[0]), int(low[1]), int(high[0]), int(high[1])))
    return palette(rgb, points - low)
