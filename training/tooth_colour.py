"""Fit the colour of teeth by the white of the eye and the cheeks: the constants of ``lipsync/palette.py``.

    python -m training.tooth_colour

Smiling portraits of data/portraits2.npz and portraits_pd.npz (public domain and CC BY 4.0), every other one of those
that are open far enough: what is between the lips, without its darkest 60 % and its highlights, is tooth. Level and
hues by least squares. REDNESS and BLUENESS are what this prints; LEVEL was fitted as (0.22, 0.655, 52), then raised by
eye to what talking people show, whose brightest teeth are brighter than this mean. Takes 5 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.face import EYE_L, EYE_R, INNER_LOW, INNER_UP, MESH
from lipsync.palette import BLUENESS, LEVEL, REDNESS, Pixels, _at, _cheeks, _whites
from training.face_sources import DATA, picture

SMILE = 0.06
"""Opening in IOD of smiles that are used."""
LEAST = 40
"""Pixels of mouth below which a portrait says nothing."""
COLOURFUL = 0.08
"""Saturation of the skin above which the hues of a portrait are believed."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Smiles:
    """Colours of N portraits, RGB 0-255: (N, 3) teeth, white of the eye, cheeks; (N,) brighter part of the cheeks."""

    tooth: Array
    white: Array
    skin: Array
    bright: Array

    def level(self) -> tuple[Array, Array]:
        """(N, 3) what the level of teeth is guessed from, and (N,) that level."""
        return np.stack([self.white.mean(1), self.bright, np.ones(len(self.bright))], axis=1), self.tooth.mean(1)

    def hue(self, channel: int) -> tuple[Array, Array]:
        """The same for how red (0) or how blue (2) teeth are, of portraits with colours."""
        kept = np.ptp(self.skin, axis=1) > COLOURFUL * self.skin.max(1)
        tooth, white, skin = (part[kept, channel] / part[kept].mean(1) for part in (self.tooth, self.white, self.skin))
        return np.stack([white, skin, np.ones(len(white))], axis=1), tooth


def smiles() -> Smiles:
    """Read the portraits and take their colours."""
    found = []
    for name in ("portraits2", "portraits_pd"):
        with np.load(DATA / f"{name}.npz") as file:
            jpg, off, points = file["jpg"], file["off"], file["points"][:, list(MESH), :2].astype(np.float32)
        eyes = points[:, EYE_L[0]] - points[:, EYE_R[0]]
        opening = points[:, INNER_LOW[2:7], 1].mean(1) - points[:, INNER_UP[3:8], 1].mean(1)
        iod = np.hypot(eyes[:, 0], eyes[:, 1])
        for i in np.flatnonzero(opening / iod > SMILE)[::2]:
            colours = _colours(picture(jpg[off[i] : off[i + 1]]), points[i], float(iod[i]))
            found += [colours] if colours else []
    return Smiles(*(np.array(part, np.float64) for part in zip(*found, strict=True)))


def _colours(
    rgb: NDArray[np.uint8], points: NDArray[np.float32], iod: float
) -> tuple[Pixels, Pixels, Pixels, float] | None:
    cheeks = _at(rgb, _cheeks(rgb, points, iod))
    skin: Pixels = cheeks.mean(0)
    mask = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(points[np.r_[INNER_UP, INNER_LOW]]).astype(np.int32)], 1)
    inside = _at(rgb, cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0)
    if len(inside) < LEAST:
        return None
    level = inside.mean(1)
    low, high = np.percentile(level, [60, 95])
    tooth: Pixels = inside[(level >= low) & (level <= high)].mean(0)
    return tooth, _whites(rgb, points, iod, skin), skin, float(np.percentile(cheeks.mean(1), 75))


def fitted(causes: Array, value: Array) -> Array:
    """(3,) least squares."""
    return np.asarray(np.linalg.lstsq(causes, value, rcond=None)[0])


def left_out(causes: Array, value: Array) -> float:
    """Mean absolute error, each portrait met by a fit of all others (the closed form: residuals by their leverage)."""
    leverage = np.einsum("ij,ji->i", causes, np.linalg.pinv(causes))
    return float(np.abs((value - causes @ fitted(causes, value)) / (1 - leverage)).mean())


def main() -> None:
    """Print the fits beside the constants in use, and what they are worth."""
    found = smiles()
    print(f"{len(found.tooth)} smiles; teeth {found.tooth.mean():.0f} of 255")
    parts = {"LEVEL": (found.level(), LEVEL), "REDNESS": (found.hue(0), REDNESS), "BLUENESS": (found.hue(2), BLUENESS)}
    for name, ((causes, value), used) in parts.items():
        off = causes @ used - value
        print(
            f"{name:8} {fitted(causes, value).round(3).tolist()}, off by {left_out(causes, value):.3f} left one out; ",
            end="",
        )
        print(f"in use {used.tolist()}, off by {np.abs(off).mean():.3f} ({off.mean():+.3f} on average)")


if __name__ == "__main__":
    main()
