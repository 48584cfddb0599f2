"""How sharply a mouth is filmed, so that what is laid on a blurred frame is not sharper than it.

It is judged on the skin around the lips and along their outline. Skin alone may be smooth for another reason, and the
outline of other lips may be fainter: the lesser doubt counts.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.head import Array
from lipsync.mouth import LOW_OUT, UP_OUT
from lipsync.warp import Image

SIGMAS = (0.0, 0.5, 0.8, 1.2, 1.7)
"""How far a picture may be softened, in pixels."""
SOFTER = 0.85
"""Share of the detail from which two pictures are equally sharp."""
NOISE = 0.25
"""Detail, in grey levels, that compression alone leaves."""
PLACES = (0.0, 0.035, 80), (0.035, 0.17, 50)
"""From and to how far from the lips (IOD) to look, and how many per cent of the pixels have less detail than counts."""


def far_from(lips: Array, shape: tuple[int, ...], scale: float) -> Image:
    """Give (h, w) how far each pixel is from the lips, IOD; 0 on them.

    Args:
        lips: (4, 11, 2) rows, in pixels.
        shape: (h, w, …) of the picture.
        scale: Pixels per IOD.
    """
    outline = np.concatenate([lips[UP_OUT], lips[LOW_OUT, -2:0:-1]])
    outside = np.ones(shape[:2], np.uint8)
    cv2.fillPoly(outside, [np.round(outline * 16).astype(np.int32)], 0, cv2.LINE_8, 4)
    return cv2.distanceTransform(outside, cv2.DIST_L2, 3).astype(np.float32) / np.float32(scale)


def sharpness(rgb: NDArray[np.uint8], lips: Array, scale: float) -> tuple[float, ...]:
    """Measure one picture: grey levels of fine detail at each of ``PLACES``; arguments as for :func:`far_from`."""
    rgb, lips = _near(rgb, lips, scale)
    return _detail(_grey(rgb), _places(lips, rgb.shape, scale))


def softening(rgb: NDArray[np.uint8], lips: Array, scale: float, wanted: tuple[float, ...]) -> float:
    """Give by which sigma (pixels) to blur a picture that is sharper than ``wanted`` everywhere; 0 if it is not."""
    rgb, lips = _near(rgb, lips, scale)
    places, grey = _places(lips, rgb.shape, scale), _grey(rgb)
    shown = [_detail(grey, places)]
    if any(one >= SOFTER * other for one, other in zip(wanted, shown[0], strict=True)):
        return 0.0
    shown += [_detail(np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), np.float32), places) for sigma in SIGMAS[1:]]
    levels = zip(wanted, zip(*shown, strict=True), strict=True)
    found = [np.interp(-one, -np.array(detail), SIGMAS) for one, detail in levels]
    return float(min(found))


def _near(rgb: NDArray[np.uint8], lips: Array, scale: float) -> tuple[NDArray[np.uint8], Array]:
    """The part of a picture that is looked at, and the lips in it."""
    reach = PLACES[-1][1] * scale + 2
    size = np.array(rgb.shape[1::-1])
    low = np.clip(np.floor(lips.min((0, 1)) - reach), 0, size - 2).astype(int)
    high = np.clip(np.ceil(lips.max((0, 1)) + reach), low + 2, size).astype(int)
    return rgb[low[1] : high[1], low[0] : high[0]], lips - low


def _grey(rgb: NDArray[np.uint8]) -> Image:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)


def _places(lips: Array, shape: tuple[int, ...], scale: float) -> list[NDArray[np.bool_]]:
    far = far_from(lips, shape, scale)
    places = [(far > low) & (far < high) for low, high, _ in PLACES]
    for place in places:
        place[1::2] = False  # half of the rows tell as much
    return places


def _detail(grey: Image, places: list[NDArray[np.bool_]]) -> tuple[float, ...]:
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2.0))
    return tuple(
        (float(np.percentile(fine[place], share)) if place.any() else 0.0) + NOISE
        for place, (_, _, share) in zip(places, PLACES, strict=True)
    )
