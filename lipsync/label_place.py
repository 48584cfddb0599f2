"""Where the label goes: away from the face, in one place for the whole video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lipsync.face import LIPS, Track

Boxes = NDArray[np.floating]
"""(n, 4): x0, y0, x1, y1 in pixels."""

Corner = tuple[int, int]

NEAR_TOP, NEAR_BOTTOM = 0.08, 0.10
"""Distance of the opening card from the edge, in heights of the picture."""
MARGIN = 0.04
"""Distance of the corner plate from both edges, in shorter sides: what televisions and phones may cut off is less."""
HAIR, BESIDE = 0.35, 0.06
"""How far a head reaches above and beside the tracked points, in their height and width."""
MOUTH = 6.0
"""How much worse it is to cover a mouth than the same area of a face."""
MATTERS = 0.01
"""Places whose covered shares differ by less are equally good; the first one is taken."""


def corners(frame: tuple[int, int], plate: tuple[int, int]) -> dict[str, Corner]:
    """Give the places of the small plate, best first: where the EU's code of practice suggests, away from subtitles."""
    gap = round(MARGIN * min(frame))
    right, low = frame[0] - plate[0] - gap, frame[1] - plate[1] - gap
    return _even(
        {"top right": (right, gap), "top left": (gap, gap), "bottom right": (right, low), "bottom left": (gap, low)}
    )


def bands(frame: tuple[int, int], plate: tuple[int, int]) -> dict[str, Corner]:
    """Give the places of the opening card, best first: the lower third, and the upper one."""
    left = (frame[0] - plate[0]) / 2
    return _even(
        {"bottom": (left, frame[1] * (1 - NEAR_BOTTOM) - plate[1]), "top": (left, frame[1] * NEAR_TOP)},
    )


def _even(places: Mapping[str, tuple[float, float]]) -> dict[str, Corner]:
    return {name: (max(0, int(x) // 2 * 2), max(0, int(y) // 2 * 2)) for name, (x, y) in places.items()}


def free_place(places: Mapping[str, Corner], plate: tuple[int, int], faces: Sequence[tuple[Boxes, float]]) -> str:
    """Name the place where a plate covers the least, over all frames.

    Args:
        places: Upper left corners, best first.
        plate: Width and height.
        faces: What is better left free, and how much that matters.
    """
    area = plate[0] * plate[1]
    badness = {
        name: sum(weight * _covered((x, y, x + plate[0], y + plate[1]), boxes) / area for boxes, weight in faces)
        for name, (x, y) in places.items()
    }
    least = min(badness.values())
    return next(name for name, bad in badness.items() if bad <= least + MATTERS)


def _covered(plate: tuple[int, int, int, int], boxes: Boxes) -> float:
    """Give the pixels of ``plate`` that lie in a box, in the mean of all boxes."""
    if not len(boxes):
        return 0.0
    low, high = np.maximum(boxes[:, :2], plate[:2]), np.minimum(boxes[:, 2:], plate[2:])
    return float(np.prod(np.clip(high - low, 0, None), axis=1).mean())


def heads(track: Track) -> list[tuple[Boxes, float]]:
    """Give the boxes of a tracked head and of its mouth, frame by frame, and how much each matters."""
    points = track.points[track.present].astype(np.float64)
    if not len(points):
        return []
    head, mouth = _around(points), _around(points[:, LIPS])
    size = head[:, 2:] - head[:, :2]
    head[:, 1] -= HAIR * size[:, 1]
    head[:, [0, 2]] += BESIDE * size[:, :1] * [-1, 1]
    return [(head, 1.0), (mouth, MOUTH)]


def _around(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([points.min(1), points.max(1)], axis=1)
