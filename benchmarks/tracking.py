"""How well faces are found and their points placed, on people no network has seen; needs ../shared/data.

Errors are in % of the IOD against the teacher's points (its own repeatability is .6 on portraits).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import daemon.sample
from benchmarks.figures import record, table
from lipsync.detector import Detector
from lipsync.face import EYE_L, EYE_R, LIPS, MESH
from lipsync.landmarks import Landmarks
from lipsync.media import Frame, open_face
from lipsync.search import Search
from lipsync.take import Options
from lipsync.threads import settle_threads
from lipsync.tracker import LandmarkTracker
from training.face_augment import texture
from training.face_sources import DATA, Portrait, congress, picture, staff

PAIRS = ((25, 35), (24, 36), (26, 34))
UNSEEN = ("motorcycle_right.png", "phantom.png", "cell.png", "microaneurysms.png")


@dataclass(frozen=True)
class Seen:
    """A picture with one face: what the teacher says and what our tracker found (None: nothing)."""

    truth: NDArray[np.float64]
    points: NDArray[np.float32] | None
    score: float
    faces: int


def grid() -> list[tuple[NDArray[np.uint8], NDArray[np.float64]]]:
    """Crops of the GRID speakers that no network was trained on, with the teacher's points."""
    with np.load(DATA / "faces_grid_ccby.npz") as file:
        jpg, off, points, names = file["jpg"], file["off"], file["pts"], file["name"]
    unseen = [i for i, name in enumerate(names) if not str(name).startswith("s1") and "bbaf2n" not in str(name)]
    return [(picture(jpg[off[i] : off[i + 1]]), points[i].astype(np.float64)) for i in unseen]


def portraits(people: list[Portrait]) -> list[tuple[NDArray[np.uint8], NDArray[np.float64]]]:
    """Whole pictures with the teacher's points."""
    return [(one.rgb, one.mesh[list(MESH), :2]) for one in people]


def look(search: Search, rgb: NDArray[np.uint8], truth: NDArray[np.float64]) -> Seen:
    """Find the face that the teacher saw."""
    faces = search.faces(Frame.from_rgb(rgb), thorough=True, still=True)
    if not faces:
        return Seen(truth, None, 0.0, 0)
    best = min(faces, key=lambda face: float(np.hypot(*(face.points - truth).T).mean()))
    return Seen(truth, best.points, best.score, len(faces))


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
    right = [(e, hit) for e, hit in zip(off, hits, strict=True) if e.mean() < 15]
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
        search = Search(Detector(), Landmarks())
        sets = {
            "portraits, held out": portraits(congress(held_out=True)),
            "London, held out": portraits(staff(held_out=True)),
            "GRID, other speakers": grid(),
        }
        rows = [row(name, [look(search, *one) for one in pictures]) for name, pictures in sets.items()]
        head = "people never seen|pictures|found|false faces|lips %|all points %|gap error %|gap r|lowest score"
        lines = [table(head.split("|"), rows), faceless(search), *lines]
    record("tracking", "Faces and their points", "\n\n".join(lines))


if __name__ == "__main__":
    main()
