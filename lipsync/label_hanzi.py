"""The characters of the Chinese label, drawn by ourselves: it must be legible on machines without any Chinese font.

Each character is a list of strokes of even width with flat ends, as in heiti; a stroke is a chain of Bézier curves in a
square of 1000 units, y down. Our own design.
"""

from __future__ import annotations

from collections.abc import Iterator

from lipsync.label_stroke import Point, Stroke, line, outline

WIDTH = 98.0
"""Of a stroke, in units."""
HEIGHT = 1000.0
_STROKES: dict[str, tuple[Stroke, ...]] = {
    "生": (
        (((255, 50), (195, 255), (62, 395)),),
        line((205, 250), (900, 250)),
        line((505, 35), (505, 905)),
        line((165, 570), (858, 570)),
        line((52, 899), (950, 899)),
    ),
    "成": (
        line((120, 228), (945, 228)),
        (((166, 200), (166, 520)), ((166, 520), (166, 780), (60, 950))),
        line((166, 455), (478, 455)),
        (((432, 455), (432, 640), (416, 745)), ((416, 745), (402, 800), (258, 778))),
        (((562, 35), (575, 470), (722, 765)), ((722, 765), (858, 1015), (920, 735))),
        (((838, 350), (735, 690), (478, 935)),),
        line((676, 42), (802, 134)),
    ),
    "合": (
        (((505, 40), (335, 310), (45, 455)),),
        (((495, 40), (665, 310), (955, 455)),),
        line((285, 425), (715, 425)),
        line((206, 580), (206, 955)),
        line((794, 580), (794, 955)),
        line((160, 616), (840, 616)),
        line((160, 890), (840, 890)),
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
    return (outline(stroke, width) for stroke in _STROKES[character])
