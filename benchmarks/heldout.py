"""A talking video made to say what it has never said: its second half's shapes on its first half.

    python -m benchmarks.heldout [--sheets FOLDER] [FOLDER or CLIP …]

Only the first half is known to what draws: pictures, colours and mouths come from there. Each shape of the second half
is drawn on that frame of the first in which the head is held most alike, and compared with the picture that was really
taken, in the frame of the head (see ``likeness``). "Left alone" is the same frame of the first half with its own mouth.
A gain is in dB of PSNR. Flicker is measured on the first half played as it is, with the second half's shapes in order,
and compared with the second half's own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.clips import OPTIONS, Watched, asked, watch
from benchmarks.figures import record, table
from benchmarks.likeness import Aligner, Rgb, flicker, lip_error, psnr, ssim, write_sheet
from benchmarks.puppet import Moves, Puppet, drivable
from benchmarks.reenact import refound
from lipsync.errors import LipsyncError
from lipsync.face import Track
from lipsync.media import Frame
from lipsync.subject import Anatomy, anatomy, subject_of
from lipsync.threads import settle_threads, settle_torch
from lipsync.tracker import Tracker, load_tracker

EVERY = 3
"""Each so many frames are judged; all are drawn."""
HEAD = "clip|frames|left alone: PSNR|SSIM|lips %|drawn: PSNR|SSIM|lips %|gain, dB|flicker, true|drawn"


@dataclass(frozen=True)
class Verdict:
    """Means over the judged frames: (PSNR in dB, SSIM, lip error in % of the IOD), and flicker in grey levels."""

    frames: int
    alone: tuple[float, ...]
    drawn: tuple[float, ...]
    flicker: tuple[float, float]

    @property
    def gain(self) -> float:
        """How many dB nearer to the truth than leaving it alone."""
        return self.drawn[0] - self.alone[0]

    def row(self, name: str) -> list[str]:
        """A row of the table."""
        cells = [f"{one[k]:.{digits}f}" for one in (self.alone, self.drawn) for k, digits in enumerate((1, 3, 2))]
        true, ours = self.flicker
        return [name, str(self.frames), *cells, f"{self.gain:+.1f}", f"{true:.1f}", f"{ours:.1f} ({ours / true:.2f}×)"]


class Halves:
    """A clip whose first half speaks the second half's shapes."""

    def __init__(self, clip: Watched, known: Anatomy) -> None:
        self._clip, self._half = clip, len(clip.frames) // 2
        whole, first = subject_of(clip.track, known), _first(clip.track, self._half)
        self.puppet = Puppet(clip.frames[: self._half], first, known)
        same = [(number, number) for number in range(self._half)]
        self.moves = Moves.of(whole).moved_to(self.puppet.subject, same)
        self._align = Aligner(clip.track.points, whole.seen)
        self._able = drivable(self.puppet.subject)
        self._wanted = [number for number in drivable(whole).tolist() if number >= self._half]
        self._angles = whole.poses.angles

    def alike(self) -> list[tuple[int, int]]:
        """(number here, number there): for each shape the frame in which the head is held most alike."""
        here = self._angles[self._able]
        return [(int(self._able[_nearest(here, self._angles[there])]), there) for there in self._wanted]

    def in_order(self) -> list[tuple[int, int]]:
        """(number here, number there): half a clip apart; the longest run of neighbours."""
        able = set(self._able.tolist())
        pairs = [(there - self._half, there) for there in self._wanted if there - self._half in able]
        breaks = [0, *(k + 1 for k, (a, b) in enumerate(pairwise(pairs)) if b[0] != a[0] + 1), len(pairs)]
        start, end = max(pairwise(breaks), key=lambda span: span[1] - span[0])
        return pairs[start:end]

    def played(self, pairs: Sequence[tuple[int, int]]) -> list[Frame]:
        """Draw."""
        return self.puppet.play([here for here, _ in pairs], [self.moves.shape(there) for _, there in pairs])

    def crops(self, frames: Sequence[Frame], numbers: Iterable[int]) -> list[Rgb]:
        """Mouths of pictures in which the head is as in frames ``numbers`` of the clip."""
        return [self._align.crop(frame, number) for frame, number in zip(frames, numbers, strict=True)]

    def filmed(self, numbers: Iterable[int]) -> list[Rgb]:
        """Mouths as filmed."""
        chosen = list(numbers)
        return self.crops([self._clip.frames[number] for number in chosen], chosen)


def _first(track: Track, half: int) -> Track:
    return Track(track.points[:half], track.score[:half], track.present[:half], track.cuts[:half])


def _nearest(angles: np.ndarray, wanted: np.ndarray) -> int:
    return int(np.argmin(np.linalg.norm(angles - wanted, axis=1)))


def judge(clip: Watched, tracker: Tracker, known: Anatomy, sheets: Path | None) -> Verdict:
    """Compare with what was true; sheets have a row left alone, a row drawn and a row true."""
    made = Halves(clip, known)
    pairs = made.alike()
    frames = made.played(pairs)[::EVERY]
    pairs = pairs[::EVERY]
    alone, drawn = made.filmed(here for here, _ in pairs), made.crops(frames, (here for here, _ in pairs))
    true = made.filmed(there for _, there in pairs)
    if sheets:
        write_sheet(sheets / f"heldout {clip.name}.png", [alone, drawn, true])
    scores = []
    for k, (here, there) in enumerate(pairs):
        wanted, iod = made.puppet.wanted(here, made.moves.shape(there)), float(clip.track.iod[here])
        points = refound(tracker, frames[k])
        off = np.nan if points is None else lip_error(points, wanted, iod)
        both = [(psnr(one[k], true[k]), ssim(one[k], true[k])) for one in (alone, drawn)]
        scores.append((*both[0], lip_error(clip.track.points[here], wanted, iod), *both[1], off))
    mean = np.nanmean(scores, axis=0).tolist()
    return Verdict(len(scores), tuple(mean[:3]), tuple(mean[3:]), _flickers(made))


def _flickers(made: Halves) -> tuple[float, float]:
    """Of the second half as filmed, and of the first half that speaks it."""
    pairs = made.in_order()
    drawn = made.crops(made.played(pairs), (here for here, _ in pairs))
    return flicker(made.filmed(there for _, there in pairs)), flicker(drawn)


def main(words: Sequence[str] = ()) -> None:
    """Measure and record."""
    settle_threads()
    settle_torch()
    tracker, known = load_tracker("auto", OPTIONS.device), anatomy()
    rows, gains = [], []
    wish = asked("heldout", words)
    for path in wish.clips:
        try:
            verdict = judge(watch(path, tracker), tracker, known, wish.sheets)
        except LipsyncError as error:
            print(f"{path.name} is left out: {error.message}", file=sys.stderr)
            continue
        rows.append(verdict.row(path.stem))
        gains.append(verdict.gain)
    if not rows:
        print("nothing to judge by: ../shared/data/clips is not here and no folder was named")
        return
    text = f"{table(HEAD.split('|'), rows)}\n\nGain from {min(gains):+.1f} to {max(gains):+.1f} dB."
    record("heldout", "A talking video speaking what its other half said", text)


if __name__ == "__main__":
    main(sys.argv[1:])
