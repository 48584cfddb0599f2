"""The characters of the Chinese label, drawn by ourselves: it must be legible on machines without any Chinese font.

Each character is a list of strokes of even width with flat ends, as in heiti; a stroke is a chain of Bézier curves in a
square of 1000 units, y down. Our own design.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import comb, hypot

Point = tuple[float, float]

WIDTH = 92.0
"""Of a stroke, in units."""
HEIGHT = 1000.0
_STEPS = 16

_Curve = tuple[Point, ...]
_Stroke = tuple[_Curve, ...]


def _line(*points: Point) -> _Stroke:
    return tuple(pairwise(points))


_STROKES: dict[str, tuple[_Stroke, ...]] = {
    "生": (
        (((255, 50), (195, 255), (62, 395)),),
        _line((205, 250), (900, 250)),
        _line((505, 35), (505, 905)),
        _line((165, 570), (858, 570)),
        _line((52, 899), (950, 899)),
    ),
    "成": (
        _line((120, 228), (945, 228)),
        (((166, 200), (166, 520)), ((166, 520), (166, 780), (60, 950))),
        _line((166, 455), (478, 455)),
        (((432, 455), (432, 640), (416, 745)), ((416, 745), (402, 800), (258, 778))),
        (((562, 35), (575, 470), (722, 765)), ((722, 765), (858, 1015), (920, 735))),
        (((838, 350), (735, 690), (478, 935)),),
        _line((676, 42), (802, 134)),
    ),
    "合": (
        (((505, 40), (335, 310), (45, 455)),),
        (((495, 40), (665, 310), (955, 455)),),
        _line((285, 425), (715, 425)),
        _line((206, 580), (206, 955)),
        _line((794, 580), (794, 955)),
        _line((160, 616), (840, 616)),
        _line((160, 890), (840, 890)),
    ),
}

KNOWN = frozenset(_STROKES)
"""The characters we can draw."""


def outlines(character: str, width: float = WIDTH) -> Iterator[list[Point]]:
    """Give the polygons of a character, one for each stroke; they overlap.

    Args:
        character: One of ``KNOWN``.
        width: Of the strokes, in units.
    """
    for stroke in _STROKES[character]:
        yield _outline(list(_points(stroke)), width / 2)


def _points(stroke: _Stroke) -> Iterator[Point]:
    yield stroke[0][0]
    for curve in stroke:
        steps = 1 if len(curve) == 2 else _STEPS
        yield from (_at(curve, step / steps) for step in range(1, steps + 1))


def _at(curve: _Curve, t: float) -> Point:
    n = len(curve) - 1
    share = [comb(n, k) * t**k * (1 - t) ** (n - k) for k in range(n + 1)]
    return sum(s * x for s, (x, _) in zip(share, curve, strict=True)), sum(
        s * y for s, (_, y) in zip(share, curve, strict=True)
    )


def _outline(points: list[Point], half: float) -> list[Point]:
    """Give what lies within ``half`` of a chain of points, sideways."""
    left, right = [], []
    for k, (x, y) in enumerate(points):
        before, after = points[max(0, k - 1)], points[min(len(points) - 1, k + 1)]
        along, down = after[0] - before[0], after[1] - before[1]
        length = hypot(along, down)
        dx, dy = -down / length * half, along / length * half
        left.append((x + dx, y + dy))
        right.append((x - dx, y - dy))
    return left + right[::-1]
