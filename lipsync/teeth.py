"""Rows of teeth as pictures in the head frame, for a mouth that shows none of its own. Lengths in IOD."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lipsync.palette import Palette
from lipsync.warp import Image

HALF = 0.36
"""Half the width of a row's picture."""
TALL = 0.24
"""Its height."""
EDGE = 0.16
"""Where the biting edge of the upper row lies, from the top of its picture."""
LOW_EDGE = 0.06
UPPER = np.cumsum((0.0, 0.088, 0.068, 0.076, 0.068, 0.066, 0.09))
"""Where teeth meet, along the arch from the middle outwards."""
LOWER = np.cumsum((0.0, 0.054, 0.058, 0.066, 0.068, 0.07, 0.09))
UPPER_LIFT = np.array([0.0, 0.009, 0.003, 0.013, 0.02, 0.028])
"""How much higher than the front teeth the others end."""
LOWER_LIFT = np.array([0.0, 0.0, -0.002, 0.008, 0.014, 0.018])
UPPER_TONE = np.array([(1.0, 0.965, 0.90, 0.88, 0.85, 0.80), (0.985, 0.975, 0.89, 0.90, 0.84, 0.80)])
"""How bright each tooth is, on the left and on the right: canines are darker than incisors."""
LOWER_TONE = np.array([(0.97, 1.0, 0.90, 0.90, 0.85, 0.80), (1.0, 0.96, 0.92, 0.87, 0.85, 0.80)])
UPPER_TILT = np.array([(0.0, 0.003, -0.002, 0.0, 0.0, 0.0), (-0.002, -0.001, 0.002, 0.0, 0.0, 0.0)])
LOWER_TILT = np.array([(0.003, -0.003, 0.002, 0.0, 0.0, 0.0), (-0.002, 0.004, -0.002, 0.0, 0.0, 0.0)])
"""How much lower, or higher, each ends than symmetry has it."""
IVORY = np.array([1.0, 0.975, 0.90], np.float32)
"""Teeth are yellower towards the gum, and at the sides."""
ARCH = 0.29
LOW_ARCH = 0.24
"""Radius of the dental arches."""


def canvas(fine: float, edge: float) -> tuple[Image, Image]:
    """X and y of the pixels of a row's picture, ``fine`` pixels to the IOD, y from the biting edge down."""
    x = np.arange(-HALF, HALF, 1 / fine, dtype=np.float32)
    y = np.arange(0, TALL, 1 / fine, dtype=np.float32) - np.float32(edge)
    across, down = np.meshgrid(x, y)
    return across.astype(np.float32), down.astype(np.float32)


def upper_row(colours: Palette, fine: float) -> Image:
    """(h, w, 4) RGB 0–255 times cover, and cover 0–1, of the upper row."""
    x, y = canvas(fine, EDGE)
    number, along, crack, facing = _arch(x, UPPER, ARCH)
    side = (x > 0).astype(int)
    edge = UPPER_TILT[side, number] - UPPER_LIFT[number] - 0.012 * np.abs(2 * along) ** 3 - 0.2 * x**2
    tall = edge - y
    light = (0.25 + 0.75 * facing**1.4) * UPPER_TONE[side, number] * (1 - 0.07 * (2 * along) ** 2)
    light = light * (1 - 0.16 * step(0.022, 0.0, tall)) * (1 - (0.16 + 0.14 * step(0.03, 0.0, tall)) * crack)
    light = light * (1 - 0.14 * step(0.04, 0.12, tall))
    light = light * (1 + 0.06 * np.exp(-(((along + 0.12) / 0.17) ** 2) - ((tall - 0.05) / 0.022) ** 2))
    aged = np.clip(step(0.03, 0.11, tall) * 0.8 + 0.5 * (1 - facing), 0, 1)[..., None] * min(1.0, colours.colour)
    enamel = colours.tooth * (1 + (IVORY - 1) * aged) * light[..., None]
    gum = colours.tint(176, 104, 110) * 0.75 * (0.4 + 0.6 * facing[..., None])
    share = step(-0.008, 0.008, tall - 0.105 + 0.012 * (2 * along) ** 2)[..., None]
    cover = step(-0.004, 0.004, tall) * step(0.05, 0.4, facing)
    return layer(enamel * (1 - share) + gum * share, cover)


def lower_row(colours: Palette, fine: float) -> Image:
    """(h, w, 4) like :func:`upper_row`, of the lower row, its edge ``LOW_EDGE`` from the top."""
    x, y = canvas(fine, LOW_EDGE)
    number, along, crack, facing = _arch(x, LOWER, LOW_ARCH)
    side = (x > 0).astype(int)
    edge = LOWER_TILT[side, number] - LOWER_LIFT[number] + 0.008 * np.abs(2 * along) ** 4 + 0.25 * x**2
    deep = y - edge
    light = facing**1.3 * LOWER_TONE[side, number] * (0.78 - 0.34 * step(0.03, 0.10, deep))
    light = light * (1 - 0.08 * (2 * along) ** 2) * (1 - 0.20 * crack)
    ivory = 1 + (IVORY - 1) * 0.7 * min(1.0, colours.colour)
    enamel = colours.tooth * ivory * light[..., None]
    gum = colours.tint(150, 84, 90) * 0.5 * facing[..., None]
    share = step(-0.01, 0.01, deep - 0.085)[..., None]
    return layer(enamel * (1 - share) + gum * share, step(-0.004, 0.004, deep) * step(0.1, 0.6, facing))


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


def layer(colour: NDArray[np.floating], cover: NDArray[np.floating]) -> Image:
    """Put colour and cover together: (h, w, 4), premultiplied."""
    return np.concatenate([colour * cover[..., None], cover[..., None]], axis=-1).astype(np.float32)


def step(low: float, high: float, value: NDArray[np.floating] | np.floating) -> Image:
    """Rise smoothly from 0 at ``low`` to 1 at ``high`` (or fall, where low is above high)."""
    share = np.clip((value - low) / (high - low), 0.0, 1.0)
    risen: Image = np.asarray(share * share * (3 - 2 * share), dtype=np.float32)
    return risen
