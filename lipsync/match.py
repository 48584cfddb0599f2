"""Making one picture agree in light with the one that it is laid on, judged on the skin of both."""

from __future__ import annotations

import cv2
import numpy as np

from lipsync.warp import Image

WIDE = 0.10
"""Over which length light changes, IOD."""
COARSE = 4
"""Light is compared on pictures that many times smaller."""
GAIN = 0.6, 1.7
"""Skin that differs more than this is not the same skin: hair, a hand, another lamp."""
FAINT = 0.04
"""How much the mean of all skin counts where little of it is near."""


def lit(near: Image, base: Image, ring: Image, scale: float) -> Image:
    """Give ``near`` in the light of ``base``.

    Args:
        near: (h, w, 3) RGB 0–255.
        base: (h, w, 3) what it will be laid on.
        ring: (h, w) 1 where both show the same skin, 0 elsewhere.
        scale: Pixels per IOD.
    """
    size = (max(1, near.shape[1] // COARSE), max(1, near.shape[0] // COARSE))
    sums = [_small(one * ring[..., None], size) for one in (base, near)]
    here, there = sums[0].mean((0, 1)) + 1e-3, sums[1].mean((0, 1)) + 1e-3
    sigma = max(0.5, WIDE * scale / COARSE)
    above, below = (cv2.GaussianBlur(one, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) for one in sums)
    gain = np.clip((above + FAINT * here) / (below + FAINT * there), *GAIN)
    whole = cv2.resize(gain, (near.shape[1], near.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(near * whole, np.float32)


def _small(picture: Image, size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
