"""How well a face is followed through real talking videos, as benchmarks.teacher saw them; needs ../shared.

``python -m benchmarks.following [CLIP…]``. Errors are in % of the IOD against the teacher's points. Jitter is the
second difference of the lip points: its median in the picture, as the prototype measured it (most of it is real motion,
so the teacher's own is the measure), and its mean in the frame of the head, where the noise of the head's place counts.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import speech
from benchmarks.figures import record, table
from benchmarks.teacher import CLIPS, Lesson, clips, lesson, opened
from lipsync.face import EYE_L, EYE_R, INNER_LOW, INNER_UP, LIPS, Track
from lipsync.head import Head
from lipsync.subject import anatomy
from lipsync.threads import settle_threads
from lipsync.tracker import LandmarkTracker

FRONTAL = 0.5
FEWEST = 25
"""Frames with a frontal face below which a clip is not judged."""
CLOSERS = {"p", "b", "m"}
COLUMNS = (
    *("clip", "frames", "lost", "lips %", "inner %", "all %", "opening %", "opening r"),
    *("jitter, picture", "jitter, head"),
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    """One clip: frames, frames lost, errors, both jitters with the teacher's."""

    frames: int
    lost: int
    errors: Array
    likeness: float
    jitter: Array

    def row(self, name: str) -> list[str]:
        """Its line of the table."""
        ours, theirs, ours_head, theirs_head = self.jitter
        return [
            name,
            str(self.frames),
            str(self.lost),
            *(f"{error:.2f}" for error in self.errors),
            f"{self.likeness:.3f}",
            f"{ours:.2f} / {theirs:.2f} = {ours / theirs:.2f}×",
            f"{ours_head:.2f} / {theirs_head:.2f} = {ours_head / theirs_head:.2f}×",
        ]


def apart(points: NDArray[np.floating]) -> Array:
    """(T,) pixels between the outer eye corners."""
    return np.asarray(np.hypot(*(points[:, EYE_L[0]] - points[:, EYE_R[0]]).T), np.float64)


def opening(points: NDArray[np.floating]) -> Array:
    """(T,) mean gap between the lips over the middle half of the mouth, in IOD."""
    gaps = points[:, INNER_UP[3:8]] - points[:, INNER_LOW[6:1:-1]]
    return np.asarray(np.hypot(gaps[..., 0], gaps[..., 1]).mean(1) / apart(points), np.float64)


def jerk(points: Array, unit: Array) -> Array:
    """(T − 2, 40) second differences of the lips, % of ``unit``."""
    lips = points[:, LIPS]
    second = lips[2:] - 2 * lips[1:-1] + lips[:-2]
    return np.asarray(np.hypot(second[..., 0], second[..., 1]) / unit[1:-1, None] * 100, np.float64)


def in_head(points: NDArray[np.float32], head: Head) -> Array:
    """(T, 99, 2) in the frame of the head, in IOD."""
    poses = head.own(points).poses(points)
    planes = poses.plane(float(head.shape[LIPS, 2].mean()))
    return np.array([planes.to_plane(number, one) for number, one in enumerate(points)])


def judge(track: Track, known: Lesson, head: Head) -> Verdict | None:
    """Compare a track with the teacher's; None where a face is hardly ever frontal."""
    truth = known.ours
    seen = np.isfinite(truth[:, 0, 0])
    front = np.abs(np.where(seen, head.poses(truth).angles[:, 0], np.pi)) < FRONTAL
    both = front & track.present
    ours, theirs = track.points.astype(np.float64), truth.astype(np.float64)
    if both.sum() < FEWEST:
        return None
    off = np.hypot(*(ours - theirs)[both].T).T / apart(theirs)[both, None] * 100
    gaps = opening(ours[both]), opening(theirs[both])
    errors = [off[:, LIPS].mean(), off[:, np.r_[INNER_UP, INNER_LOW]].mean(), off.mean()]
    errors.append(np.abs(gaps[0] - gaps[1]).mean() * 100)
    steady = (front & track.present)[1:-1] & both[2:] & both[:-2] & ~track.cuts[1:-1] & ~track.cuts[2:]
    whole = apart(theirs)
    jitter = [float(np.median(jerk(points, whole)[steady])) for points in (ours, theirs)]
    still = np.ones(len(track))
    jitter += [float(jerk(in_head(points, head), still)[steady].mean()) for points in (track.points, truth)]
    lost = int((front & ~track.present).sum())
    likeness = float(np.corrcoef(*gaps)[0, 1])
    return Verdict(len(track), lost, np.array(errors), likeness, np.array(jitter))


def closures(tracks: dict[str, Track]) -> str:
    """How far the lips come together for the sounds of closed lips, in GRID clips; the teacher's own beside it."""
    ours, theirs = [], []
    for clip in speech.unseen():
        stem = clip.name.rsplit("_", 1)[-1]
        known = lesson(CLIPS / "grid" / f"{stem}.mpg")
        if stem not in tracks or known is None:
            continue
        for start, end, phone in clip.phones:
            if phone in CLOSERS:
                near = slice(max(0, int(start * 25) - 1), int(end * 25) + 3)
                ours.append(opening(tracks[stem].points[near]).min() * 100)
                theirs.append(opening(known.ours[near]).min() * 100)
    if not ours:
        return "No /p b m/ to judge closures by."
    return (
        f"Smallest opening at the {len(ours)} /p b m/ of GRID, % of the IOD: {np.mean(ours):.2f} on average and "
        f"{np.max(ours, initial=0):.2f} at most; as the teacher sees it {np.mean(theirs):.2f} and "
        f"{np.max(theirs, initial=0):.2f}."
    )


def mean(verdicts: list[Verdict]) -> Verdict:
    """All of them together, each clip counting the same."""
    return Verdict(
        sum(one.frames for one in verdicts),
        sum(one.lost for one in verdicts),
        np.mean([one.errors for one in verdicts], axis=0),
        float(np.mean([one.likeness for one in verdicts])),
        np.mean([one.jitter for one in verdicts], axis=0),
    )


def main(words: list[str] | None = None) -> None:
    """Measure and record."""
    torch.set_num_threads(1)
    settle_threads()
    tracker, head = LandmarkTracker("cpu"), anatomy().head
    verdicts: dict[str, Verdict] = {}
    tracks: dict[str, Track] = {}
    for clip in clips([Path(word) for word in words or []] or [CLIPS]):
        known = lesson(clip)
        if known is None:
            continue
        source = opened(clip)
        track = tracks[clip.stem] = tracker.track(source.frames(), "largest", lambda _: None)
        verdict = judge(track, known, head)
        if verdict is None:
            print(f"{clip.name} is left out: hardly ever frontal", flush=True)
            continue
        verdicts[clip.stem] = verdict
        print(*verdict.row(clip.name), flush=True)
    if not verdicts:
        record("following", "A face through a video", "Nothing to judge by: run `python -m benchmarks.teacher` first.")
        return
    grid = [one for name, one in verdicts.items() if (CLIPS / "grid" / f"{name}.mpg").exists()]
    wild = [one for name, one in verdicts.items() if not (CLIPS / "grid" / f"{name}.mpg").exists()]
    rows = [one.row(name) for name, one in verdicts.items()]
    rows += [mean(some).row(f"**{name}**") for name, some in (("GRID", grid), ("wild", wild)) if some]
    note = (
        "Jitter: ours / the teacher's. Lost: frames in which only the teacher sees a face turned by less than .5 rad."
    )
    record("following", "A face through a video", "\n\n".join([table(COLUMNS, rows), closures(tracks), note]))


if __name__ == "__main__":
    main(sys.argv[1:])
