"""A rectangle of a frame's pixels, and how it lies in the mouth's plane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.head import Array, Planes
from lipsync.media import Frame
from lipsync.warp import Grid, Image

FINER = 4
"""A field is refined smoothly this many times before it is laid on the pixels."""
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class View:
    """Pixels of one frame.

    Attributes:
        box: (x0, y0, x1, y1) in the frame, ends exclusive.
        origin: (x0, y0) of the rectangle that pictures for :meth:`bent` are cut from.
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

    def bent(self, rgb: NDArray[np.uint8], moves: Image) -> tuple[Image, Image]:
        """Bend a picture by a backward map.

        Args:
            rgb: (h, w, 3) of the whole view that this is a part of.
            moves: (rows, columns, 2) IOD, on the grid.

        Returns:
            (h, w, 3) RGB 0–255 of this view, and (h, w) a mask, 0–1, of what has changed: 0 where nothing moved.
        """
        x0, y0, x1, y1 = self.box
        dx, dy, far = cv2.split(self._dense(self._field(moves), cv2.BORDER_CONSTANT))
        dx += np.arange(x1 - x0, dtype=np.float32) + np.float32(x0 - self.origin[0])
        dy += np.arange(y1 - y0, dtype=np.float32)[:, None] + np.float32(y0 - self.origin[1])
        picture = cv2.remap(rgb, dx, dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return picture.astype(np.float32), np.clip(4 * far - 0.2, 0, 1)

    def found_in(self, other: View, moves: Image) -> tuple[Image, Image]:
        """Say where every pixel of this view is to be found in another one, of another frame.

        Args:
            other: Where to look.
            moves: (rows, columns, 2) IOD, on this view's grid, from the plane here to the plane there.

        Returns:
            x and y, each (h, w), in pixels of the other view.
        """
        there = (self.grid.places.reshape(moves.shape) + moves) @ other.across.T + other.zero - other.box[:2]
        x, y = cv2.split(self._dense(_finer(there.astype(np.float32)), cv2.BORDER_REPLICATE))
        return np.asarray(x, np.float32), np.asarray(y, np.float32)

    def _dense(self, field: Image, border: int) -> Image:
        """Lay a refined field on the pixels."""
        x0, y0, x1, y1 = self.box
        step = self.grid.step / FINER
        corner = np.array([self.grid.left, self.grid.top]) + (step - self.grid.step) / 2
        to_view = np.hstack([self.across * step, (self.across @ corner + self.zero - (x0, y0))[:, None]])
        dense = cv2.warpAffine(field, to_view, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderMode=border)
        return np.asarray(dense, np.float32)

    def _field(self, moves: Image) -> Image:
        """(4 rows, 4 columns, 3) moves in pixels, and how far they are."""
        pixels = moves @ self.across.T.astype(np.float32)
        far = np.abs(pixels).max(-1, keepdims=True)
        return _finer(np.concatenate([pixels, far], axis=-1))


def _finer(rough: Image) -> Image:
    size = (rough.shape[1] * FINER, rough.shape[0] * FINER)
    return np.asarray(cv2.resize(rough, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _corners(corners: Array) -> Array:
    (left, top), (right, bottom) = corners
    return np.array([(left, top), (right, top), (left, bottom), (right, bottom)])


def _around(pixels: Array, within: Box) -> Box | None:
    low = np.floor(pixels.min(0) / 2).astype(int) * 2
    high = np.ceil(pixels.max(0) / 2).astype(int) * 2
    x0, y0 = max(int(low[0]), within[0]), max(int(low[1]), within[1])
    x1, y1 = min(int(high[0]), within[2]), min(int(high[1]), within[3])
    return (x0, y0, x1, y1) if x1 - x0 >= 4 and y1 - y0 >= 4 else None
