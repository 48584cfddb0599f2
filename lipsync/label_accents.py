"""Accents, drawn by ourselves, for the letters that come with Pillow: they are those of English alone.

Measures are in heights of the capitals, from the middle of the letter; y counts upwards from its top, and
for what hangs below downwards from the line. Our own design.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from math import cos, pi, sin

from lipsync.label_stroke import Point, Stroke, line, outline

WIDTH = 0.13
"""Of a stroke."""
GAP = 0.12
"""Between a letter and what stands above it."""

_ACUTE = line((-0.05, 0.0), (0.09, 0.21))
_GRAVE = line((0.05, 0.0), (-0.09, 0.21))
_ABOVE: dict[str, tuple[Stroke, ...]] = {
    "\u0300": (_GRAVE,),
    "\u0301": (_ACUTE,),
    "\u0302": (line((-0.18, 0.0), (0.0, 0.17), (0.18, 0.0)),),
    "\u0303": ((((-0.21, 0.03), (-0.09, 0.24), (0.09, -0.08), (0.21, 0.13)),),),
    "\u0304": (line((-0.19, 0.09), (0.19, 0.09)),),
    "\u0306": ((((-0.18, 0.19), (-0.12, -0.03), (0.12, -0.03), (0.18, 0.19)),),),
    "\u0307": (line((0.0, 0.01), (0.0, 0.16)),),
    "\u0308": (line((-0.15, 0.01), (-0.15, 0.16)), line((0.15, 0.01), (0.15, 0.16))),
    "\u030a": (line(*((0.135 * sin(turn * pi / 8), 0.12 - 0.135 * cos(turn * pi / 8)) for turn in range(18))),),
    "\u030b": (line((-0.14, 0.0), (-0.02, 0.21)), line((0.06, 0.0), (0.18, 0.21))),
    "\u030c": (line((-0.18, 0.17), (0.0, 0.0), (0.18, 0.17)),),
}
_BELOW: dict[str, tuple[Stroke, ...]] = {
    "\u0326": (line((0.04, 0.08), (-0.04, 0.28)),),
    "\u0327": ((((0.0, -0.02), (0.0, 0.09)), ((0.0, 0.09), (0.22, 0.14), (0.02, 0.3), (-0.13, 0.22))),),
    "\u0328": ((((0.16, -0.02), (-0.08, 0.14), (0.06, 0.33), (0.24, 0.2)),),),
}
DOTTED = frozenset("ij")
"""Letters whose dot gives way to what stands above them."""


def parts(letter: str) -> tuple[str, str]:
    """Take a letter apart into its base and one accent that we can draw; ("", "") if it is not of that kind."""
    apart = unicodedata.normalize("NFD", letter)
    if len(apart) != 2 or apart[1] not in _ABOVE.keys() | _BELOW.keys():
        return "", ""
    return apart[0], apart[1]


def above(accent: str) -> bool:
    """Whether an accent stands above its letter."""
    return accent in _ABOVE


def drawn(accent: str, middle: float, edge: float, unit: float) -> Iterator[list[Point]]:
    """Give the polygons of an accent in pixels.

    Args:
        accent: Which.
        middle: X of the letter's middle.
        edge: Y of the letter's top, or of the line for what hangs below.
        unit: Height of the capitals.
    """
    up = above(accent)
    edge = edge - (GAP + WIDTH / 4) * unit if up else edge
    for stroke in (_ABOVE if up else _BELOW)[accent]:
        outlined = outline(stroke, WIDTH)
        yield [(middle + x * unit, edge - y * unit if up else edge + y * unit) for x, y in outlined]
