"""One upright picture as YUV 4:2:0 planes.

A video is neither turned into RGB nor back, except for the region that is redrawn: everything else keeps its bytes.
Chroma samples are taken to lie in the middle of their 2×2 pixels, when read and when written, so that nothing shifts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from lipsync.media.colour import STANDARD, Colour

Plane = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in pixels; the ends are exclusive."""


class Frame:
    """One upright picture; it owns its planes.

    Attributes:
        data: (3·H/2, W) uint8: luma, then both chroma planes, without gaps.
        width: Even.
        height: Even.
        colour: What the numbers mean.
        index: Number of the frame in its source, from 0.
        time: When the frame appears in its source, in seconds from 0.
    """

    __slots__ = ("colour", "data", "height", "index", "time", "width")

    def __init__(self, data: Plane, colour: Colour, index: int = 0, time: Fraction = Fraction(0)) -> None:
        self.data = data
        self.colour = colour
        self.index = index
        self.time = time
        self.height, self.width = data.shape[0] * 2 // 3, data.shape[1]

    @classmethod
    def from_rgb(cls, rgb: NDArray[np.uint8], time: Fraction = Fraction(0)) -> Frame:
        """Make a frame (BT.709, limited range) of ``rgb`` (H, W, 3); an odd side grows by repeating its last line."""
        height, width = rgb.shape[:2]
        even = cv2.copyMakeBorder(np.ascontiguousarray(rgb), 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        height, width = even.shape[:2]
        yuv = np.asarray(cv2.transform(even.astype(np.float32), STANDARD.to_yuv), np.float32)
        frame = cls(np.empty((height * 3 // 2, width), np.uint8), STANDARD, time=time)
        y, u, v = frame.planes
        y[:] = _bytes(yuv[:, :, 0])
        half = _halved(yuv[:, :, 1:], (0, 0, width, height))
        u[:], v[:] = _bytes(half[:, :, 0]), _bytes(half[:, :, 1])
        return frame

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Views: Y (H, W), U (H/2, W/2), V (H/2, W/2); writing to them changes the frame."""
        height, width = self.height, self.width
        chroma = self.data.reshape(-1)[height * width :].reshape(2, height // 2, width // 2)
        return self.data[:height], chroma[0], chroma[1]

    def copy(self) -> Frame:
        """Give the same picture with planes of its own."""
        return Frame(self.data.copy(), self.colour, self.index, self.time)

    def rgb(self, box: Box | None = None) -> NDArray[np.uint8]:
        """Give the picture, or the part in ``box``, as (h, w, 3) RGB."""
        x0, y0, x1, y1 = box or (0, 0, self.width, self.height)
        y, u, v = self.planes
        # one chroma sample more on each side, so that a part equals the same part of the whole
        across, down = _around(x0, x1, self.width // 2), _around(y0, y1, self.height // 2)
        luma = y[y0:y1, x0:x1]
        size = ((across[1] - across[0]) * 2, (down[1] - down[0]) * 2)
        cut_x, cut_y = x0 - across[0] * 2, y0 - down[0] * 2
        whole = (
            cv2.resize(plane[slice(*down), slice(*across)], size, interpolation=cv2.INTER_LINEAR) for plane in (u, v)
        )
        chroma = [plane[cut_y : cut_y + y1 - y0, cut_x : cut_x + x1 - x0] for plane in whole]
        return _to_rgb([luma, *chroma], self.colour)

    def warp(self, to_crop: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
        """Cut out a turned and scaled square.

        Only the planes are warped and only the square is turned into RGB, so the cost follows ``size``.
        Shrinking averages; beyond the edges the border pixels are repeated.

        Args:
            to_crop: (2, 3); takes pixels of the frame to pixels of the crop.
            size: Side of the crop in pixels.

        Returns:
            (size, size, 3) uint8 RGB.
        """
        matrix = np.asarray(to_crop, np.float64).reshape(2, 3)
        # a chroma sample (i, j) lies at (2i + .5, 2j + .5)
        half = matrix @ np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
        y, u, v = self.planes
        return _to_rgb([_warp(y, matrix, size), _warp(u, half, size), _warp(v, half, size)], self.colour)

    def warp_luma(self, to_crop: NDArray[np.floating], size: int) -> Plane:
        """Like :meth:`warp`, but only how bright it is: (size, size), as the numbers are in the frame."""
        return _warp(self.planes[0], np.asarray(to_crop, np.float64).reshape(2, 3), size)

    def paste(self, box: Box, rgb: NDArray[np.float32] | NDArray[np.uint8], mask: NDArray[np.float32]) -> None:
        """Blend ``rgb`` over the picture, in place; where the mask is 0 every plane keeps its exact bytes.

        Args:
            box: Where; inside the frame.
            rgb: (h, w, 3), 0–255; finite also where the mask is 0.
            mask: (h, w), 0–1.
        """
        x0, y0, x1, y1 = box
        mask = np.asarray(mask, np.float32)
        yuv = np.asarray(cv2.transform(np.asarray(rgb, np.float32), self.colour.to_yuv), np.float32)
        y, u, v = self.planes
        luma = y[y0:y1, x0:x1]
        _shift(luma, (yuv[:, :, 0] - luma) * mask)

        share = _halved(mask, box)
        for channel, plane in enumerate((u, v), 1):
            part = plane[y0 // 2 : (y1 + 1) // 2, x0 // 2 : (x1 + 1) // 2]
            _shift(part, _halved(yuv[:, :, channel] * mask, box) - part * share)


def _shift(plane: Plane, change: NDArray[np.floating]) -> None:
    """Add to a plane in place, rounded and clipped; a change of 0 keeps the exact value."""
    plane[:] = cv2.add(plane, np.asarray(change, np.float32), dtype=cv2.CV_8U)


def _halved(values: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
    """Average over the 2×2 pixels of each chroma sample that ``box`` touches; 0 is outside."""
    x0, y0, x1, y1 = box
    whole = cv2.copyMakeBorder(values, y0 % 2, y1 % 2, x0 % 2, x1 % 2, cv2.BORDER_CONSTANT, value=0)
    size = (whole.shape[1] // 2, whole.shape[0] // 2)
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.float32)


def _around(start: int, stop: int, count: int) -> tuple[int, int]:
    """The chroma samples that pixels from ``start`` to ``stop`` are interpolated from."""
    return max(0, start // 2 - 1), min(count, (stop + 1) // 2 + 1)


def _bytes(values: NDArray[np.float32]) -> Plane:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _to_rgb(planes: Sequence[MatLike], colour: Colour) -> NDArray[np.uint8]:
    return np.asarray(cv2.transform(cv2.merge(planes), colour.to_rgb), np.uint8)


def _warp(plane: Plane, to_crop: NDArray[np.float64], size: int) -> Plane:
    """Warp one plane; where the crop is smaller than the plane by half or more, average before sampling."""
    scale = math.sqrt(abs(to_crop[0, 0] * to_crop[1, 1] - to_crop[0, 1] * to_crop[1, 0]))
    factor = int(1 / scale + 0.35) if scale else 1
    if factor > 1:
        plane, to_small = _shrunk(plane, to_crop, size, factor)
        to_crop = to_crop @ np.linalg.inv(np.vstack([to_small, [0, 0, 1]]))
    warped = cv2.warpAffine(plane, to_crop, (size, size), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def _shrunk(plane: Plane, to_crop: NDArray[np.float64], size: int, factor: int) -> tuple[Plane, NDArray[np.float64]]:
    """Give the part of ``plane`` under the crop, ``factor`` times smaller, and the way there."""
    to_plane = np.linalg.inv(np.vstack([to_crop, [0, 0, 1]]))[:2]
    corners = to_plane @ np.array([[-1, size, -1, size], [-1, -1, size, size], [1, 1, 1, 1]])
    height, width = plane.shape
    x0, x1 = _span(corners[0], 3 * factor, width)
    y0, y1 = _span(corners[1], 3 * factor, height)
    # whole multiples, at least one sample: averaging over whole pixels is several times faster
    columns, rows = max(1, (x1 - x0) // factor), max(1, (y1 - y0) // factor)
    x1, y1 = min(x1, x0 + columns * factor), min(y1, y0 + rows * factor)
    small = cv2.resize(plane[y0:y1, x0:x1], (columns, rows), interpolation=cv2.INTER_AREA)
    across, down = columns / (x1 - x0), rows / (y1 - y0)
    # pixel centres: (x + .5) · across − .5
    to_small = np.array([[across, 0, (0.5 - x0) * across - 0.5], [0, down, (0.5 - y0) * down - 0.5]])
    return np.asarray(small, np.uint8), to_small


def _span(values: NDArray[np.float64], margin: float, count: int) -> tuple[int, int]:
    """Whole pixels around ``values``, inside 0–count, at least one."""
    low = int(np.clip(math.floor(values.min() - margin), 0, count - 1))
    high = int(np.clip(math.ceil(values.max() + margin) + 1, low + 1, count))
    return low, high
