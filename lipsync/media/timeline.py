"""Which frame of the source is shown when, so that the video lasts as long as the speech."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from lipsync.errors import LimitError
from lipsync.media.scan import FASTEST
from lipsync.media.source import Source


@dataclass(frozen=True)
class Timeline:
    """The frames of a video to be made, in order.

    Attributes:
        indices: (n,) int64, numbers of source frames; neighbours differ by at most 1.
        times: n exact seconds at which the frames appear, from 0.
        durations: n exact seconds for which they stay.
        fps: The constant rate, or the mean.
    """

    indices: NDArray[np.int64]
    times: tuple[Fraction, ...]
    durations: tuple[Fraction, ...]
    fps: Fraction

    def __len__(self) -> int:
        return len(self.times)

    @property
    def seconds(self) -> Fraction:
        """Length of the video."""
        return self.times[-1] + self.durations[-1]

    @property
    def mid_times(self) -> NDArray[np.float64]:
        """(n,) seconds of the middle of each frame: when the mouth is to be right."""
        pairs = zip(self.times, self.durations, strict=True)
        return np.array([float(time) + float(stay) / 2 for time, stay in pairs])


def timeline(source: Source, speech_seconds: Fraction, fps: Fraction) -> Timeline:
    """Lay out the frames of ``source`` under a speech.

    A photo is repeated at ``fps``. A video keeps its own times: the longer one is cut, the shorter one goes forth and
    back without repeating its end frames, each frame staying as long as it does in the file. The video ends with the
    first frame that reaches the end of the speech.

    Raises:
        LimitError: So many frames lie in its beginning that the video would have too many a second.
    """
    if source.kind == "photo":
        count = max(1, math.ceil(speech_seconds * fps))
        times = tuple(number / fps for number in range(count))
        return Timeline(np.zeros(count, np.int64), times, (1 / fps,) * count, fps)
    ends = (*source.times[1:], source.duration)
    stays = [end - start for start, end in zip(source.times, ends, strict=True)]
    indices, starts = [], []
    now = Fraction(0)
    for index in _forth_and_back(len(stays)):
        indices.append(index)
        starts.append(now)
        now += stays[index]
        if now >= speech_seconds:
            break
    if len(indices) > FASTEST * now + 10:
        message = f"{source.path.name} has {len(indices) / float(now):.0f} pictures per second in places"
        raise LimitError(f"{message}; at most {FASTEST} are allowed", "Export it again, with 25 per second.")
    return Timeline(
        indices=np.array(indices, np.int64),
        times=tuple(starts),
        durations=tuple(stays[index] for index in indices),
        fps=source.fps,
    )


def _forth_and_back(count: int) -> Iterator[int]:
    """0, 1, … count−1, count−2, … 1, 0, 1, … for ever."""
    while True:
        yield from range(count)
        yield from range(count - 2, 0, -1)
