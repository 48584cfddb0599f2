"""What was stretched far more one way than the other shows bars; they are softened across."""

from __future__ import annotations

import cv2
import numpy as np

from lipsync.view import View
from lipsync.warp import Image

EVEN, DRAWN = 1.5, 3.0
"""How many times more upwards than sideways a picture may be stretched, and from where it is fully softened."""
ACROSS = 0.022
"""How far it is softened, in IOD."""
LEAST = 1.5
"""Pixels below which nothing is worth it."""


def softened(picture: Image, moves: Image, view: View) -> Image:
    """Soften bars.

    Args:
        picture: (h, w, 3) of the view, as bent.
        moves: (rows, columns, 2) by which it was bent.
        view: Its pixels.
    """
    size = ACROSS * view.scale
    if size < LEAST:
        return picture
    drawn = _drawn(moves, view)
    if drawn.max() <= 0:
        return picture
    x, y = view.places
    step = np.float32(1 / view.grid.step)
    across, down = (x - np.float32(view.grid.left)) * step, (y - np.float32(view.grid.top)) * step
    share = cv2.remap(drawn, across, down, cv2.INTER_LINEAR)[..., None]
    soft = cv2.GaussianBlur(picture, (0, 0), sigmaX=size, sigmaY=0.5)
    return np.asarray(picture + (soft - picture) * share, np.float32)


def _drawn(moves: Image, view: View) -> Image:
    """(rows, columns) 0–1, where and how much."""
    sideways = 1 + np.gradient(moves[..., 0], view.grid.step, axis=1)
    upwards = 1 + np.gradient(moves[..., 1], view.grid.step, axis=0)
    ratio = np.maximum(sideways, 0.3) / np.maximum(upwards, 0.1)
    share: Image = np.clip((ratio - EVEN) / (DRAWN - EVEN), 0, 1).astype(np.float32)
    return share
