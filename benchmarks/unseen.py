"""Pictures of people that no network of ours was trained on, with the teacher's points; needs ../shared/data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.teacher import CLIPS, lesson, opened
from lipsync.face import MESH
from training.face_sources import DATA, Portrait, congress, picture, staff

PER_CLIP = 25
"""Frames taken of each clip, evenly."""
EDGE = 3
"""Frames left out at both ends of a clip."""


@dataclass(frozen=True)
class Sample:
    """A picture with one face that the teacher sees.

    Attributes:
        rgb: (H, W, 3).
        truth: (99, 2) pixels.
        photo: Whether it is a single picture, not a frame of a video.
    """

    rgb: NDArray[np.uint8]
    truth: NDArray[np.float64]
    photo: bool


def grid() -> Iterator[Sample]:
    """Crops of the GRID speakers that no network was trained on."""
    with np.load(DATA / "faces_grid_ccby.npz") as file:
        jpg, off, points, names = file["jpg"], file["off"], file["pts"], file["name"]
    for i, name in enumerate(names):
        if not str(name).startswith("s1") and "bbaf2n" not in str(name):
            yield Sample(picture(jpg[off[i] : off[i + 1]]), points[i].astype(np.float64), photo=True)


def portraits() -> Iterator[Sample]:
    """The held-out people of Congress."""
    return map(_whole, congress(held_out=True))


def london() -> Iterator[Sample]:
    """The held-out Londoners, neutral and smiling."""
    return map(_whole, staff(held_out=True))


def _whole(one: Portrait) -> Sample:
    return Sample(one.rgb, one.mesh[list(MESH), :2], photo=True)


def wild() -> Iterator[Sample]:
    """Frames of the talking videos that ``benchmarks.teacher`` has labelled one by one; GRID left out."""
    for clip in sorted(CLIPS.glob("*.mp4")):
        known = lesson(clip)
        if known is None:
            continue
        truths = known.still[:, list(MESH), :2].astype(np.float64)
        wanted = set(np.linspace(EDGE, len(truths) - 1 - EDGE, PER_CLIP).astype(int))
        for number, frame in enumerate(opened(clip).frames()):
            if number in wanted and np.isfinite(truths[number]).all():
                yield Sample(frame.rgb(), truths[number], photo=False)
