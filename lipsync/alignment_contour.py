"""From the 68 points that the library face-alignment finds to the 99 of ours.

The 68 are those of the iBUG annotation (300 Faces in the Wild, 2013): jaw 0-16, brows 17-26, nose 27-35, eyes 36-47,
outer lips 48-59, inner lips 60-67, each from the left of the picture. One linear map, the weights "contour", takes them
to ours in a frame that stands upon eyes and nose, so that it knows neither size nor tilt. It was fitted to points that
are a little off, as a network's are: it leans on what faces look like (``training/alignment_map.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lipsync import weights
from lipsync.face import K, Points
from lipsync.take import Weights

COUNT = 68
STANDS = np.arange(27, 48)
"""Nose and eyes, upon which the frame stands: the mouth hardly moves them."""

Array = NDArray[np.float64]


class Contour:
    """The map, ready."""

    def __init__(self) -> None:
        """Load it.

        Raises:
            WeightsError: The file is missing or damaged.
        """
        tensors, facts = weights.load("contour")
        self._mean = tensors["mean"].numpy().astype(np.float64)
        self._map = tensors["map"].numpy().astype(np.float64)
        self.weights: tuple[Weights, ...] = (facts,)

    def points(self, found: NDArray[np.floating]) -> tuple[Points, float]:
        """Give the points of a face.

        Args:
            found: (68, 2) pixels.

        Returns:
            (99, 2) pixels, and how far the 68 are on average from a mean face, in IOD: up to .38 for faces.
        """
        origin, ratio = stood(found[None], self._mean)
        seen = upright(found[None], origin, ratio) - self._mean
        flat = np.append(seen.reshape(-1), 1.0) @ self._map
        mapped = flat.reshape(K, 2) @ np.array([1.0, 1j]) * ratio[0] + origin[0]
        odd = float(np.sqrt((seen**2).sum(-1).mean()))
        return np.stack([mapped.real, mapped.imag], 1).astype(np.float32), odd


def stood(found: NDArray[np.floating], mean: Array) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Where the frame of N faces stands: (N,) its origin, and its size and turn, as complex numbers of pixels.

    Args:
        found: (N, 68, 2) pixels.
        mean: (68, 2) the mean face, 1 from one outer eye corner to the other.
    """
    there, here = found @ np.array([1.0, 1j]), mean @ np.array([1.0, 1j])
    middle, own = there[:, STANDS].mean(1), here[STANDS].mean()
    arms = here[STANDS] - own
    ratio = (np.conj(arms) * (there[:, STANDS] - middle[:, None])).sum(1) / (np.abs(arms) ** 2).sum()
    ratio = np.where(np.abs(ratio) > 1e-6, ratio, 1e-6)
    return middle - ratio * own, ratio


def upright(points: NDArray[np.floating], origin: NDArray[np.complex128], ratio: NDArray[np.complex128]) -> Array:
    """Take (N, n, 2) pixels to that frame."""
    seen = (points @ np.array([1.0, 1j]) - origin[:, None]) / ratio[:, None]
    return np.stack([seen.real, seen.imag], -1)
