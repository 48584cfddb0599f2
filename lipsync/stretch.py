"""What was stretched far more one way than the other shows bars; they are softened across."""

from __future__ import annotations

import cv2
import numpy as np

from lipsync.sketch import Softening
from lipsync.view import View
from lipsync.warp import Image

EVEN, DRAWN = 1.5, 3.0
"""How many times more upwards than sideways a picture may be stretched, and from where it is fully softened."""
ACROSS = 0.022
"""How far it is softened, in IOD."""
LEAST = 1.5
"""Pixels below which nothing is worth it."""


def softening(moves: Image, view: View) -> Softening | None:
    """Say where bars are to be softened; None where nothing is.

    Args:
        moves: (rows, columns, 2) by which a picture is bent.
        view: Its pixels.
    """
    size = ACROSS * view.scale
    if size < LEAST:
        return None
    drawn = _drawn(moves, view)
    if drawn.max() <= 0:
        return None
    x, y = view.places
    step = np.float32(1 / view.grid.step)
    across, down = (x - np.float32(view.grid.left)) * step, (y - np.float32(view.grid.top)) * step
    share = cv2.remap(drawn, across, down, cv2.INTER_LINEAR)
    return Softening(np.asarray(share, np.float32), size)


def _drawn(moves: Image, view: View) -> Image:
    """(rows, columns) 0–1, where and how much."""
    sideways = 1 + np.gradient(moves[..., 0], view.grid.step, axis=1)
    upwards = 1 + np.gradient(moves[..., 1], view.grid.step, axis=0)
    ratio = np.maximum(sideways, 0.3) / np.maximum(upwards, 0.1)
    share: Image = np.clip((ratio - EVEN) / (DRAWN - EVEN), 0, 1).astype(np.float32)
    return share
