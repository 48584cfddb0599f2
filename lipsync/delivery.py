"""Delivery: what an external program has made, looked at closely and laid under the times of the take."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.errors import EngineError, MediaError
from lipsync.keeper import AUDIO, FACES, OUTPUT
from lipsync.media import Frame, Source, Timeline, open_face
from lipsync.take import VIDEO_SUFFIXES, Options

SLACK = 0.5
"""Seconds by which a program may miss the length of the speech; many work in chunks of a few frames."""
_BLOCK = 8
"""Pixels of a square whose mean brightness is compared."""
_CHANGED = 10.0
"""Levels by which a square must differ: twice what encoding anew does, a third of what a lip does."""
_FLAT = 1.0
_HINT = "Try the program by hand, with the same files; its last words are in the job's log."


def found(folder: Path, named: bool) -> Path:
    """Give the video that the program has left.

    Args:
        folder: Where it was run.
        named: It was told the name; otherwise its newest video counts.

    Raises:
        EngineError: There is none, or it is no file.
    """
    ours = {folder / name for name in (*FACES, AUDIO)}
    videos = (path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path not in ours)
    films = [folder / OUTPUT] if named else sorted(filter(_plain, videos), key=lambda path: path.stat().st_mtime_ns)
    if not films or (not films[-1].is_symlink() and not films[-1].exists()):
        raise EngineError("the program ended without an error and without a video", _HINT)
    if not _plain(films[-1]):
        raise EngineError("what the program has made is no file of its own", _HINT)
    return films[-1]


def _plain(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


@dataclass
class Delivery:
    """A program's video that fits the take.

    Attributes:
        made: The video.
        given: What the program was given: its frames are compared with these.
        line: When each frame is to be shown.
        driven: Numbers of the frames that the program has changed, once all have passed.
        blank: How many frames show nothing though what was given did.
    """

    made: Source
    given: Source
    line: Timeline
    driven: list[int] = field(default_factory=list)
    blank: int = 0

    def frames(self) -> Iterator[Frame]:
        """Yield the frames at the times of the take, and see meanwhile what the program has done to each."""
        repeated = [0] * len(self.line) if self.given.kind == "photo" else range(len(self.line))
        shown = _picked(_useful(self.made.frames()), _order(self.made, self.line).tolist())
        for number, (frame, old) in enumerate(zip(shown, _picked(self.given.frames(), repeated), strict=True)):
            was, now = _squares(old), _squares(frame)
            self.blank += bool(now[:, 0].std() < _FLAT <= was[:, 0].std())
            if _apart(was, now) > _CHANGED:
                self.driven.append(number)
            yield frame

    def check(self) -> None:
        """See that something can be seen in it, once all frames have passed.

        Raises:
            EngineError: In most of them nothing can.
        """
        if self.blank * 2 > len(self.line):
            raise EngineError(f"nothing can be seen in {self.blank} of {len(self.line)} frames of its video", _HINT)


def delivery(film: Path, face: Path, source: Source, line: Timeline, options: Options) -> Delivery:
    """Open what a program has made and see that it fits.

    Args:
        film: Its video.
        face: What it was given.
        source: What that was made of.
        line: When each frame is to be shown.
        options: Those of the take.

    Raises:
        EngineError: It cannot be read, or has another size or length.
    """
    free = replace(options, width=0, height=0, limits=replace(options.limits, file_bytes=0))
    try:
        made = open_face(film, free)
    except MediaError as error:
        raise _useless(error) from error
    if (made.width, made.height) != (source.width, source.height):
        size = f"{made.width}×{made.height} pixels instead of {source.width}×{source.height}"
        raise EngineError(f"the program's video has {size}", "Have it keep the size of the picture.")
    if abs(float(made.duration - line.seconds)) > SLACK:
        length = f"{float(made.duration):.2f} s instead of {float(line.seconds):.2f} s"
        raise EngineError(f"the program's video lasts {length}", _HINT)
    given = open_face(face, free)
    return Delivery(replace(made, sample_aspect=source.sample_aspect), given, line)


def _useful(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Say whose file it is that cannot be decoded."""
    try:
        yield from frames
    except MediaError as error:
        raise _useless(error) from error


def _useless(error: MediaError) -> EngineError:
    return EngineError(f"what the program has made is of no use: {error.message}", _HINT)


def _order(made: Source, line: Timeline) -> NDArray[np.int64]:
    """Say which of the program's frames is shown when: one for one where there are as many, else by their times."""
    if len(made) == len(line):
        return np.arange(len(line))
    times = np.array([float(time) for time in made.times])
    return np.clip(np.searchsorted(times, line.mid_times, side="right") - 1, 0, len(made) - 1)


def _picked(frames: Iterable[Frame], numbers: Iterable[int]) -> Iterator[Frame]:
    """Yield the frames of these numbers, which never go down; each is the caller's own."""
    passing = enumerate(frames)
    number, frame = next(passing)
    for wanted in numbers:
        while number < wanted:
            number, frame = next(passing)
        yield frame.copy()


def _apart(was: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    """Say by how many levels of brightness one square differs most, beyond what all have in common.

    Many programs write another range or other colour equations than they say: that changes all squares alike.
    """
    known = np.column_stack([was, np.ones(len(was), np.float32)])
    common, *_ = np.linalg.lstsq(known, now[:, 0], rcond=None)
    return float(np.abs(now[:, 0] - known @ common).max())


def _squares(frame: Frame) -> NDArray[np.float32]:
    """Give (n, 3): the mean of each square in Y, U and V."""
    size = max(1, frame.width // _BLOCK), max(1, frame.height // _BLOCK)
    means = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA).ravel() for plane in frame.planes]
    return np.stack(means, -1).astype(np.float32)
