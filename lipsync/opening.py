"""The line between the lips and what opens along it, asked for at any place of the mouth's plane. Lengths in IOD."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.head import Array
from lipsync.interior import Light
from lipsync.mouth import LOW_IN, MIDDLE, SHUT, UP_IN, UP_OUT
from lipsync.warp import Image

BESIDE = 0.5
"""How fast the border between above and below grows soft, per IOD beside the mouth."""
SHADED = np.float32(0.3), np.float32(0.14)
ROUND = np.float32(0.012)
"""How dark the upper and the lower lip turn inwards, and over which length; light comes from above."""
SEAM = (0.32, 0.009), (0.14, 0.03)
"""How dark the line of closed lips is: a narrow core and a soft fold."""
CORNERS = 0.85
"""How dark the line still is at the inner corners; it ends at the outer ones."""
RIM = 0.11
"""What is drawn sharply around the opening."""


@dataclass(frozen=True)
class Opening:
    """What shows between the lips: (h, w) arrays.

    Attributes:
        cover: 0–1, how much of each pixel is open.
        under: Below the upper lip's edge.
        over: Above the lower lip's edge.
        corner: From the nearer corner, along the mouth; below 0 beside it.
    """

    cover: Image
    under: Image
    over: Image
    corner: Image

    @property
    def rim(self) -> Image:
        """How much darker lips are where they turn inwards, 0 to ``SHADED``."""
        outside = np.maximum(np.maximum(-self.under, -self.over), 0)
        dark = np.where(self.under < self.over, *SHADED)
        rim: Image = dark * np.exp(-((outside / ROUND) ** 2)) * (outside > 0) * _step(self.corner / 0.06)
        return rim


@dataclass(frozen=True)
class Seat:
    """Where the teeth sit, and what is before and behind them; in the mouth's plane.

    Attributes:
        x: Of the middle of the upper biting edge.
        y: Likewise.
        low: y of the lower biting edge.
        tongue: How far the tongue's tip is up, 0–1.
        pout: How far lips are pushed forward.
    """

    x: float
    y: float
    low: float
    tongue: float
    pout: float = 0.0

    def light(self, x: Image, y: Image, lips: Lips, opening: Opening) -> Light:
        """Say where each pixel of an opening lies with regard to teeth and lips."""
        return Light(
            x=x - np.float32(self.x),
            y=y - np.float32(self.y),
            low=y - np.float32(self.low),
            under=opening.under,
            over=opening.over,
            corner=opening.corner,
            opening=lips.gap,
            tongue=self.tongue,
            pout=self.pout,
        )


@dataclass(frozen=True)
class Lips:
    """Lips of one frame in the mouth's plane.

    Attributes:
        own: (4, 11, 2) as filmed.
        wanted: (4, 11, 2) as they shall be.
    """

    own: Array
    wanted: Array

    @cached_property
    def line(self) -> Curve:
        """The middle between the inner rows."""
        return Curve((self.wanted[UP_IN] + self.wanted[LOW_IN]) / 2)

    @property
    def bounds(self) -> Array:
        """(2, 2) low and high corner of the rectangle that must be drawn sharply."""
        inner = self.wanted[UP_IN:].reshape(-1, 2)
        return np.array([inner.min(0) - RIM, inner.max(0) + RIM])

    @property
    def gap(self) -> float:
        """How far the wanted lips are apart in the middle."""
        return float((self.wanted[LOW_IN, MIDDLE, 1] - self.wanted[UP_IN, MIDDLE, 1]).mean())

    def split(self, x: Image, y: Image, sharp: float) -> Image:
        """Give 0 above the line and 1 below it; ``sharp`` wide in the mouth, ever softer beside it."""
        beside = np.maximum(np.maximum(self.line.left - x, x - self.line.right), 0)
        return _step((y - self.line(x)) / (sharp + BESIDE * beside + 1e-6) + 0.5)

    def seam(self, x: Image, y: Image) -> Image | None:
        """Say how dark the line of lips is that were apart as filmed and are closed now; None where there is none."""
        was = self.own[LOW_IN, :, 1] - self.own[UP_IN, :, 1]
        now = self.wanted[LOW_IN, :, 1] - self.wanted[UP_IN, :, 1]
        amount = _step((was - 0.01) / 0.04) * _step((0.02 - now) / 0.012)
        if amount.max() < 0.01:
            return None
        amount[[0, -1]] = CORNERS * amount[[1, -2]]
        places = self.wanted[UP_OUT, 0, 0], *self.wanted[UP_IN, :, 0], self.wanted[UP_OUT, -1, 0]
        dark = np.interp(x, places, (0.0, *amount, 0.0)).astype(np.float32)
        away = (y - self.line(x)) ** 2
        dark *= sum(share * np.exp(-away / np.float32(far**2)) for share, far in SEAM)
        return np.asarray(dark, np.float32)

    def opening(self, x: Image, y: Image, scale: float) -> Opening | None:
        """Say what is open, for pixels ``1 / scale`` wide; None where the mouth is closed."""
        inner = self.wanted[UP_IN:]
        if (inner[1, :, 1] - inner[0, :, 1]).max() < SHUT / 2:
            return None
        under, over = y - Curve(inner[0])(x), Curve(inner[1])(x) - y
        pixel = np.float32(1 / scale)
        cover = np.clip(np.minimum(under, pixel / 2) + np.minimum(over, pixel / 2), 0, pixel) / pixel
        corner = np.minimum(x - np.float32(self.line.left), np.float32(self.line.right) - x)
        cover = cover * np.clip(corner / pixel + 0.5, 0, 1)  # rows that do not meet, as in a profile, end here
        soft = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), max(0.6, scale / 170))
        return Opening(cover=soft, under=under, over=over, corner=corner)


class Curve:
    """A smooth y over x through a row of points, looked up quickly; level beyond its ends."""

    def __init__(self, row: Array) -> None:
        x = np.maximum.accumulate(row[:, 0]) + 1e-5 * np.arange(len(row))
        slope = np.gradient(row[:, 1], x)
        self.left, self.right = float(x[0]), float(x[-1])
        self._fine = np.float32(512 / max(self.right - self.left, 1e-3))
        self._table = _hermite(np.linspace(self.left, self.right, 513), x, row[:, 1], slope).astype(np.float32)

    def __call__(self, x: Image) -> Image:
        """Give y, in the shape of ``x``."""
        place = np.clip((x - np.float32(self.left)) * self._fine, 0, 512)
        low = np.minimum(place.astype(np.int32), 511)
        found: Image = self._table[low] + (self._table[low + 1] - self._table[low]) * (place - low)
        return found


def _hermite(at: Array, x: Array, y: Array, slope: Array) -> Array:
    k = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    wide = x[k + 1] - x[k]
    t = (at - x[k]) / wide
    rise: Array = (
        (2 * t**3 - 3 * t**2 + 1) * y[k]
        + (t**3 - 2 * t**2 + t) * wide * slope[k]
        + (3 * t**2 - 2 * t**3) * y[k + 1]
        + (t**3 - t**2) * wide * slope[k + 1]
    )
    return rise


def _step(share: NDArray[np.floating]) -> Image:
    held = np.clip(share, 0, 1)
    risen: Image = (held * held * (3 - 2 * held)).astype(np.float32)
    return risen
