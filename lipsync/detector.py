"""Where faces are in a whole picture: good enough for the landmark network to take over.

The network sees the picture shrunk to 256 pixels. It marks the centre of every face (the mean of its 99 points) in a
heat map of 32 x 32 cells and gives its spread; the rest is geometry. ``looks`` lists the ways to present a picture:
whole, in overlapping parts (small faces), from farther away (a face larger than the picture), and turned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lipsync import weights
from lipsync.landmarks import Matrix, back, crop_at, forth
from lipsync.network import Residual, block, double, settle, to_tensor

if TYPE_CHECKING:
    from lipsync.media import Frame

SIZE = 256
CELL = 8
UNIT = 20.0
"""Spread in pixels of the detector's picture whose logarithm is 0."""
FLOOR = 0.15
"""Heat below which there is no face worth a closer look; the landmark network decides about the rest."""
GREY = 127


class CentreNet(nn.Module):
    """Picture -> heat, offset of the centre and log size for each cell of 8 x 8 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(block(3, 16, stride=2), block(16, 24, stride=2))
        self.level8 = Residual(24, 48, 2)
        self.level16 = Residual(48, 96, 2)
        self.level32 = nn.Sequential(Residual(96, 128, 2), Residual(128, 128))
        self.from32, self.from16, self.from8 = nn.Conv2d(128, 96, 1), block(96, 48, 1), nn.Conv2d(48, 48, 1)
        self.mix = block(48, 48)
        self.out = nn.Conv2d(48, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 256, 256) in [-1, 1] -> (B, 4, 32, 32): heat logit, x and y offset in cells, log of spread / UNIT."""
        eight = self.level8(self.stem(x))
        sixteen = self.level16(eight)
        sixteen = sixteen + double(self.from32(self.level32(sixteen)))
        out: Tensor = self.out(self.mix(self.from8(eight) + double(self.from16(sixteen)))).float()
        return out


@dataclass(frozen=True)
class Spot:
    """A face may be here.

    Attributes:
        x: Pixels of the picture, mean of the 99 points.
        y: Likewise.
        spread: Root mean square distance of the points from there, in pixels.
        angle: Radians by which the head is turned in the picture, as far as the look tells (0, or a quarter turn).
        heat: 0–1, how sure the network is.
    """

    x: float
    y: float
    spread: float
    angle: float
    heat: float

    def meets(self, other: Spot) -> bool:
        """True where both cannot be different faces."""
        near = np.hypot(self.x - other.x, self.y - other.y) < 1.2 * max(self.spread, other.spread)
        return bool(near and self.angle == other.angle)


@dataclass(frozen=True)
class Look:
    """One way to present a picture: (2, 3) picture -> 256 pixels, and the turn that comes with it in radians."""

    to_crop: Matrix
    angle: float = 0.0


def whole(frame: Frame, angle: float = 0.0, room: float = 1.0) -> Look:
    """All of the picture in the middle, turned by ``angle``, filling 1 / ``room`` of the longer side."""
    centre = np.array([(frame.width - 1) / 2, (frame.height - 1) / 2])
    return Look(crop_at(centre, angle, max(frame.width, frame.height) * room, SIZE), angle)


def looks(frame: Frame) -> Iterator[list[Look]]:
    """Ways to look again where the whole picture showed no face, the likeliest first; the last ones are turned."""
    yield [whole(frame, room=1.7)]
    side = 0.6 * max(frame.width, frame.height)
    yield [Look(crop_at(at, 0.0, side, SIZE)) for at in _grid(frame, side)]
    if min(frame.width, frame.height) > 1.5 * SIZE:
        yield [Look(crop_at(at, 0.0, side / 2, SIZE)) for at in _grid(frame, side / 2)]
    for degrees in (-90, 90, 180, -45, 45):
        yield [whole(frame, float(np.deg2rad(degrees)), room) for room in (1.0, 1.4)]


def _grid(frame: Frame, side: float) -> list[NDArray[np.float64]]:
    """Centres of squares of ``side`` pixels that cover the picture and overlap by at least a third."""
    rulers = []
    for length in (frame.width, frame.height):
        count = 1 if length <= side else int(np.ceil((length - side) / (side * 2 / 3))) + 1
        margin = min(side, length) / 2
        rulers.append(np.linspace(margin, length - margin, count))
    return [np.array([x, y]) for y in rulers[1] for x in rulers[0]]


class Detector:
    """Finds faces; deterministic, one picture at a time."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        tensors, facts = weights.load("detector")
        net = CentreNet()
        net.load_state_dict(tensors)
        self._net = settle(net, device)
        self.weights = (facts,)

    def find(self, frame: Frame, look: Look | None = None) -> list[Spot]:
        """Spots in one look at the picture (the whole of it if None), hottest first, no two of them on one face."""
        chosen = look or whole(frame)
        picture = _present(frame, chosen.to_crop)
        with torch.inference_mode():
            maps = self._net(to_tensor(picture[None], self.device))[0].cpu().numpy()
        return apart(_spots(maps, chosen))


def apart(spots: list[Spot]) -> list[Spot]:
    """The hottest of the spots that cannot be different faces, hottest first."""
    kept: list[Spot] = []
    for spot in sorted(spots, key=lambda one: -one.heat):
        if not any(spot.meets(other) for other in kept):
            kept.append(spot)
    return kept


def _present(frame: Frame, to_crop: Matrix) -> NDArray[np.uint8]:
    """The look in pixels; grey where there is no picture."""
    picture = frame.warp(to_crop, SIZE)
    corners = np.array([[0, 0], [frame.width, 0], [frame.width, frame.height], [0, frame.height]]) - 0.5
    inside = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(inside, np.round(forth(corners, to_crop)).astype(np.int32), 1)
    return np.where(inside[..., None] > 0, picture, np.uint8(GREY))


def _spots(maps: NDArray[np.float32], look: Look) -> list[Spot]:
    heat = 1 / (1 + np.exp(-maps[0].astype(np.float64)))
    peaks = (cv2.dilate(heat, np.ones((3, 3))) == heat) & (heat > FLOOR)
    scale = np.sqrt(abs(np.linalg.det(look.to_crop[:, :2])))
    spots = []
    for row, column in np.argwhere(peaks):
        place = (np.array([column, row]) + maps[1:3, row, column]) * CELL + (CELL - 1) / 2
        x, y = back(place, look.to_crop)
        size = UNIT * np.exp(maps[3, row, column]) / scale
        spots.append(Spot(float(x), float(y), float(size), look.angle, float(heat[row, column])))
    return spots
