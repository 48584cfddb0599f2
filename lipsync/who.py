"""Who somebody is: a face as 64 numbers that come out alike for the same person and apart for others.

The face is cut out upright, everything beyond its oval is taken away (walls and clothes say nothing about a person),
and brightness and contrast are evened out. A small network of our own does the rest. It tells the few people of one
video apart; it is no means to find somebody in a crowd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lipsync import weights
from lipsync.face import EYE_L, OVAL, Points
from lipsync.landmarks import Matrix, crop_at, forth, spread, tilt
from lipsync.network import Residual, block, settle
from lipsync.take import Weights

if TYPE_CHECKING:
    from lipsync.media import Frame

SIZE = 96
SIDE = 3.9
"""Side of the crop in spreads of the points that are not lips."""
RIM = 1.14
"""How much larger than the face's oval the part is that is looked at."""
NUMBERS = 64
_FLAT = 10.0
"""Grey levels of contrast below which a face is not stretched any further."""

Likeness = NDArray[np.float32]
"""(64,) of length 1; the product of two is 1 for the same picture, and about 0 for two people."""


class WhoNet(nn.Module):
    """(B, 3, 96, 96) evened faces -> (B, 64) of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            block(3, 24, stride=2),
            Residual(24, 32, 2),
            Residual(32, 48, 2),
            Residual(48, 48),
            Residual(48, 96, 2),
            Residual(96, 96),
            Residual(96, 128, 2),
        )
        self.out = nn.Linear(128 * 9, NUMBERS)

    def forward(self, x: Tensor) -> Tensor:
        """Describe faces."""
        return nn.functional.normalize(self.out(self.body(x).flatten(1)).float(), dim=1)


class Recogniser:
    """The network, ready to answer on ``device``; deterministic."""

    def __init__(self, device: str = "cpu") -> None:
        """Load it.

        Raises:
            WeightsError: The file is missing or damaged.
        """
        self._device = device
        tensors, facts = weights.load("who")
        net = WhoNet()
        net.load_state_dict(tensors)
        self._net = settle(net, device)
        self.weights: tuple[Weights, ...] = (facts,)

    def look(self, frame: Frame, points: Points) -> Likeness:
        """Describe the face of a frame that has these 99 points, and its mirror image; takes some milliseconds."""
        to_crop = who_crop(points)
        seen = evened(frame.warp(to_crop, SIZE), forth(points, to_crop))
        both = torch.from_numpy(np.stack([seen, seen[:, :, ::-1]])).to(self._device)
        with torch.inference_mode():
            numbers: Likeness = self._net(both).sum(0).cpu().numpy()
        return numbers / max(float(np.linalg.norm(numbers)), 1e-6)


def who_crop(points: NDArray[np.floating]) -> Matrix:
    """The ``to_crop`` of a face with these 99 points; what the mouth does hardly moves it."""
    rest = points[EYE_L[0] :]
    return crop_at(rest.mean(0), tilt(points), SIDE * spread(rest), SIZE)


def evened(crop: NDArray[np.uint8], points: NDArray[np.floating]) -> NDArray[np.float32]:
    """Leave the face alone in its crop, in even light.

    Args:
        crop: (S, S, 3) RGB.
        points: (99, 2) in pixels of the crop.

    Returns:
        (3, S, S), about -3 to 3, and 0 beyond the face.
    """
    oval = points[OVAL]
    rim = oval.mean(0) + (oval - oval.mean(0)) * RIM
    mask = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(rim).astype(np.int32)), 1)
    inside = mask > 0
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[inside]
    if not grey.size:
        return np.zeros((3, *crop.shape[:2]), np.float32)
    middle, contrast = float(grey.mean()), max(float(grey.std()), _FLAT)
    even = np.clip((crop.astype(np.float32) - middle) / contrast, -3, 3) * inside[..., None]
    return np.ascontiguousarray(even.transpose(2, 0, 1), np.float32)
