"""How well faces are found and their points placed, on people no network has seen; needs ../shared/data.

Errors are in % of the IOD against the teacher's points (its own repeatability is .6 on portraits).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import daemon.sample
from benchmarks.figures import record, table
from benchmarks.unseen import Sample, grid, london, portraits, wild
from lipsync.detector import Detector
from lipsync.face import EYE_L, EYE_R, LIPS
from lipsync.landmarks import Landmarks
from lipsync.media import Frame, open_face
from lipsync.search import Search
from lipsync.take import Options
from lipsync.threads import settle_threads
from lipsync.tracker import LandmarkTracker
from training.face_augment import texture
from training.face_sources import DATA

PAIRS = ((25, 35), (24, 36), (26, 34))
OPEN = 0.2
"""Gap between the lips, in IOD, from which a mouth counts as wide open."""
FAR = 15.0
"""Mean error, in % of the IOD, from which it is another face, or none."""
WILD = "wild frames"
SETS: dict[str, Callable[[], Iterator[Sample]]] = {
    "portraits, held out": portraits,
    "London, held out": london,
    "GRID, other speakers": grid,
    WILD: wild,
}
UNSEEN = ("motorcycle_right.png", "phantom.png", "cell.png", "microaneurysms.png")


@dataclass(frozen=True)
class Seen:
    """A sample and what our tracker found in it (points None: nothing).

    Attributes:
        truth: What the teacher says.
        points: The face that is nearest to it.
        score: Of that face.
        faces: How many were found.
        expected: Lip error that the mouth network expects, in pixels.
    """

    truth: NDArray[np.float64]
    points: NDArray[np.float32] | None
    score: float
    faces: int
    expected: float


def look(search: Search, landmarks: Landmarks, sample: Sample) -> Seen:
    """Find the face that the teacher saw, as in a single photo or in the first frame of a video."""
    frame = Frame.from_rgb(sample.rgb)
    faces = search.faces(frame, thorough=True, still=sample.photo)
    if not faces:
        return Seen(sample.truth, None, 0.0, 0, 0.0)
    best = min(faces, key=lambda face: float(np.hypot(*(face.points - sample.truth).T).mean()))
    expected = landmarks.mouth(frame, best.points, mirrored=sample.photo).off
    return Seen(sample.truth, best.points, best.score, len(faces), expected)


def iod(points: NDArray[np.floating]) -> float:
    """Pixels between the outer eye corners."""
    return float(np.hypot(*(points[EYE_L[0]] - points[EYE_R[0]])))


def opening(points: NDArray[np.floating]) -> float:
    """Gap between the lips, in IOD."""
    return float(np.mean([np.hypot(*(points[a] - points[b])) for a, b in PAIRS])) / iod(points)


def row(name: str, seen: list[Seen]) -> list[str]:
    """One line of the table: found, false faces, errors."""
    hits = [(one.truth, one.points, one.score) for one in seen if one.points is not None]
    off = [np.hypot(*(points - truth).T) / iod(truth) * 100 for truth, points, _ in hits]
    right = [(e, hit) for e, hit in zip(off, hits, strict=True) if e.mean() < FAR]
    gaps = np.array([(opening(points), opening(truth)) for _, (truth, points, _) in right])
    extra = sum(max(0, one.faces - 1) for one in seen) + len(hits) - len(right)
    return [
        name,
        str(len(seen)),
        f"{len(right) / len(seen):.3f}",
        f"{extra / len(seen):.3f}",
        f"{np.mean([e[LIPS].mean() for e, _ in right]):.2f}",
        f"{np.mean([e.mean() for e, _ in right]):.2f}",
        f"{np.abs(gaps[:, 0] - gaps[:, 1]).mean() * 100:.2f}",
        f"{np.corrcoef(gaps.T)[0, 1]:.3f}",
        f"{min(score for _, (_, _, score) in right):.2f}",
    ]


def reliability(seen: list[Seen]) -> str:
    """The lip error that the mouth network expects against the one that it makes, both in % of the IOD."""
    pairs = []
    for one in seen:
        if one.points is not None:
            size = iod(one.truth) / 100
            error = float(np.hypot(*(one.points - one.truth)[LIPS].T).mean()) / size
            if error < FAR:
                pairs.append((one.expected / size, error))
    pairs.sort()
    bins = [np.array(part) for part in np.array_split(np.array(pairs), 6)]
    rows = [[f"{part[0, 0]:.1f} … {part[-1, 0]:.1f}", len(part), *(f"{v:.2f}" for v in part.mean(0))] for part in bins]
    ranks = np.argsort(np.argsort(np.array(pairs), axis=0), axis=0)
    gap = sum(len(part) * abs(float(np.diff(part.mean(0))[0])) for part in bins) / len(pairs)
    head = table(["lip error expected, % IOD", "pictures", "mean expected", "mean made"], rows)
    return f"{head}\n\nMean gap {gap:.2f}; rank correlation of both {np.corrcoef(ranks.T)[0, 1]:.2f}."


def faceless(search: Search) -> str:
    """What is found where there is nothing."""
    import cv2
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    pictures = [texture(256, np.random.default_rng((9, i))) for i in range(100)]
    pictures += [cv2.imread(str(folder / name))[:, :, ::-1].copy() for name in UNSEEN]
    found = [search.faces(Frame.from_rgb(one), thorough=True) for one in pictures]
    false = sum(len(faces) for faces in found)
    return f"{false} false faces in {len(pictures)} faceless pictures, each searched thoroughly (up to 30 looks)."


def milliseconds(work: Callable[[], object], times: int = 20) -> float:
    """Median time of a call."""
    work()
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return float(np.median(spent)) * 1000


def pace() -> str:
    """Cost on one thread."""
    clip = Path(daemon.sample.__file__).parent / "astronaut.mp4"
    frames = list(islice(open_face(clip, Options()).frames(), 30))
    detector, landmarks, tracker = Detector(), Landmarks(), LandmarkTracker("cpu")
    find = milliseconds(lambda: detector.find(frames[0]))
    first = Search(detector, landmarks).faces(frames[0])[0]
    face = milliseconds(lambda: landmarks.face(frames[0], first.to_crop))
    mouth = milliseconds(lambda: landmarks.mouth(frames[0], first.points))
    whole = milliseconds(lambda: tracker.track(frames, "largest", lambda _: None), 3) / len(frames)
    return (
        f"One thread: detector {find:.1f} ms a picture, face network {face:.1f} ms, mouth network {mouth:.1f} ms, "
        f"tracking {whole:.1f} ms a frame (decoding left out)."
    )


def main() -> None:
    """Measure and record."""
    torch.set_num_threads(1)
    settle_threads()
    lines = [pace()]
    if DATA.exists():
        landmarks = Landmarks()
        search = Search(Detector(), landmarks)
        sets = {name: [look(search, landmarks, one) for one in samples()] for name, samples in SETS.items()}
        everyone = [one for seen in sets.values() for one in seen]
        sets["mouths open > .2 IOD, of all these"] = [one for one in everyone if opening(one.truth) > OPEN]
        rows = [row(name, seen) for name, seen in sets.items() if seen]
        head = "people never seen|pictures|found|false faces|lips %|all points %|gap error %|gap r|lowest score"
        lines = [table(head.split("|"), rows), faceless(search), reliability(everyone), *lines]
        if not sets[WILD]:
            lines.insert(
                1, "No wild frames: the teacher has not labelled them (`python -m benchmarks.teacher PYTHON`)."
            )
    record("tracking", "Faces and their points", "\n\n".join(lines))


if __name__ == "__main__":
    main()
