"""The inside of a mouth, drawn: dark cavity, upper teeth fixed to the skull, lower teeth and tongue on the jaw.

Teeth are painted once per clip on small pictures in the head frame, or taken from the photo, and only placed in each
frame, so they cannot flicker. What changes is light, by the opening, and the tongue, whose tip goes to the teeth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.palette import Palette
from lipsync.teeth import EDGE, HALF, LOW_EDGE, lower_row, step, upper_row

Image = NDArray[np.float32]

VEIL = np.float32(0.75)
"""How much of the picture's own black lies over everything in the mouth."""
TIP = 0.002
"""How far below the upper biting edge the tip of the tongue ends when it is up."""
LYING = -0.055
"""Where the top of the tongue is at rest, from the lower biting edge down."""
FLESH = 168.0, 84.0, 86.0
DARKEST, FORWARD = 0.45, 9.0
"""How much of the light lips take at most, and for each IOD that they are pushed forward."""
FINEST, ROUGHEST = 600.0, 120.0


@dataclass(frozen=True)
class Light:
    """Where each pixel of an opening lies, in IOD: (h, w) arrays.

    Attributes:
        x: From the middle of the mouth, to the right, in the skull's frame.
        y: Down, from the biting edge of the upper teeth, in the skull's frame.
        low: Down, from the biting edge of the lower teeth, which move with the jaw.
        under: Below the upper lip's edge.
        over: Above the lower lip's edge.
        corner: From the nearer corner, along the mouth.
        opening: How far the lips are apart in the middle (a number).
        tongue: How far the tongue's tip is up, 0–1 (a number).
        pout: How far the lips are pushed forward, and shade what is behind them (a number).
    """

    x: Image
    y: Image
    low: Image
    under: Image
    over: Image
    corner: Image
    opening: float
    tongue: float = 0.0
    pout: float = 0.0


def fineness(scale: float) -> float:
    """How finely, in pixels per IOD, teeth are painted for a clip of ``scale`` pixels per IOD."""
    return float(np.clip(1.5 * scale, ROUGHEST, FINEST))


class Interior:
    """One subject's mouth from the inside."""

    def __init__(self, colours: Palette, scale: float, own: Image | None = None) -> None:
        """Paint the parts.

        Args:
            colours: Of the subject.
            scale: Pixels per IOD in the clip: parts are painted that finely, within reason.
            own: (h, w, 4) the subject's own upper row, as :func:`lipsync.harvest.harvested` gives it.
        """
        self._fine = fineness(scale)
        self._blur = max(0.5, scale / 220) / scale
        self._colours = colours
        self._own = own is not None
        self._upper = self._soften(upper_row(colours, self._fine)) if own is None else own
        self._lower = self._soften(lower_row(colours, self._fine))

    def draw(self, light: Light) -> Image:
        """Give (h, w, 3) RGB 0–255 of what is seen through the opening."""
        lips, corner = _shade(light)
        picture = self._tongue(light, self._cavity(light))
        picture = _over(picture, self._placed(self._lower, light.x, light.low + LOW_EDGE))
        picture *= (lips * corner)[..., None]
        upper = self._placed(self._upper, light.x, light.y + EDGE)
        shade = (0.45 + 0.55 * lips if self._own else lips) * corner
        upper[..., :3] *= shade[..., None]  # teeth of a photo bring most of their shade along
        lit = _over(picture, upper)
        return np.asarray(lit + VEIL * self._colours.dark * (1 - np.minimum(lit, 255) / 255), np.float32)

    def _cavity(self, light: Light) -> Image:
        """Dark, a little less so where light falls on the palate behind the upper teeth and on the cheeks."""
        deep, flesh = self._colours.tint(19, 8, 8), self._colours.tint(74, 30, 31)
        far = np.exp(-((light.x / 0.15) ** 2)) * step(0.10, 0.0, light.y) + 0.35 * step(0.1, -0.05, light.low)
        cavity: Image = deep + flesh * np.float32(0.22) * far[..., None].astype(np.float32)
        return cavity

    def _tongue(self, light: Light, picture: Image) -> Image:
        """The tongue lies behind the lower teeth, or its tip is up and its lower side is seen."""
        up = float(step(0.15, 0.6, np.float32(light.tongue)))
        lying = light.low - LYING - 0.45 * light.x**2
        raised = light.y - TIP - 1.6 * light.x**2
        top = lying + up * (np.maximum(raised, lying) - lying)
        half = 0.19 - 0.055 * up
        cover = step(-0.014, 0.014, top) * step(half + 0.03, half - 0.03, np.abs(light.x))
        round_x = np.exp(-((light.x / (0.13 - 0.04 * up)) ** 2))
        front = np.exp(-((np.maximum(top - 0.012, 0) / (0.05 + 0.02 * up)) ** 2))
        lit = (0.16 + (0.30 + 0.30 * up) * round_x * (0.3 + 0.7 * front)) * (
            1 - 0.12 * np.exp(-((light.x / 0.01) ** 2))
        )
        wet = 26.0 * round_x * np.exp(-(((top - 0.016) / 0.008) ** 2)) * (0.4 + 0.6 * up)
        colour = self._colours.tint(*FLESH) * lit[..., None] + (wet * self._colours.tooth.mean() / 200)[..., None]
        return np.asarray(picture + (colour - picture) * cover[..., None], np.float32)

    def _soften(self, picture: Image) -> Image:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(0.4, self._blur * self._fine)), np.float32)

    def _placed(self, part: Image, x: Image, y: Image) -> Image:
        across = ((x + HALF) * self._fine).astype(np.float32)
        down = (y * self._fine).astype(np.float32)
        picture = cv2.remap(part, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(picture, np.float32)


def _over(picture: Image, top: Image) -> Image:
    return np.asarray(picture * (1 - top[..., 3:]) + top[..., :3], np.float32)


def _shade(light: Light) -> tuple[Image, Image]:
    """How much light gets past the lips, and into the corners, 0–1."""
    reach = 0.012 + 0.2 * min(light.opening, 0.1)
    above = 0.66 + 0.34 * step(-0.008, reach, light.under)
    below = 0.80 + 0.20 * step(-0.006, 0.018, light.over)
    corner = 0.26 + 0.74 * step(-0.01, 0.085, light.corner)
    whole = 0.6 + 0.4 * float(step(0.005, 0.06, np.float32(light.opening)))
    whole *= 1 - min(DARKEST, FORWARD * light.pout)
    return np.asarray(above * below * whole, np.float32), np.asarray(corner, np.float32)
