"""How far the teeth of a picture reach into what the tracker calls lip. Lengths in IOD.

A tracker is right to two or three hundredths of an IOD, which is the height of a tooth's tip: enough to leave a row of
tooth pixels on the lip's side of its edge. Bent with the lip, they are a grey smear along it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.head import Array
from lipsync.mouth import LOW_IN, LOW_OUT, UP_IN, UP_OUT, N
from lipsync.palette import Palette
from lipsync.view import View
from lipsync.warp import Image

FARTHEST = 0.05
"""Teeth are not looked for deeper in the lip,"""
SHARE = 0.45
"""nor beyond this share of its thickness."""
STEPS = 12
PALE, TOOTH = 0.45, 0.75
"""How far on the way from the lip's colour to the tooth's something begins to be, and is, a tooth."""
NEAR, APART = 40.0, 80.0
"""Lips and teeth whose colours are nearer than this cannot be told apart; farther than this, safely."""
COLOURED = 0.3
"""In pictures with less colour gloss looks like teeth."""
LIP = slice(2, 9)


def bared(rgb: NDArray[np.uint8], view: View, lips: Array, colours: Palette) -> Array:
    """Measure one picture.

    Args:
        rgb: (h, w, 3) what the view shows, with the lips in it.
        view: How it lies in the mouth's plane.
        lips: (4, 11, 2) rows in the plane, as tracked.
        colours: Of the subject.

    Returns:
        (2, 11) for the upper and the lower inner row, how far inside the lip the teeth end; 0 where none are.
    """
    pixels = lips @ view.across.T + view.zero - view.box[:2]
    return np.stack(
        [
            _reach(rgb, pixels[inner], pixels[outer], np.linalg.norm(lips[outer] - lips[inner], axis=1), colours)
            for inner, outer in ((UP_IN, UP_OUT), (LOW_IN, LOW_OUT))
        ]
    )


def _reach(rgb: NDArray[np.uint8], inner: Array, outer: Array, thick: Array, colours: Palette) -> Array:
    """(11,) how far teeth reach from the inner towards the outer row, which are ``thick`` (11,) IOD apart."""
    lip = np.median(_along(rgb, inner, outer, np.linspace(0.45, 0.85, 5)[:, None] * np.ones(N))[:, LIP], axis=(0, 1))
    way = colours.tooth - lip
    far = float(np.linalg.norm(way))
    sure = min(1.0, (far - NEAR) / (APART - NEAR), colours.colour / COLOURED)
    if sure <= 0:
        return np.zeros(N)
    deep = np.minimum(FARTHEST, SHARE * thick)
    seen = _along(rgb, inner, outer, np.linspace(0, 1, STEPS)[:, None] * (deep / (thick + 1e-6)))
    pale = np.clip(((seen - lip) @ way / far**2 - PALE) / (TOOTH - PALE), 0, 1)
    pale[:2] = pale[:3].max(0)  # the edge itself is shaded
    reach = np.minimum.accumulate(pale, axis=0).mean(0) * deep * sure
    reach[[0, -1]] = 0.0
    widest = np.maximum(reach, np.maximum(np.roll(reach, 1), np.roll(reach, -1)))
    return np.convolve(np.pad(widest, 1), (0.25, 0.5, 0.25), "valid")


def _along(rgb: NDArray[np.uint8], inner: Array, outer: Array, shares: Array) -> Image:
    """(m, 11, 3) the colours at (m, 11) shares of the way from row to row."""
    places = (inner + shares[..., None] * (outer - inner)).astype(np.float32)
    seen = cv2.remap(rgb, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.float32)
