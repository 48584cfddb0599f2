"""A photo re-enacted by its own later shapes: how like is it to the pictures that were really taken then.

    python -m benchmarks.reenact [--sheets FOLDER] [FOLDER or CLIP …]

The photo is the first frame of a clip that can be driven fully; about ``JUDGED`` later frames of the clip give the
shapes and are the truth. Both are compared in the frame of the head (see ``likeness``). "Lips" is the distance between
the lip points that our own tracker finds in the drawn photo, looked at as a photo, and those that were wanted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.clips import OPTIONS, Watched, asked, watch
from benchmarks.figures import record, table
from benchmarks.likeness import Aligner, lip_error, psnr, ssim, write_sheet
from benchmarks.puppet import Moves, Puppet, drivable
from lipsync.errors import LipsyncError, NoFaceError
from lipsync.media import Frame
from lipsync.subject import Anatomy, anatomy, subject_of
from lipsync.threads import settle_threads, settle_torch
from lipsync.tracker import Tracker, load_tracker

JUDGED = 30
HEAD = ("person", "frames", "left alone: PSNR", "SSIM", "lips %", "drawn: PSNR", "SSIM", "lips %")


@dataclass(frozen=True)
class Verdict:
    """Means over the judged frames: PSNR in dB, SSIM, lip error in % of the IOD."""

    frames: int
    alone: tuple[float, float, float]
    drawn: tuple[float, float, float]

    def row(self, name: str) -> list[str]:
        """A row of the table."""
        cells = [
            f"{value:.{digits}f}"
            for one in (self.alone, self.drawn)
            for value, digits in zip(one, (1, 3, 2), strict=True)
        ]
        return [name, str(self.frames), *cells]


def refound(tracker: Tracker, frame: Frame) -> np.ndarray | None:
    """(99, 2) the points of a picture that the tracker knows nothing about; None where it finds no face."""
    try:
        return np.asarray(tracker.track([frame], "largest", lambda number: None).points[0])
    except NoFaceError:
        return None


def judge(clip: Watched, tracker: Tracker, known: Anatomy, sheets: Path | None) -> Verdict:
    """Re-enact one clip's photo; sheets have a row left alone, a row drawn and a row true."""
    subject = subject_of(clip.track, known)
    able = drivable(subject)
    first, later = int(able[0]), able[1:][:: max(1, len(able) // JUDGED)].tolist()
    photo = clip.frames[first]
    still = tracker.track([photo], "largest", lambda number: None)
    puppet = Puppet([photo], still, known)
    moves = Moves.of(subject).moved_to(puppet.subject, [(0, first)])
    align = Aligner(clip.track.points, subject.seen)
    shapes = [moves.shape(number) for number in later]
    alone, true = align.crop(photo, first), [align.crop(clip.frames[number], number) for number in later]
    drawn, scores = [], []
    for frame, shape, truth in zip(puppet.play([0] * len(later), shapes), shapes, true, strict=True):
        wanted, iod = puppet.wanted(0, shape), float(still.iod[0])
        points = refound(tracker, frame)
        drawn.append(align.crop(frame, first))
        off = np.nan if points is None else lip_error(points, wanted, iod)
        left = psnr(alone, truth), ssim(alone, truth), lip_error(still.points[0], wanted, iod)
        scores.append((*left, psnr(drawn[-1], truth), ssim(drawn[-1], truth), off))
    if sheets:
        write_sheet(sheets / f"reenact {clip.name}.png", [[alone] * len(true), drawn, true])
    mean = np.nanmean(scores, axis=0).tolist()
    return Verdict(len(scores), tuple(mean[:3]), tuple(mean[3:]))


def mean(verdicts: list[Verdict]) -> Verdict:
    """The mean over all frames of all people."""
    weight = [one.frames for one in verdicts]
    alone, drawn = (np.average([getattr(v, side) for v in verdicts], 0, weight) for side in ("alone", "drawn"))
    return Verdict(sum(weight), tuple(alone.tolist()), tuple(drawn.tolist()))


def main(words: Sequence[str] = ()) -> None:
    """Measure and record."""
    settle_threads()
    settle_torch()
    tracker, known = load_tracker("auto", OPTIONS.device), anatomy()
    verdicts: dict[str, Verdict] = {}
    wish = asked("reenact", words)
    for path in wish.clips:
        try:
            verdicts[path.stem] = judge(watch(path, tracker), tracker, known, wish.sheets)
        except LipsyncError as error:
            print(f"{path.name} is left out: {error.message}", file=sys.stderr)
    if not verdicts:
        print("nothing to judge by: ../shared/data/clips is not here and no folder was named")
        return
    rows = [verdict.row(name) for name, verdict in verdicts.items()]
    record(
        "reenact",
        "A photo re-enacted by its own later shapes",
        table(HEAD, [*rows, mean(list(verdicts.values())).row("all")]),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
