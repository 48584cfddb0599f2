"""Where the 99 points of a face are: a network for the whole face, and a sharper one for the mouth.

Both look at a square crop that is turned, moved and scaled so that the face (the mouth) always looks alike in it.
Where to cut is told by the points themselves: their mean, the line through the eyes, and their spread.
``to_crop`` matrices are (2, 3) and lead from pixels of the picture to pixels of the crop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lipsync import weights
from lipsync.face import EYE_L, EYE_R, LIPS, K, Points
from lipsync.network import Residual, block, double, settle, to_tensor
from lipsync.take import Weights

if TYPE_CHECKING:
    from lipsync.media import Frame

FACE_SIZE = 128
MOUTH_SIZE = 96
FACE_SIDE = 4.5
"""Side of the face crop in spreads: the face fills about three quarters of it."""
MOUTH_SIDE = 2.7
"""Side of the mouth crop in spreads, about 1.6 IOD."""

# fmt: off
MIRROR = np.array([
    *range(10, -1, -1), *range(19, 10, -1), *range(30, 19, -1), *range(39, 30, -1), *range(48, 56), *range(40, 48),
    *range(65, 55, -1), *range(66, 74), 75, 74, 77, 76, 78, *range(95, 78, -1), 97, 96, 98,
])
# fmt: on
"""Point i of a mirrored picture is point MIRROR[i] of the picture."""

BIAS = -2.0
"""Logit of a face whose points are sure to one pixel of the crop and whose score is a half."""
BY_DOUBT = 5.0
"""How much more the logit must be for each e-fold of doubt."""

HONESTY = 1.05
"""Error made for each pixel of error expected, on people never seen: the networks were trained on others."""

Matrix = NDArray[np.float64]


def spread(points: NDArray[np.floating]) -> float:
    """Root mean square distance of the points from their mean, in pixels; about .59 IOD on a frontal face."""
    return float(np.sqrt(((points - points.mean(0)) ** 2).sum(1).mean()))


def tilt(points: NDArray[np.floating]) -> float:
    """Angle of the line through the eyes in radians, clockwise as seen."""
    right = points[EYE_R].mean(0) - points[EYE_L].mean(0)
    return float(np.arctan2(right[1], right[0]))


def crop_at(centre: NDArray[np.floating], angle: float, side: float, size: int) -> Matrix:
    """The ``to_crop`` that cuts a turned square of ``side`` pixels around ``centre`` into ``size`` pixels."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * (size / side)
    return np.column_stack([turn, (size - 1) / 2 - turn @ np.asarray(centre, np.float64)])


def face_crop(points: NDArray[np.floating]) -> Matrix:
    """The ``to_crop`` of the face network for a face with these 99 points."""
    return crop_at(points.mean(0), tilt(points), FACE_SIDE * spread(points), FACE_SIZE)


def mouth_crop(points: NDArray[np.floating]) -> Matrix:
    """The ``to_crop`` of the mouth network for a face with these 99 points."""
    return crop_at(points[LIPS].mean(0), tilt(points), MOUTH_SIDE * spread(points), MOUTH_SIZE)


def forth(points: NDArray[np.floating], to_crop: Matrix) -> NDArray[np.float64]:
    """Pixels of the picture -> pixels of the crop."""
    moved: NDArray[np.float64] = points @ to_crop[:, :2].T + to_crop[:, 2]
    return moved


def back(points: NDArray[np.floating], to_crop: Matrix) -> NDArray[np.float64]:
    """Pixels of the crop -> pixels of the picture."""
    moved: NDArray[np.float64] = (points - to_crop[:, 2]) @ np.linalg.inv(to_crop[:, :2]).T
    return moved


class PointNet(nn.Module):
    """Crop -> one heat map per point at a quarter of its size, read off as the mean place, plus doubt and face-ness."""

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.stem = nn.Sequential(block(3, 24, stride=2), block(24, 40, stride=2), Residual(40, 40))
        self.level8 = nn.Sequential(Residual(40, 64, 2), Residual(64, 64))
        self.level16 = nn.Sequential(Residual(64, 96, 2), Residual(96, 96))
        self.level32 = Residual(96, 128, 2)
        self.from32, self.from16, self.from8 = nn.Conv2d(128, 96, 1), nn.Conv2d(96, 64, 1), nn.Conv2d(64, 64, 1)
        self.mix8 = block(64, 64)
        self.from4, self.down8, self.mix4 = nn.Conv2d(40, 48, 1), nn.Conv2d(64, 48, 1), block(48, 64)
        self.heat = nn.Conv2d(64, count, 1)
        self.rest = nn.Linear(128, count + 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Read a crop.

        Args:
            x: (B, 3, S, S) in [-1, 1].

        Returns:
            Points (B, N, 2) in crop pixels, log scale of their error (B, N), logit of there being a face (B,).
        """
        four = self.stem(x)
        eight = self.level8(four)
        sixteen = self.level16(eight)
        deep = self.level32(sixteen)
        sixteen = sixteen + double(self.from32(deep))
        eight = self.mix8(self.from8(eight) + double(self.from16(sixteen)))
        four = self.mix4(self.from4(four) + double(self.down8(eight)))
        rest = self.rest(deep.mean((2, 3))).float()
        return self._places(self.heat(four).float()), rest[:, :-1].clamp(-4, 4), rest[:, -1]

    def _places(self, heat: Tensor) -> Tensor:
        share = heat.flatten(2).softmax(2).view_as(heat)
        side = heat.shape[-1]
        ruler = (torch.arange(side, device=heat.device, dtype=torch.float32) + 0.5) * (self.size / side) - 0.5
        return torch.stack([(share.sum(2) * ruler).sum(2), (share.sum(3) * ruler).sum(2)], 2)


@dataclass(frozen=True)
class Reading:
    """What a network saw in one crop.

    Attributes:
        points: (N, 2) pixels of the picture.
        score: In [0, 1], how sure it is of a face (a mouth) with these points.
        off: How far off it expects the points to be on average, in pixels of the picture; as it turns out on people
            never seen (docs/figures.md).
    """

    points: Points
    score: float
    off: float


class Landmarks:
    """Both networks, ready to answer on ``device``."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self._face, face = _ready("face", K, FACE_SIZE, device)
        self._mouth, mouth = _ready("mouth", len(LIPS), MOUTH_SIZE, device)
        self.weights: tuple[Weights, ...] = (face, mouth)

    def face(self, frame: Frame, to_crop: Matrix, mirrored: bool = False) -> Reading:
        """All 99 points of the face in the crop; ``mirrored`` averages with the mirrored crop (twice the time)."""
        return self._read(self._face, frame.warp(to_crop, FACE_SIZE), to_crop, mirrored)

    def mouth(self, frame: Frame, points: NDArray[np.floating], mirrored: bool = False) -> Reading:
        """The 40 lip points of the face that has these 99 points, more exactly."""
        to_crop = mouth_crop(points)
        return self._read(self._mouth, frame.warp(to_crop, MOUTH_SIZE), to_crop, mirrored)

    def _read(self, net: nn.Module, crop: NDArray[np.uint8], to_crop: Matrix, mirrored: bool) -> Reading:
        crops = np.stack([crop, crop[:, ::-1]]) if mirrored else crop[None]
        with torch.inference_mode():
            places, doubt, logit = net(to_tensor(crops, self.device))
        seen = places.cpu().numpy().astype(np.float64)
        points = seen[0]
        if mirrored:
            other = seen[1][MIRROR[: len(points)]]
            other[:, 0] = crop.shape[1] - 1 - other[:, 0]
            points = (points + other) / 2
        scale = float(np.sqrt(abs(np.linalg.det(to_crop[:, :2]))))
        off = HONESTY * float(doubt.exp().mean()) / scale
        score = sureness(float(logit.mean()), float(doubt.mean()))
        return Reading(back(points, to_crop).astype(np.float32), score, off)


def sureness(logit: float, doubt: float) -> float:
    """A score in [0, 1] of what a network says about a crop; above 0.5 for a face, below for anything else.

    Args:
        logit: How much it looks like a face.
        doubt: Mean log scale of the errors the network expects of its points, in pixels of the crop. It says as
            much as the logit: points on no face lie anywhere. docs/models.md has the distributions of both.
    """
    return float(1 / (1 + np.exp(BIAS - logit + BY_DOUBT * doubt)))


def _ready(name: str, count: int, size: int, device: str) -> tuple[nn.Module, Weights]:
    tensors, facts = weights.load(name)
    net = PointNet(count, size)
    net.load_state_dict(tensors)
    return settle(net, device), facts
