"""How well the "who" network tells people apart whom it never saw; needs ../shared.

``python -m benchmarks.who``. Londoners: 20 held out, one picture neutral, one smiling. Clips: seven frames of each real
talking video, among those of all others: harder than any one video, in which there are two or three people.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import record, table
from benchmarks.teacher import CLIPS, clips, opened
from lipsync.face import MESH
from lipsync.media import Frame
from lipsync.threads import settle_threads
from lipsync.tracker import LandmarkTracker
from lipsync.who import Recogniser
from training.who_faces import judges, london

FRAMES, EVERY = 7, 11
Looks = NDArray[np.float32]


def londoners(recogniser: Recogniser) -> tuple[Looks, NDArray[np.int64]]:
    """Looks of those held out, and who each is."""
    people = london()
    shots = [(who, shot) for who, name in enumerate(judges()) for shot in people[name]]
    looks = [
        recogniser.look(Frame.from_rgb(shot.rgb), shot.mesh[list(MESH), :2].astype(np.float32)) for _, shot in shots
    ]
    return np.array(looks), np.array([who for who, _ in shots])


def talkers(recogniser: Recogniser) -> tuple[Looks, NDArray[np.int64]]:
    """Likewise of frames of clips; the face is followed as ever."""
    tracker = LandmarkTracker("cpu")
    looks, who = [], []
    for number, clip in enumerate(clips([CLIPS])):
        frames = list(islice(opened(clip).frames(), 0, FRAMES * EVERY, EVERY))
        track = tracker.track(frames, "largest", lambda _: None)
        for frame, points in zip(frames, track.points, strict=True):
            if np.isfinite(points).all():
                looks.append(recogniser.look(frame, points))
                who.append(number)
    return np.array(looks), np.array(who)


def row(name: str, looks: Looks, who: NDArray[np.int64]) -> list[str]:
    """One line of the table: likeness of one and of two people, and how often the likeliest is the right one."""
    like, same = looks @ looks.T, who[:, None] == who
    other = ~np.eye(len(who), dtype=bool)
    one, two = like[same & other], like[~same]
    limits = np.linspace(-0.5, 1, 301)
    misses, errors = (one[:, None] < limits).mean(0), (two[:, None] >= limits).mean(0)
    at = int(np.abs(misses - errors).argmin())
    first = (who[np.where(other, like, -2).argmax(1)] == who).mean()
    return [
        name,
        f"{len(set(who.tolist()))} / {len(who)}",
        f"{one.mean():.2f} ({np.quantile(one, 0.05):.2f})",
        f"{two.mean():.2f} ({np.quantile(two, 0.95):.2f})",
        f"{(misses[at] + errors[at]) / 2:.1%}",
        f"{first:.3f}",
    ]


def main() -> None:
    """Measure and record."""
    settle_threads()
    recogniser = Recogniser("cpu")
    head = ("never seen", "people / pictures", "likeness of one (5 %)", "of two (95 %)", "equal error", "rank 1")
    rows = [row("Londoners, neutral and smiling", *londoners(recogniser)), row("clips", *talkers(recogniser))]
    record("who", "Telling people apart", table(head, rows))


if __name__ == "__main__":
    main()
