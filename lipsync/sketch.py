"""What one frame's new mouth is made of: pictures, fields that bend them, and how much of each is seen.

A sketch is geometry and small masks; ``paint`` makes pixels of one with OpenCV, ``gpu_paint`` of many at once with
torch. Everything is float32 unless said otherwise; pictures are RGB, 0–255; masks are 0–1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Picture = NDArray[np.uint8]
Box = tuple[int, int, int, int]
Area = tuple[slice, slice]

DEEPER = np.float32(1.2)
"""How much redder the line of closed lips is where it is dark."""
FINER = 4
"""A field is refined smoothly this many times before it is laid on the pixels."""


@dataclass(frozen=True)
class Field:
    """Where each pixel of a rectangle is to be taken from.

    Attributes:
        coarse: (rows, columns, 2 or 3) x and y, in pixels; a third channel is how far they have moved.
        to_pixels: (2, 3) float64, takes places of the refined field to pixels of the rectangle.
        size: (width, height) of the rectangle.
        start: Where the rectangle's first pixel lies in the picture that is bent, if x and y are moves from a pixel's
            own place: then nothing moves beyond the field. None if they are places in that picture.
    """

    coarse: Image
    to_pixels: NDArray[np.float64]
    size: tuple[int, int]
    start: tuple[int, int] | None


@dataclass(frozen=True)
class Bending:
    """A picture, (h, w, 3) uint8, and the field that bends it."""

    source: Picture
    field: Field


@dataclass(frozen=True)
class Softening:
    """Where a bent picture is softened sideways: (h, w) how much, and over how many pixels."""

    share: Image
    size: float


@dataclass(frozen=True)
class Between:
    """What replaces a part of a bent picture: both sides of the lips' line, and what shows between them.

    Attributes:
        area: Which part.
        sides: Above and below the line.
        soft: How each is softened; None where it is not.
        split: (h, w) 0 above the line, 1 below it.
        dark: (h, w) how much darker and redder the line itself is; None is not at all.
        keep: (h, w) how much of them is seen,
        add: (h, w, 3) and what else; None is nothing.
        floor: (h, w) at least so much has changed.
    """

    area: Area
    sides: tuple[Bending, Bending]
    soft: tuple[Softening | None, Softening | None]
    split: Image
    dark: Image | None
    keep: Image | None
    add: Image | None
    floor: Image | None


@dataclass(frozen=True)
class Inside:
    """What shows between the lips of a lent mouth: its source at places x and y, each (h, w), as far as ``cover``."""

    area: Area
    x: Image
    y: Image
    cover: Image


@dataclass(frozen=True)
class Lent:
    """Another picture of the mouth, laid over a part of what is painted so far.

    Attributes:
        area: Which part.
        sides: Above and below the lips' line; both bend the same source.
        split: (h, w) 0 above the line, 1 below it.
        dark: (h, w) how much darker and redder the line itself is; None is not at all.
        inside: What shows between the lips; its area is within ``area``. None where they are closed.
        blur: By which sigma, in pixels, it is softened; 0 is not at all.
        ring: (h, w) 1 where both pictures show the same skin, 0 elsewhere.
        scale: Pixels per IOD.
        red: (h, w) where it is lip, which is tinted; None leaves it its colour.
        tint: (3,) by what share more red, green and blue it gets there.
        cover: (h, w) how much of it is seen.
    """

    area: Area
    sides: tuple[Bending, Bending]
    split: Image
    dark: Image | None
    inside: Inside | None
    blur: float
    ring: Image
    scale: float
    red: Image | None
    tint: Image
    cover: Image


@dataclass(frozen=True)
class Sketch:
    """One frame.

    Attributes:
        box: Which pixels of the frame.
        whole: They, bent.
        between: What is drawn around the lips' line.
        lent: What is laid over all that.
    """

    box: Box
    whole: Bending
    between: Between | None
    lent: Lent | None
