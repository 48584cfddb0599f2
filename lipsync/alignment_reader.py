"""Reads faces by the network of face-alignment, many frames at once; looks to our own search like our own networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lipsync.alignment_contour import Contour
from lipsync.alignment_network import SIZE, Network
from lipsync.face import EYE_L, EYE_R
from lipsync.foresight import Foresight
from lipsync.landmarks import FACE_SIDE, FACE_SIZE, MIRROR, Landmarks, Matrix, Reading, back
from lipsync.media import Frame

SIDE = 5.53
"""Side in spreads of the crop that the network was trained on: around the 68 points as its authors cut it (200 / 195 of
the box's width and height, 12 % higher), measured on portraits: 5.53 ± .07, and less than .02 off to the side."""
HIGHER = 0.082
"""How much higher its middle lies than the mean of our points, in spreads."""
SURE_HEAT, BY_HEAT = 0.35, 0.02
"""Mean height of the peaks at which a crop may show a face or not, and how soon that is clear. Not calibrated: the
published weights could not be had where this was written."""
ODDEST, BY_ODDITY = 0.45, 0.01
"""Likewise how far the points may be from a mean face, in IOD: faces turned by 45 degrees .38 at most, peaks strewn at
random .6 and more."""
CLEAR = 12.0
"""Logit beyond which nothing is surer: this says whether it is a face, and the mouth network how well it is seen."""
OFF = 0.025
"""Error of a point that is expected, in IOD: what is published of such networks."""


class Reader(Foresight):
    """The face by the network of face-alignment, the lips within it by our own."""

    def __init__(self, device: str, weights: Path | None) -> None:
        """Load.

        Raises:
            EngineError: The library is not installed or broken.
            WeightsError: Weights are not here or damaged.
        """
        super().__init__(device)
        self._network, self._contour = Network(device, weights), Contour()
        self.weights = (*self._network.weights, *self._contour.weights, *self.weights)

    @property
    def most(self) -> int:
        """See :attr:`Foresight.most`."""
        return self._network.batch

    def glance(self, frame: Frame, to_crop: Matrix) -> Reading:
        """All 99 points as our own face network sees them, which takes some milliseconds."""
        return Landmarks.face(self, frame, to_crop)

    def readings(self, frames: Sequence[Frame], to_crop: Matrix) -> list[Reading]:
        """See :meth:`Foresight.readings`."""
        wider = widened(to_crop)
        seen = self._network.look(np.stack([frame.warp(wider, SIZE) for frame in frames]))
        return [self._reading(*one, wider) for one in zip(seen.points, seen.heat, strict=True)]

    def both(self, frame: Frame, to_crop: Matrix) -> Reading:
        """See :meth:`Foresight.both`."""
        wider = widened(to_crop)
        crop = frame.warp(wider, SIZE)
        seen = self._network.look(np.stack([crop, crop[:, ::-1]]))
        upright = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        one, other = (self._reading(*each, upright) for each in zip(seen.points, seen.heat, strict=True))
        turned = other.points[MIRROR]
        turned[:, 0] = SIZE - 1 - turned[:, 0]
        points = back((one.points + turned) / 2, wider).astype(np.float32)
        scale = float(np.sqrt(abs(np.linalg.det(wider[:, :2]))))
        return Reading(points, min(one.score, other.score), (one.off + other.off) / 2 / scale)

    def _reading(self, points: NDArray[np.float64], heat: NDArray[np.float64], wider: Matrix) -> Reading:
        mapped, odd = self._contour.points(back(points, wider))
        iod = float(np.hypot(*(mapped[EYE_L[0]] - mapped[EYE_R[0]])))
        return Reading(mapped, sureness(float(heat.mean()), odd), OFF * iod)


def widened(to_crop: Matrix) -> Matrix:
    """Lead from the picture to what this network wants to see of a face, whose crop for our own network is given."""
    scale = (SIZE / SIDE) / (FACE_SIZE / FACE_SIDE)
    lower = np.array([0.0, HIGHER * SIZE / SIDE])
    shift = (SIZE - 1) / 2 + lower - scale * (FACE_SIZE - 1) / 2
    return np.column_stack([scale * to_crop[:, :2], scale * to_crop[:, 2] + shift])


def sureness(heat: float, odd: float) -> float:
    """A score in [0, 1] that these peaks are a face.

    Args:
        heat: Their mean height.
        odd: How far they are from a mean face, in IOD.
    """
    logit = min((heat - SURE_HEAT) / BY_HEAT, (ODDEST - odd) / BY_ODDITY, CLEAR)
    return float(1 / (1 + np.exp(-max(logit, -CLEAR))))
