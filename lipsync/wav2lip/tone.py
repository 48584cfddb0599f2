"""A drawn face made to agree with the frame it goes back to: in light, and in sharpness. All on the crop's pixels.

Generators of 96 pixels shift colours a little and draw softly. Their colours are compared above the mouth, where the
network saw what it was to draw: cheeks and chin look different for good reasons when a mouth smiles or opens. Sharpness
is compared on the skin of the lower face, and the drawing is sharpened, or softened, to what the source has at this
size.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.wav2lip.mask import Image, Mask

FINE = 1.0
"""Pixels (standard deviation) above which something is no fine detail."""
SOFTEST, SHARPEST = -0.8, 1.2
"""How much detail is taken away or added, of what is there."""
NOISE = 0.6
"""Grey levels of detail that both are granted, so that little is not measured against nothing."""
SLOW = 0.15
"""How much a new frame counts in the sharpness of its shot: it must not flicker."""
ROOM = 6.0
"""Grey levels by which sharpening may leave the range of the pixels around."""
CHANGE = (5.0, 22.0)
"""Grey levels between drawing and source up to which the source's finest detail stays, and from which it goes."""
SEEN = slice(2, 44)
"""Rows of a crop that the network sees, and so draws as they are."""
GAIN, SHIFT = 0.15, 12.0
"""Share and grey levels by which colours are corrected at most: generators err no further."""
GREY = (2.0, 5.0)
"""Levels between the strongest and the weakest colour of pixels, on average, up to which a picture is black and white,
and from which it is in colour."""
LUMA = (0.299, 0.587, 0.114)
PLAIN = 25.0
"""Variance, in grey levels squared, from which a picture tells how much its contrast has changed."""


class Sharpness:
    """How much sharper the drawings of a take must become. To be asked in order."""

    def __init__(self) -> None:
        self._amount: float | None = None

    def step(self, source: NDArray[np.uint8], drawn: NDArray[np.uint8], skin: Image, fresh: bool) -> float:
        """Give the amount of sharpening for the next frame; ``fresh`` at the beginning of a shot."""
        wanted, there = _detail(source, skin), _detail(drawn, skin)
        amount = float(np.clip((wanted + NOISE) / (there + NOISE) - 1, SOFTEST, SHARPEST))
        if self._amount is None or fresh:
            self._amount = amount
        self._amount += SLOW * (amount - self._amount)
        return self._amount


def agreed(source: NDArray[np.uint8], drawn: NDArray[np.uint8], amount: float) -> Image:
    """Give the drawing (96, 96, 3) RGB 0–255 in the source's light, and as sharp.

    Args:
        source: (96, 96, 3) RGB, the crop of the frame.
        drawn: (96, 96, 3) RGB, what the network made of it.
        amount: See :class:`Sharpness`.
    """
    near = _lit(source, drawn)
    if amount == 0:
        return near
    sharper = near + np.float32(amount) * (near - cv2.GaussianBlur(near, (0, 0), FINE))
    square = np.ones((3, 3), np.uint8)
    return np.asarray(np.clip(sharper, cv2.erode(near, square) - ROOM, cv2.dilate(near, square) + ROOM), np.float32)


def kept(source: NDArray[np.uint8], near: Image, mask: Mask) -> Image:
    """Give (96, 96) 0–1: how much of the source's detail finer than the crop stays, as pores and stubble should.

    Where the drawing is what the source was, all of it; where lips, teeth or chin are elsewhere now, nothing, or they
    would shine through. The lips count as one: they keep theirs together or not at all.
    """
    far = cv2.GaussianBlur(np.abs(near - source).max(-1), (0, 0), FINE)
    share = np.clip((CHANGE[1] - far) / (CHANGE[1] - CHANGE[0]), 0, 1)
    mouth = mask.lips > 0.5
    if mouth.any():
        share = np.minimum(share, 1 - mask.lips * (1 - np.quantile(share[mouth], 0.1)))
    small = cv2.erode(share.astype(np.float32), np.ones((3, 3), np.uint8))
    return np.asarray(np.clip(cv2.GaussianBlur(small, (0, 0), 1.5), 0, 1), np.float32)


def _lit(source: NDArray[np.uint8], drawn: NDArray[np.uint8]) -> Image:
    """The drawing in the source's colours: the gain and shift of each that make their upper halves agree."""
    base, near = (one[SEEN].reshape(-1, 3).astype(np.float32) for one in (source, drawn))
    middle, there = base.mean(0), near.mean(0)
    together = ((base - middle) * (near - there)).mean(0)
    gain = np.clip((together + PLAIN) / (near.var(0) + PLAIN), 1 - GAIN, 1 + GAIN)
    shift = np.clip(middle - gain * there, -SHIFT, SHIFT)
    lit = np.asarray(drawn * gain + shift, np.float32)
    colourful = float(np.clip((np.ptp(base, axis=1).mean() - GREY[0]) / (GREY[1] - GREY[0]), 0, 1))
    if colourful == 1:
        return lit
    grey = (lit @ np.array(LUMA, np.float32))[..., None]
    return np.asarray(grey + np.float32(colourful) * (lit - grey), np.float32)


def _detail(picture: NDArray[np.uint8], skin: Image) -> float:
    """Mean strength of fine detail on skin, grey levels."""
    if not skin.any():
        return 0.0
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), FINE))
    return float((fine * skin).sum() / skin.sum())
