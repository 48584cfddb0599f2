"""Sheets to judge by: consecutive frames around closures, openings and rounded vowels, whole face and mouth.

python -m benchmarks.gallery                          draws docs/gallery.png of the bundled sample
python -m benchmarks.gallery OUT.png SPEECH FACE…     of any faces: files, or folders of them
python -m benchmarks.gallery --strip N [--zoom Z] [--at SECONDS] OUT.png SPEECH FACE…
                                                      N consecutive mouths of each face, Z times as large
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import lipsync
from benchmarks.clips import OPTIONS
from benchmarks.material import SAMPLE
from lipsync.articulation import OPEN, PROTRUSION, WIDTH, Articulation, Motion
from lipsync.errors import LipsyncError
from lipsync.face import LIPS, Track
from lipsync.media import open_face, open_speech
from lipsync.take import PHOTO_SUFFIXES, VIDEO_SUFFIXES, Limits
from lipsync.tracker import Tracker, load_tracker

SIDE = 168
"""Pixels of a picture of a mouth, or of a whole face."""
EACH = 7
"""Consecutive frames of one moment."""
KINDS = ("closure", "opening", "rounding")
APART = 0.6
"""Seconds that two moments of a kind lie apart at least."""
WIDEST = 1600
"""Pixels of a line of a strip."""

Bgr = NDArray[np.uint8]


@dataclass(frozen=True)
class Filmed:
    """A finished video: its frames (BGR), their middles in seconds, and the track of its face."""

    frames: Sequence[Bgr]
    middles: NDArray[np.float64]
    track: Track


def moments(motion: Motion, each: int = 1) -> list[tuple[str, float]]:
    """Choose when to look: the ``each`` clearest closures, openings and roundings, as (kind, seconds)."""
    values = motion.values.astype(np.float64)
    loud = max(float(np.percentile(values[:, OPEN], 95)), 1e-6)
    smooth = np.convolve(values[:, OPEN] / loud, np.ones(25) / 25, "same")
    worth = {
        "closure": motion.closure * smooth,
        "opening": values[:, OPEN] / loud,
        "rounding": values[:, PROTRUSION] - values[:, WIDTH],
    }
    return [(kind, row / 100) for kind in KINDS for row in _peaks(worth[kind] * motion.voiced, each)]


def _peaks(worth: NDArray[np.floating], count: int) -> list[int]:
    """Rows of the highest values that lie ``APART``, in order."""
    left, found = np.array(worth, np.float64), []
    for _ in range(count):
        row = int(left.argmax())
        if left[row] <= 0:
            break
        found.append(row)
        reach = round(APART * 100)
        left[max(0, row - reach) : row + reach] = 0
    return sorted(found)


def filmed(video: Path, tracker: Tracker) -> Filmed:
    """Look at a finished video."""
    with av.open(str(video)) as container:
        stamped = [
            (float(one.time or 0), np.asarray(one.to_ndarray(format="bgr24"), np.uint8))
            for one in container.decode(video=0)
        ]
    times = np.array([time for time, _ in stamped])
    stay = float(np.median(np.diff(times))) if len(times) > 1 else 0.04
    track = tracker.track(open_face(video, OPTIONS).frames(), "largest", lambda number: None)
    return Filmed([frame for _, frame in stamped], times + stay / 2, track)


def consecutive(shown: Filmed, at: float, count: int) -> list[int]:
    """Numbers of ``count`` frames around a time."""
    middle = int(np.argmin(np.abs(shown.middles - at)))
    first = min(max(0, middle - count // 2), max(0, len(shown.frames) - count))
    return list(range(first, min(first + count, len(shown.frames))))


def square(shown: Filmed, number: int, reach: float, side: int) -> Bgr:
    """A square around the mouth (``reach`` IOD to each side); it goes with the head, smoothly."""
    near = slice(max(0, number - 6), number + 7)
    points = shown.track.points[near][shown.track.present[near]]
    if not len(points):
        points = shown.track.points[shown.track.present]
    x, y = points[:, LIPS].mean((0, 1))
    half = reach * float(np.nanmedian(shown.track.iod))
    scale = side / (2 * half)
    turn = np.array([[scale, 0, side / 2 - x * scale], [0, scale, side / 2 - y * scale]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    frame = shown.frames[number]
    return np.asarray(cv2.warpAffine(frame, turn, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def written(text: str, width: int) -> Bgr:
    """A line of text above a row."""
    line = np.full((20, width, 3), 255, np.uint8)
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(line, plain, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return line


def sheet(shown: Filmed, name: str, when: Sequence[tuple[str, float]]) -> Bgr:
    """One face: for each moment a line with the whole face and consecutive mouths."""
    rows = []
    for kind, at in when:
        numbers = consecutive(shown, at, EACH)
        whole = square(shown, numbers[len(numbers) // 2], 1.6, SIDE)
        row = np.hstack([whole, *(square(shown, number, 0.55, SIDE) for number in numbers)])
        rows += [written(f"{name}: {kind} at {at:.2f} s, frames {numbers[0]} to {numbers[-1]}", row.shape[1]), row]
    return _stacked(rows)


def strip(shown: Filmed, name: str, at: float, count: int, zoom: float) -> Bgr:
    """Consecutive mouths, ``zoom`` times as large as in the video."""
    numbers = consecutive(shown, at, count)
    side = round(zoom * 1.1 * float(np.nanmedian(shown.track.iod)))
    shots = [square(shown, number, 0.55, side) for number in numbers]
    wide = max(1, WIDEST // side)
    lines = [np.hstack(shots[start : start + wide]) for start in range(0, len(shots), wide)]
    title = f"{name}: frames {numbers[0]} to {numbers[-1]}, {zoom:g} times"
    return _stacked([written(title, lines[0].shape[1]), *lines])


def _stacked(rows: Sequence[Bgr]) -> Bgr:
    width = max(row.shape[1] for row in rows)
    white = (255, 255, 255)
    return np.vstack(
        [cv2.copyMakeBorder(row, 0, 0, 0, width - row.shape[1], cv2.BORDER_CONSTANT, value=white) for row in rows]
    )


def faces(words: Sequence[str]) -> list[Path]:
    """Photos and videos named, or in folders named."""
    found: list[Path] = []
    for path in map(Path, words):
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found += [one for one in inside if one.suffix.lower() in PHOTO_SUFFIXES | VIDEO_SUFFIXES]
    return found


def main(words: list[str]) -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery")
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parents[1] / "docs" / "gallery.png")
    parser.add_argument("speech", nargs="?", type=Path, default=SAMPLE / "hello.en.flac")
    parser.add_argument("faces", nargs="*", default=[str(SAMPLE / "astronaut.jpg"), str(SAMPLE / "astronaut.mp4")])
    parser.add_argument("--strip", type=int, default=0, metavar="N")
    parser.add_argument("--zoom", type=float, default=2.0)
    parser.add_argument("--at", type=float, default=None, metavar="SECONDS")
    parser.add_argument("--each", type=int, default=1, help="moments of each kind")
    asked = parser.parse_args(words)
    motion = Articulation(OPTIONS.device)(open_speech(asked.speech, Limits()).samples16k)
    when = moments(motion, asked.each)
    studio, tracker = lipsync.load(OPTIONS), load_tracker("auto", OPTIONS.device)
    drawn = []
    with tempfile.TemporaryDirectory() as folder:
        video, poster = Path(folder) / "video.mp4", Path(folder) / "poster.jpg"
        for face in faces(asked.faces):
            try:
                studio.render(lipsync.Take(face, asked.speech), video, poster, lambda progress: None)
                shown = filmed(video, tracker)
            except LipsyncError as error:
                drawn.append(written(f"{face.name}: {error.message}", SIDE * (EACH + 1)))
                continue
            if asked.strip:
                at = asked.at if asked.at is not None else when[0][1]
                drawn.append(strip(shown, face.name, at, asked.strip, asked.zoom))
            else:
                drawn.append(sheet(shown, face.name, when))
    cv2.imwrite(str(asked.out), _stacked(drawn), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(asked.out)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
