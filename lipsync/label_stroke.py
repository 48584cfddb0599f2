"""A stroke of a pen with a flat end: a chain of Bézier curves becomes a polygon."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import comb, hypot

Point = tuple[float, float]
Curve = tuple[Point, ...]
"""Control points of a Bézier curve; two make a straight line."""
Stroke = tuple[Curve, ...]
"""Each curve goes on where the one before ends."""

_STEPS = 16


def line(*points: Point) -> Stroke:
    """Give straight lines from point to point."""
    return tuple(pairwise(points))


def outline(stroke: Stroke, width: float) -> list[Point]:
    """Give the polygon of what a pen of some width covers."""
    points = list(_points(stroke))
    left, right = [], []
    for k, (x, y) in enumerate(points):
        before, after = points[max(0, k - 1)], points[min(len(points) - 1, k + 1)]
        along, down = after[0] - before[0], after[1] - before[1]
        length = hypot(along, down)
        dx, dy = -down / length * width / 2, along / length * width / 2
        left.append((x + dx, y + dy))
        right.append((x - dx, y - dy))
    return left + right[::-1]


def _points(stroke: Stroke) -> Iterator[Point]:
    yield stroke[0][0]
    for curve in stroke:
        steps = 1 if len(curve) == 2 else _STEPS
        yield from (_at(curve, step / steps) for step in range(1, steps + 1))


def _at(curve: Curve, t: float) -> Point:
    n = len(curve) - 1
    share = [comb(n, k) * t**k * (1 - t) ** (n - k) for k in range(n + 1)]
    return sum(s * x for s, (x, _) in zip(share, curve, strict=True)), sum(
        s * y for s, (_, y) in zip(share, curve, strict=True)
    )
