"""What moves while the shutter is open is smeared: the lower edge of an opening, and what lies behind it."""

from __future__ import annotations

import cv2
import numpy as np

from lipsync.opening import Opening
from lipsync.warp import Image

BOX = 12**-0.5
"""Standard deviation of an even move of length 1."""
LEAST = 0.6
"""Pixels, as a standard deviation, below which nobody sees it."""


def smeared(pictures: tuple[Image, Image], opening: Opening, pixels: float) -> tuple[Image, Image]:
    """Smear pictures upwards and downwards.

    Args:
        pictures: What is drawn in the opening, and how much of what is around it is kept.
        opening: Where it is: its upper edge hardly moves and stays sharp.
        pixels: How far the lower edge moves meanwhile.
    """
    size = BOX * pixels
    if size < LEAST:
        return pictures
    down = np.clip(opening.under / np.maximum(opening.under + opening.over, 1e-3), 0, 1)
    share = np.where(opening.under + opening.over > 0, down * down * (3 - 2 * down), 1.0).astype(np.float32)
    first, second = (_mixed(picture, share, size) for picture in pictures)
    return first, second


def _mixed(picture: Image, share: Image, size: float) -> Image:
    soft = cv2.GaussianBlur(picture, (1, 2 * int(3 * size) + 1), sigmaX=1.0, sigmaY=size)
    return np.asarray(picture + (soft - picture) * (share[..., None] if picture.ndim == 3 else share), np.float32)
