"""The colours of a subject that a mouth drawn for it must agree with, measured once per clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.face import EYE_L, EYE_R, INNER_LOW, INNER_UP, IRIS, NOSE, OVAL

Pixels = NDArray[np.float32]

IRIS_RADIUS = 0.075
"""In IOD, with some to spare: what is not iris and not lid is white of the eye."""
CHEEK_RADIUS = 0.09
DARKEST = 0.3
"""Per cent of a face that nostrils and pupils fill for certain."""
LIGHTEST_DARK = 48.0
LEVEL = np.array([0.21, 0.63, 78.0])
"""How bright teeth are, by the white of the eye, the brighter half of the cheeks, and in any case;"""
REDNESS = np.array([0.245, 0.37, 0.34])
BLUENESS = np.array([0.283, 0.341, 0.388])
"""how red and how blue, by those of the eye and of the cheeks."""
SMILE = 0.05
"""Opening in IOD from which a picture shows teeth of its own."""


@dataclass(frozen=True)
class Palette:
    """Colours as the picture shows them, RGB 0–255.

    Attributes:
        tooth: (3,) the brightest a tooth gets.
        skin: (3,) the cheeks.
        colour: 0 for a monochrome picture, about 1 for a colourful one: how far to tint.
        dark: (3,) nostrils and pupils: nothing in the picture's mouth is darker, be it haze, gain or compression.
    """

    tooth: Pixels
    skin: Pixels
    colour: float
    dark: Pixels = field(default_factory=lambda: np.zeros(3, np.float32))

    @classmethod
    def plain(cls) -> Palette:
        """Give colours that offend nobody, for a clip in which none could be measured."""
        return cls(np.array([205, 200, 188], np.float32), np.array([190, 150, 130], np.float32), 0.8)

    def tint(self, red: float, green: float, blue: float) -> Pixels:
        """Give a colour as saturated as this picture is, and as bright as its light."""
        full = np.array([red, green, blue], np.float32)
        shown = (full * self.colour + full.mean() * (1 - self.colour)) * (self.tooth.mean() / 200)
        return np.asarray(shown, np.float32)


def palette(rgb: NDArray[np.uint8], points: NDArray[np.floating]) -> Palette:
    """Measure one picture.

    Args:
        rgb: (H, W, 3).
        points: (99, 2) the face in it, in pixels.
    """
    iod = float(np.hypot(*(points[EYE_L[0]] - points[EYE_R[0]])))
    skin_pixels = _at(rgb, _cheeks(rgb, points, iod))
    skin = skin_pixels.mean(0)
    bright = float(np.percentile(skin_pixels.mean(1), 75))
    spread = float(skin.max() - skin.min()) / max(float(skin.max()), 1.0)
    colour = float(np.clip(spread / 0.35, 0.0, 1.1)) if spread > 0.05 else 0.0
    tooth = _tooth(_whites(rgb, points, iod, skin), skin, bright, colour)
    return Palette(tooth=_own_tooth(rgb, points, iod, tooth), skin=skin, colour=colour, dark=_dark(rgb, points))


def middle_palette(seen: Sequence[Palette]) -> Palette:
    """Give the median of several pictures of one clip, and the darkest dark: a blink or a lamp does not count."""
    return Palette(
        tooth=np.median([one.tooth for one in seen], axis=0).astype(np.float32),
        skin=np.median([one.skin for one in seen], axis=0).astype(np.float32),
        colour=float(np.median([one.colour for one in seen])),
        dark=np.min([one.dark for one in seen], axis=0).astype(np.float32),
    )


def _tooth(white: Pixels, skin: Pixels, bright: float, colour: float) -> Pixels:
    """Guess teeth from the white of the eye and the cheeks, as 548 smiling portraits show them, brightened by eye."""
    level = float(np.clip(LEVEL @ (white.mean(), bright, 1.0), 0.9 * bright, 244.0))
    if colour < 0.15:
        return np.full(3, level, np.float32)
    hues = [part / max(float(part.mean()), 1.0) for part in (white, skin)]
    red, blue = (float(fit @ (hues[0][k], hues[1][k], 1.0)) for k, fit in ((0, REDNESS), (2, BLUENESS)))
    return np.asarray(level * np.array([red, 3 - red - blue, blue]), np.float32)


def _own_tooth(rgb: NDArray[np.uint8], points: NDArray[np.floating], iod: float, guess: Pixels) -> Pixels:
    """Believe the teeth that are seen, where something between the lips is as bright as teeth and as pale."""
    middle = INNER_LOW[2:7]
    apart = float((points[middle, 1] - points[INNER_UP[7:2:-1], 1]).mean()) / iod
    if apart < SMILE:
        return guess
    mask = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(points[np.r_[INNER_UP, INNER_LOW]]).astype(np.int32)], 1)
    inset = max(1, round(0.015 * iod))
    pixels = _at(rgb, cv2.erode(mask, np.ones((2 * inset + 1, 2 * inset + 1), np.uint8)) > 0)
    level = pixels.mean(1)
    seen = pixels[level >= np.percentile(level, 82)].mean(0)
    pale = (seen.max() - seen.min()) / max(float(seen.max()), 1.0) < 0.35
    bright = 0.75 * guess.mean() < seen.mean()
    return np.asarray(seen, np.float32) if len(pixels) >= 40 and pale and bright else guess


def _dark(rgb: NDArray[np.uint8], points: NDArray[np.floating]) -> Pixels:
    """The mean of the darkest pixels of the face."""
    mask = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(points[OVAL]).astype(np.int32)], 1)
    pixels = _at(rgb, mask > 0)
    level = pixels.mean(1)
    dark: Pixels = pixels[level <= np.percentile(level, DARKEST)].mean(0)
    return np.asarray(dark * min(1.0, LIGHTEST_DARK / max(float(dark.mean()), 1.0)), np.float32)


def _cheeks(rgb: NDArray[np.uint8], points: NDArray[np.floating], iod: float) -> NDArray[np.bool_]:
    mask = np.zeros(rgb.shape[:2], np.uint8)
    for wing, side in ((NOSE[10], OVAL[13]), (NOSE[11], OVAL[5])):
        middle = points[wing] * 0.6 + points[side] * 0.4
        cv2.circle(mask, _pixel(middle), max(2, round(CHEEK_RADIUS * iod)), 1, -1)
    return mask > 0


def _whites(rgb: NDArray[np.uint8], points: NDArray[np.floating], iod: float, skin: Pixels) -> Pixels:
    mask = np.zeros(rgb.shape[:2], np.uint8)
    for eye, iris in ((EYE_L, IRIS[0]), (EYE_R, IRIS[1])):
        cv2.fillPoly(mask, [np.round(points[eye]).astype(np.int32)], 1)
        cv2.circle(mask, _pixel(points[iris]), max(1, round(IRIS_RADIUS * iod)), 0, -1)
    pixels = _at(rgb, mask > 0)
    if len(pixels) < 12:
        return np.asarray(0.5 * skin + 0.5 * skin.mean(), np.float32)
    level = pixels.mean(1)
    low, high = np.percentile(level, [55, 90])
    white: Pixels = pixels[(level >= low) & (level <= high)].mean(0)
    return white


def _at(rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Pixels:
    pixels = rgb[mask].astype(np.float32)
    return pixels if len(pixels) else np.full((1, 3), 128, np.float32)


def _pixel(place: NDArray[np.floating]) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))
