"""A rectangle of a frame's pixels, and how it lies in the mouth's plane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lipsync.head import Array, Planes
from lipsync.media import Frame
from lipsync.sketch import FINER, Field
from lipsync.warp import Grid, Image

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class View:
    """Pixels of one frame.

    Attributes:
        box: (x0, y0, x1, y1) in the frame, ends exclusive.
        origin: (x0, y0) of the rectangle that pictures to be bent are cut from.
        across: (2, 2) pixels per IOD along x and y of the plane.
        zero: (2,) pixel of the plane's x = y = 0.
        grid: Where fields are known, in the plane.
    """

    box: Box
    origin: tuple[int, int]
    across: Array
    zero: Array
    grid: Grid

    @classmethod
    def of(cls, frame: Frame, planes: Planes, number: int, grid: Grid, corners: Array) -> View | None:
        """Give the upright rectangle around a rectangle of the plane, on even pixels; None outside the frame.

        Args:
            frame: The picture.
            planes: How the mouth's plane lies in it,
            number: at this index.
            grid: Where fields are known.
            corners: (2, 2) low and high corner in the plane.
        """
        across, zero = planes.across[number], planes.origin[number]
        box = _around(_corners(corners) @ across.T + zero, (0, 0, frame.width, frame.height))
        return cls(box, box[:2], across, zero, grid) if box else None

    def part(self, corners: Array) -> View | None:
        """Give the part of this view around a rectangle of the plane; None where there is none."""
        box = _around(_corners(corners) @ self.across.T + self.zero, self.box)
        return View(box, self.origin, self.across, self.zero, self.grid) if box else None

    @property
    def area(self) -> tuple[slice, slice]:
        """Where this part lies in the picture it was cut from."""
        (x0, y0, x1, y1), (left, top) = self.box, self.origin
        return slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)

    @property
    def scale(self) -> float:
        """Pixels per IOD."""
        return float(np.sqrt(np.abs(np.linalg.det(self.across))))

    @cached_property
    def places(self) -> tuple[Image, Image]:
        """X and y in the plane of every pixel, each (h, w)."""
        x0, y0, x1, y1 = self.box
        back = np.linalg.inv(self.across)
        start = back @ (np.array([x0, y0]) - self.zero)
        columns, lines = np.arange(x1 - x0), np.arange(y1 - y0)[:, None]
        x = start[0] + back[0, 0] * columns + back[0, 1] * lines
        y = start[1] + back[1, 0] * columns + back[1, 1] * lines
        return x.astype(np.float32), y.astype(np.float32)

    def field(self, moves: Image) -> Field:
        """Say where every pixel of this view is taken from when the view that it is a part of is bent.

        Args:
            moves: (rows, columns, 2) IOD, on the grid: a backward map.
        """
        pixels = moves @ self.across.T.astype(np.float32)
        far = np.abs(pixels).max(-1, keepdims=True)
        start = self.box[0] - self.origin[0], self.box[1] - self.origin[1]
        return Field(np.concatenate([pixels, far], axis=-1), self._to_pixels, self._size, start)

    def field_in(self, other: View, moves: Image) -> Field:
        """Say where every pixel of this view is to be found in another one, of another frame.

        Args:
            other: Where to look.
            moves: (rows, columns, 2) IOD, on this view's grid, from the plane here to the plane there.
        """
        there = (self.grid.places.reshape(moves.shape) + moves) @ other.across.T + other.zero - other.box[:2]
        return Field(there.astype(np.float32), self._to_pixels, self._size, None)

    @property
    def _size(self) -> tuple[int, int]:
        return self.box[2] - self.box[0], self.box[3] - self.box[1]

    @property
    def _to_pixels(self) -> Array:
        """(2, 3) from places of the refined grid to pixels."""
        step = self.grid.step / FINER
        corner = np.array([self.grid.left, self.grid.top]) + (step - self.grid.step) / 2
        zero = self.across @ corner + self.zero - self.box[:2]
        return np.hstack([self.across * step, zero[:, None]])


def _corners(corners: Array) -> Array:
    (left, top), (right, bottom) = corners
    return np.array([(left, top), (right, top), (left, bottom), (right, bottom)])


def _around(pixels: Array, within: Box) -> Box | None:
    low = np.floor(pixels.min(0) / 2).astype(int) * 2
    high = np.ceil(pixels.max(0) / 2).astype(int) * 2
    x0, y0 = max(int(low[0]), within[0]), max(int(low[1]), within[1])
    x1, y1 = min(int(high[0]), within[2]), min(int(high[1]), within[3])
    return (x0, y0, x1, y1) if x1 - x0 >= 4 and y1 - y0 >= 4 else None
