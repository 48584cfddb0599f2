"""Blurring and resizing as matrices, one for each axis, with OpenCV's weights: what a GPU multiplies a picture with."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

CUBIC = -0.75
"""OpenCV's and torch's parameter of the cubic kernel (Keys 1981)."""


def blurring(count: int, sigma: float, mirror_edge: bool = False) -> Matrix:
    """(count, count) a Gaussian blur.

    Args:
        count: Pixels along the axis.
        sigma: In pixels; 0 is no blur.
        mirror_edge: Beyond the border the picture is mirrored with its last pixel (OpenCV's REFLECT), else without it
            (REFLECT_101).
    """
    if sigma <= 0 or count < 2:
        return np.eye(count, dtype=np.float32)
    size = round(sigma * 8 + 1) | 1
    kernel = cv2.getGaussianKernel(size, sigma, cv2.CV_64F)[:, 0]
    places = np.arange(count)[:, None] + np.arange(size) - size // 2
    period = 2 * count if mirror_edge else 2 * (count - 1)
    folded = places % period
    inside = np.where(folded < count, folded, period - folded - int(mirror_edge))
    return _filled(count, inside, np.broadcast_to(kernel, inside.shape))


def refining(count: int, times: int) -> Matrix:
    """(times * count, count) a smooth enlargement: cubic, border repeated."""
    place = (np.arange(times * count) + 0.5) / times - 0.5
    low = np.floor(place)
    taps = low[:, None] + np.arange(-1, 3)
    far = np.abs(place[:, None] - taps)
    near = ((CUBIC + 2) * far - (CUBIC + 3)) * far * far + 1
    beyond = ((CUBIC * far - 5 * CUBIC) * far + 8 * CUBIC) * far - 4 * CUBIC
    return _filled(count, np.clip(taps, 0, count - 1).astype(int), np.where(far <= 1, near, beyond))


def enlarging(count: int, wanted: int) -> Matrix:
    """(wanted, count) linear interpolation, border repeated."""
    place = (np.arange(wanted) + 0.5) * count / wanted - 0.5
    low = np.floor(place)
    share = place - low
    taps = np.clip(np.stack([low, low + 1], 1), 0, count - 1).astype(int)
    return _filled(count, taps, np.stack([1 - share, share], 1))


def shrinking(count: int, wanted: int) -> Matrix:
    """(wanted, count) means over equal parts, pixels on a border counted in part."""
    edges = np.arange(wanted + 1) * count / wanted
    pixels = np.arange(count)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(covered, 0) * wanted / count, np.float32)


def _filled(count: int, places: NDArray[np.int_], weights: NDArray[np.floating]) -> Matrix:
    made = np.zeros((len(places), count))
    np.add.at(made, (np.arange(len(places))[:, None], places), weights)
    return made.astype(np.float32)
