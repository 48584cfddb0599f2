"""Making one picture agree with the one that it is laid on: in light and in sharpness, judged on the skin of both."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.warp import Image

WIDE = 0.10
"""Over which length light changes, IOD."""
COARSE = 4
"""Light is compared on pictures that many times smaller."""
GAIN = 0.6, 1.7
"""Skin that differs more than this is not the same skin: hair, a hand, another lamp."""
FAINT = 0.04
"""How much the mean of all skin counts where little of it is near."""
SIGMAS = (0.0, 0.5, 0.8, 1.2, 1.7)
"""How far a picture may be softened, in pixels."""
SOFTER = 0.85
"""Share of the detail from which two pictures are equally sharp."""
NOISE = 0.25
"""Detail, in grey levels, that smooth skin has from compression alone."""


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


def soft(near: Image, base: Image, ring: Image) -> Image:
    """Give ``near`` no sharper than ``base`` is on the ``ring``; arguments as for :func:`lit`."""
    skin = ring > 0
    skin[1::2] = False  # half of the rows tell as much
    wanted = _detail(_grey(base), skin) + NOISE
    grey = _grey(near)
    shown = [_detail(grey, skin) + NOISE]
    if wanted >= SOFTER * shown[0]:
        return near
    for size in SIGMAS[1:]:
        blurred = np.asarray(cv2.GaussianBlur(grey, (0, 0), size), np.float32)
        shown.append(_detail(blurred, skin) + NOISE)
    sigma = float(np.interp(-wanted, -np.array(shown), SIGMAS))
    return np.asarray(cv2.GaussianBlur(near, (0, 0), sigma), np.float32) if sigma > 0.25 else near


def _grey(rgb: Image) -> Image:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)


def _detail(grey: Image, ring: NDArray[np.bool_]) -> float:
    """The usual strength of what is finer than a few pixels; edges do not count."""
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2.0))[ring]
    return float(np.median(fine)) if len(fine) else 0.0


def _small(picture: Image, size: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
