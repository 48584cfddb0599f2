"""All made faces, ready to be drawn from, with the labels that the networks are to learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.face import EYE_L, EYE_R, LIPS
from training.face_sources import CACHE, congress, faceless, suits

TEACHER = 0.7
"""Share of the teacher's word in a label; the rest is where the mesh was drawn."""
WIDE = 4
"""Kind of made face whose label is where the mesh was drawn: as a sheet of them shows, the teacher takes a wide open
mouth with a painted inside for smaller than it is (gap .31 for .42 IOD)."""
LIPS_AGREE, WIDE_AGREE, ALL_AGREE = 0.09, 0.16, 0.12
"""Mean distance between both, in IOD, above which a made face is left out: lips, lips wide open, all points."""


@dataclass(frozen=True)
class Stock:
    """All made faces: memory-mapped crops, points, and the places of each kind."""

    crops: list[NDArray[np.uint8]]
    points: NDArray[np.float32]
    places: dict[int, list[tuple[int, int, int]]]
    empty: list[NDArray[np.uint8]]


def agreed(
    exact: NDArray[np.float32], taught: NDArray[np.float32], kinds: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Labels between the mesh and the teacher, and where the two are near enough to be believed.

    Args:
        exact: (N, 99, 2) where the mesh was drawn.
        taught: (N, 99, 2) where the teacher sees the points, NaN where it sees no face.
        kinds: (N,) kind of made face, see ``face_made``.
    """
    eyes = exact[:, EYE_L[0]] - exact[:, EYE_R[0]]
    iod = np.maximum(np.hypot(eyes[:, 0], eyes[:, 1]), 28.0)
    off = np.hypot(*np.moveaxis(taught - exact, 2, 0)) / iod[:, None]
    wide = kinds % 10 == WIDE
    near = (off[:, LIPS].mean(1) < np.where(wide, WIDE_AGREE, LIPS_AGREE)) & (off.mean(1) < ALL_AGREE)
    share = np.where(wide, 0.0, TEACHER)[:, None, None]
    return (share * taught + (1 - share) * exact).astype(np.float32), near


def stock(taught: bool) -> Stock:
    """Open what ``face_made`` has written; with ``taught``, labels and choice by ``face_teacher`` as well."""
    crops, points, places, count = [], [], {}, 0
    for path in sorted(CACHE.glob("made-*.npy")):
        crops.append(np.load(path, mmap_mode="r"))
        with np.load(path.with_suffix(".npz")) as facts:
            labels, kinds = facts["points"], facts["kinds"]
        near = np.ones(len(labels), bool)
        if taught:
            with np.load(path.with_name(path.name.replace("made", "taught")).with_suffix(".npz")) as facts:
                labels, near = agreed(labels, facts["points"], kinds)
        points.append(labels)
        for row, kind in enumerate(kinds):
            if near[row]:
                places.setdefault(int(kind), []).append((len(crops) - 1, row, count + row))
        count += len(labels)
    return Stock(crops, np.concatenate(points), places, faceless() + suits(congress()))
