"""Which part of a crop is the network's: the lower face in its own shape, with soft edges, nothing of what is around.

It is worked out on the crop's 96 pixels: its edges are softer than those.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.face import CHIN, NOSE, OUTER_LOW, OUTER_UP, OVAL, Points
from lipsync.wav2lip.boxes import SIDE

Image = NDArray[np.float32]

JAW = OVAL[5:14]
"""From beside the nose over the chin to its other side."""
NOSTRILS = NOSE[[9, 8]]
"""Below the nose, from the right of the picture to the left."""
INWARD, OUTWARD = 0.95, 1.12
"""How far from the mouth the outline goes beside it, and below the chin, of the way to the face's own outline."""
SOFT = 3.5
"""Pixels (standard deviation) of the edge."""
HEM = 6
"""Rows at the bottom, columns at the sides, over which it ends at the latest."""
AROUND_LIPS = 9
"""Pixels around the lips that do not count as skin: the mouth to be drawn may be larger than the source's."""
FINE = 4


@dataclass(frozen=True)
class Mask:
    """Of one crop, each (96, 96), 0–1.

    Attributes:
        face: What the network draws.
        lips: The source's lips and a little around them.
        skin: Where source and drawing show the same skin.
    """

    face: Image
    lips: Image
    skin: Image


def mask_of(points: Points, to_crop: NDArray[np.float64]) -> Mask:
    """Make the mask of a face with these 99 points in its frame."""
    placed = points.astype(np.float64) @ to_crop[:, :2].T + to_crop[:, 2]
    mouth = placed[np.r_[OUTER_UP, OUTER_LOW]]
    middle = mouth.mean(0)
    jaw = placed[JAW] - middle
    low = np.clip(jaw[:, 1:] / max(float(placed[CHIN, 1] - middle[1]), 1.0), 0, 1)
    outline = np.concatenate([middle + jaw * (INWARD + (OUTWARD - INWARD) * low), placed[NOSTRILS][::-1]])
    face = cv2.GaussianBlur(_filled(outline), (0, 0), SOFT, borderType=cv2.BORDER_REPLICATE)
    face = _risen((face - 0.06) / 0.8) * _hem()
    lips = _filled(mouth)
    wide = cv2.dilate(lips, _disc(AROUND_LIPS))
    near = np.asarray(cv2.GaussianBlur(cv2.dilate(lips, _disc(2)), (0, 0), 1.5), np.float32)
    whole = _filled(np.concatenate([placed[JAW], placed[NOSTRILS][::-1]]))
    skin = np.asarray(cv2.erode(whole, _disc(2)) * (1 - wide), np.float32)
    return Mask(face=face.astype(np.float32), lips=near, skin=skin)


def _filled(outline: NDArray[np.float64]) -> Image:
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    places = np.round(np.clip(outline, -SIDE, 2 * SIDE) * (1 << FINE)).astype(np.int32)
    cv2.fillPoly(drawn, [places], 255, cv2.LINE_AA, FINE)
    return drawn.astype(np.float32) / np.float32(255)


def _disc(reach: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)), np.uint8)


def _risen(share: NDArray[np.floating]) -> Image:
    held = np.clip(share, 0, 1)
    return np.asarray(held * held * (3 - 2 * held), np.float32)


def _hem() -> Image:
    """(96, 96) 1 inside, 0 on the last row and columns: nothing is taken from beyond the crop."""
    places = np.arange(SIDE, dtype=np.float32)
    beside = _risen((np.minimum(places, SIDE - 1 - places) - 0.5) / HEM)
    below = _risen((SIDE - 1.5 - places) / HEM)
    return below[:, None] * beside[None]
