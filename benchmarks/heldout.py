"""A talking video made to say what it has never said: its second half's shapes on its first half.

    python -m benchmarks.heldout [--sheets FOLDER] [FOLDER or CLIP …]

Only the first half is known to what draws: pictures, colours and mouths come from there. Each of its frames gets the
shape of the frame half a clip later, whose true picture is what it is compared with, in the frame of the head (see
``likeness``). "Left alone" is the same frame of the first half with its own mouth. A gain is in dB of PSNR.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
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
from lipsync.media import Frame
from lipsync.subject import Anatomy, Subject, anatomy, subject_of
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


@dataclass(frozen=True)
class Halves:
    """A clip whose first half spoke the second half's shapes.

    Attributes:
        numbers: (n,) frames of the first half,
        later: (n,) those whose shapes they were given.
        frames: n drawn frames.
        puppet: What drew them.
        moves: All shapes of the clip, as the puppet understands them.
        align: Cuts mouths out.
    """

    numbers: Sequence[int]
    later: Sequence[int]
    frames: Sequence[Frame]
    puppet: Puppet
    moves: Moves
    align: Aligner

    def crops(self, clip: Watched) -> tuple[list[Rgb], list[Rgb], list[Rgb]]:
        """Mouths left alone, drawn and true."""
        alone = [self.align.crop(clip.frames[number], number) for number in self.numbers]
        drawn = [self.align.crop(frame, number) for frame, number in zip(self.frames, self.numbers, strict=True)]
        return alone, drawn, [self.align.crop(clip.frames[number], number) for number in self.later]


def speak(clip: Watched, known: Anatomy) -> Halves:
    """Let the first half speak the second half's shapes."""
    half = len(clip.frames) // 2
    first = clip.track.points[:half], clip.track.score[:half], clip.track.present[:half], clip.track.cuts[:half]
    puppet = Puppet(clip.frames[:half], type(clip.track)(*first), known)
    whole = subject_of(clip.track, known)
    moves = Moves.of(whole).moved_to(puppet.subject, [(number, number) for number in range(half)])
    numbers = _pairs(puppet.subject, whole, half)
    frames = puppet.play(numbers, [moves.shape(number + half) for number in numbers])
    later = [number + half for number in numbers]
    return Halves(numbers, later, frames, puppet, moves, Aligner(clip.track.points, whole.seen))


def _pairs(first: Subject, whole: Subject, half: int) -> list[int]:
    """Frames of the first half that can be driven, and whose partner shows its mouth well."""
    able = set(drivable(whole).tolist())
    return [number for number in drivable(first).tolist() if number + half in able]


def judge(clip: Watched, tracker: Tracker, known: Anatomy, sheets: Path | None) -> Verdict:
    """Compare with what was true; sheets have a row left alone, a row drawn and a row true."""
    made = speak(clip, known)
    alone, drawn, true = made.crops(clip)
    if sheets:
        write_sheet(sheets / f"heldout {clip.name}.png", [alone, drawn, true])
    scores = []
    for k in range(0, len(made.numbers), EVERY):
        number, iod = made.numbers[k], float(clip.track.iod[made.numbers[k]])
        wanted = made.puppet.wanted(number, made.moves.shape(made.later[k]))
        points = refound(tracker, made.frames[k])
        off = np.nan if points is None else lip_error(points, wanted, iod)
        left = lip_error(clip.track.points[number], wanted, iod)
        both = [(psnr(one[k], true[k]), ssim(one[k], true[k])) for one in (alone, drawn)]
        scores.append((*both[0], left, *both[1], off))
    mean = np.nanmean(scores, axis=0).tolist()
    return Verdict(len(scores), tuple(mean[:3]), tuple(mean[3:]), (_flicker(made, true), _flicker(made, drawn)))


def _flicker(made: Halves, crops: list[Rgb]) -> float:
    """Of the longest run of neighbours."""
    breaks = [0, *(k + 1 for k, (a, b) in enumerate(pairwise(made.numbers)) if b != a + 1), len(crops)]
    start, end = max(pairwise(breaks), key=lambda span: span[1] - span[0])
    return flicker(crops[start:end])


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
