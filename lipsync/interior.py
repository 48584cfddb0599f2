"""The inside of a mouth, drawn: dark cavity, upper teeth fixed to the skull, lower teeth and tongue on the jaw.

Teeth and tongue are painted once per clip on small pictures in the head frame and only placed in each frame, so they
cannot flicker. What changes with the opening is light: the lips shade what lies behind them, and the corners are dark.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.palette import Palette

Image = NDArray[np.float32]

HALF = 0.36
"""Half the width of the painted rows, in IOD."""
TALL = 0.24
"""Height of the painted rows."""
EDGE = 0.16
"""Where the biting edge of the upper row lies, from the top of its picture."""
LOW_EDGE = 0.06
UPPER = np.cumsum((0.0, 0.088, 0.068, 0.076, 0.068, 0.066, 0.09))
"""Where teeth meet, along the arch from the middle outwards, IOD."""
LOWER = np.cumsum((0.0, 0.054, 0.058, 0.066, 0.068, 0.07, 0.09))
UPPER_LIFT = np.array([0.0, 0.009, 0.003, 0.013, 0.02, 0.028])
"""How much higher than the front teeth the others end."""
LOWER_LIFT = np.array([0.0, 0.0, -0.002, 0.008, 0.014, 0.018])
VEIL = np.float32(0.75)
"""How much of the picture's own black lies over everything in the mouth."""
ARCH = 0.29
LOW_ARCH = 0.24
"""Radius of the dental arches, IOD."""


@dataclass(frozen=True)
class Light:
    """Where each pixel of an opening lies, in IOD: (h, w) arrays.

    Attributes:
        x: From the middle of the mouth, to the right, in the skull's frame.
        y: Down, from the biting edge of the upper teeth, in the skull's frame.
        under: Below the upper lip's edge.
        over: Above the lower lip's edge.
        corner: From the nearer corner, along the mouth.
        opening: How far the lips are apart in the middle (a number).
        drop: How far the jaw is down (a number).
    """

    x: Image
    y: Image
    under: Image
    over: Image
    corner: Image
    opening: float
    drop: float


class Interior:
    """One subject's mouth from the inside."""

    def __init__(self, colours: Palette, scale: float) -> None:
        """Paint the parts.

        Args:
            colours: Of the subject.
            scale: Pixels per IOD in the clip: parts are painted that finely, within reason.
        """
        self._fine = float(np.clip(1.5 * scale, 120, 600))
        self._blur = max(0.5, scale / 220) / scale
        self._colours = colours
        self._upper = self._soften(_upper_row(colours, self._canvas(EDGE)))
        self._lower = self._soften(_lower_row(colours, self._canvas(LOW_EDGE)))
        self._tongue = self._soften(_tongue(colours, self._canvas(LOW_EDGE)))

    def draw(self, light: Light) -> Image:
        """Give (h, w, 3) RGB 0–255 of what is seen through the opening."""
        down = light.drop
        picture = self._cavity(light)
        for part, x, y in (
            (self._tongue, light.x, light.y - 0.55 * down + 0.006 + LOW_EDGE),
            (self._lower, light.x, light.y - 1.2 * down - 0.008 + LOW_EDGE),
            (self._upper, light.x, light.y + EDGE),
        ):
            layer = self._placed(part, x, y)
            picture = picture * (1 - layer[..., 3:]) + layer[..., :3]
        lit = picture * _shade(light)[..., None]
        return np.asarray(lit + VEIL * self._colours.dark * (1 - np.minimum(lit, 255) / 255), np.float32)

    def _cavity(self, light: Light) -> Image:
        deep = self._colours.tint(30, 13, 13)
        flesh = self._colours.tint(80, 34, 36)
        lit = _step(0.03, 0.16, light.under) * np.exp(-((light.x / 0.16) ** 2))
        cavity: Image = deep + flesh * np.float32(0.45) * lit[..., None].astype(np.float32)
        return cavity

    def _canvas(self, edge: float) -> tuple[Image, Image]:
        x = np.arange(-HALF, HALF, 1 / self._fine, dtype=np.float32)
        y = np.arange(0, TALL, 1 / self._fine, dtype=np.float32) - np.float32(edge)
        across, down = np.meshgrid(x, y)
        return across.astype(np.float32), down.astype(np.float32)

    def _soften(self, layer: Image) -> Image:
        return np.asarray(cv2.GaussianBlur(layer, (0, 0), max(0.4, self._blur * self._fine)), np.float32)

    def _placed(self, part: Image, x: Image, y: Image) -> Image:
        across = ((x + HALF) * self._fine).astype(np.float32)
        down = (y * self._fine).astype(np.float32)
        layer = cv2.remap(part, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(layer, np.float32)


def _shade(light: Light) -> Image:
    """How much light gets past the lips, 0–1."""
    reach = 0.012 + 0.2 * min(light.opening, 0.1)
    above = 0.50 + 0.50 * _step(-0.008, reach, light.under)
    below = 0.70 + 0.30 * _step(-0.006, 0.018, light.over)
    corner = 0.30 + 0.70 * _step(0.0, 0.10, light.corner)
    whole = 0.45 + 0.55 * float(_step(0.005, 0.06, np.float32(light.opening)))
    shade: Image = (above * below * corner * whole).astype(np.float32)
    return shade


def _upper_row(colours: Palette, canvas: tuple[Image, Image]) -> Image:
    """(h, w, 4) premultiplied."""
    x, y = canvas
    number, along, crack, facing = _arch(x, UPPER, ARCH)
    edge = -UPPER_LIFT[number] - 0.012 * np.abs(2 * along) ** 3 - 0.3 * x**2
    tall = edge - y
    light = (0.30 + 0.70 * facing**1.6) * (1 - 0.06 * (2 * along) ** 2)
    light = light * (1 - 0.10 * _step(0.03, 0.0, tall)) * (1 - 0.16 * crack)
    light = light * (1 - 0.10 * _step(0.05, 0.12, tall))
    enamel = colours.tooth * light[..., None]
    gum = colours.tint(176, 104, 110) * 0.75 * (0.4 + 0.6 * facing[..., None])
    share = _step(-0.008, 0.008, tall - 0.105 + 0.012 * (2 * along) ** 2)[..., None]
    cover = _step(-0.004, 0.004, tall) * _step(0.05, 0.4, facing)
    return _layer(enamel * (1 - share) + gum * share, cover)


def _lower_row(colours: Palette, canvas: tuple[Image, Image]) -> Image:
    x, y = canvas
    number, along, crack, facing = _arch(x, LOWER, LOW_ARCH)
    edge = LOWER_LIFT[number] * -1 + 0.008 * np.abs(2 * along) ** 4 + 0.25 * x**2
    deep = y - edge
    light = facing**1.3 * (0.70 - 0.32 * _step(0.03, 0.10, deep)) * (1 - 0.06 * (2 * along) ** 2) * (1 - 0.14 * crack)
    enamel = colours.tooth * np.array([1.0, 0.98, 0.93], np.float32) * light[..., None]
    gum = colours.tint(150, 84, 90) * 0.5 * facing[..., None]
    share = _step(-0.01, 0.01, deep - 0.085)[..., None]
    return _layer(enamel * (1 - share) + gum * share, _step(-0.004, 0.004, deep) * _step(0.1, 0.6, facing))


def _tongue(colours: Palette, canvas: tuple[Image, Image]) -> Image:
    x, y = canvas
    top = 0.4 * x**2
    lit = 0.22 + 0.50 * np.exp(-((x / 0.15) ** 2)) * _step(-0.02, 0.08, y - top)
    lit = lit * (1 - 0.10 * np.exp(-((x / 0.012) ** 2)))
    cover = _step(-0.03, 0.05, y - top) * _step(0.24, 0.13, np.abs(x))
    return _layer(colours.tint(176, 86, 88) * lit[..., None], cover)


def _arch(x: Image, bounds: NDArray[np.floating], radius: float) -> tuple[NDArray[np.int64], Image, Image, Image]:
    """For each x: number of the tooth, place across it (−.5–.5), darkness of the crack, how much it faces us."""
    angle = np.arcsin(np.clip(x / radius, -0.999, 0.999))
    length = np.abs(radius * angle)
    number = np.clip(np.searchsorted(bounds, length, side="right") - 1, 0, len(bounds) - 2)
    wide = bounds[number + 1] - bounds[number]
    along = (length - bounds[number]) / wide - 0.5
    facing = np.cos(angle)
    side = np.minimum(length - bounds[number], bounds[number + 1] - length) * facing
    crack = np.exp(-((side / 0.0055) ** 2))
    return number, along.astype(np.float32), crack.astype(np.float32), facing.astype(np.float32)


def _layer(colour: NDArray[np.floating], cover: NDArray[np.floating]) -> Image:
    return np.concatenate([colour * cover[..., None], cover[..., None]], axis=-1).astype(np.float32)


def _step(low: float, high: float, value: NDArray[np.floating] | np.floating) -> Image:
    """Rise smoothly from 0 at ``low`` to 1 at ``high`` (or fall, where low is above high)."""
    share = np.clip((value - low) / (high - low), 0.0, 1.0)
    risen: Image = np.asarray(share * share * (3 - 2 * share), dtype=np.float32)
    return risen
