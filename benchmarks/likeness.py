"""How like two mouths are, each seen in its own picture: both are laid into the same frame of the head first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.face import BROWS, EYE_L, EYE_R, LIPS, NOSE, OVAL
from lipsync.media import Frame

FINE = 128
"""Pixels per IOD of a crop."""
LEFT, RIGHT, TOP, BOTTOM = -0.42, 0.42, 0.0, 0.74
"""The crop in the head frame, from under the nose to the chin; IOD."""
BONE = np.r_[EYE_L[[0, 4]], EYE_R[[0, 4]], NOSE, NOSE[[10, 11]], BROWS, OVAL[[0, 1, 17, 4, 14]]]
"""Points that hardly move when somebody speaks; the wings of the nose count twice. Of six sets tried, neighbouring
frames of a clip were most alike with this one: 25.8 dB, and 23.6 with the prototype's set and its teacher's points."""

Rgb = NDArray[np.uint8]


class Aligner:
    """Cuts the mouth's region out of the frames of one clip so that the same place of the face is the same pixel."""

    def __init__(self, points: NDArray[np.floating], seen: NDArray[np.floating]) -> None:
        """Learn where the face is.

        Args:
            points: (T, 99, 2) pixels.
            seen: (T, 99, 2) the same in the plane of the mouth, IOD.
        """
        self._points = points
        self._face = np.nanmedian(seen, axis=0)[BONE]

    def crop(self, frame: Frame, number: int) -> Rgb:
        """(95, 108, 3) RGB of a picture in which the face lies as in frame ``number`` of the clip."""
        known = np.c_[self._face, np.ones(len(BONE))]
        turn = np.linalg.lstsq(known, self._points[number, BONE].astype(np.float64), rcond=None)[0].T
        step = np.array([[1 / FINE, 0, LEFT + 0.5 / FINE], [0, 1 / FINE, TOP + 0.5 / FINE], [0, 0, 1]])
        size = (round((RIGHT - LEFT) * FINE), round((BOTTOM - TOP) * FINE))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cut = cv2.warpAffine(frame.rgb(), turn @ step, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cut, np.uint8)


def psnr(ours: Rgb, truth: Rgb) -> float:
    """Peak signal-to-noise ratio in dB, over all channels."""
    square = float(((ours.astype(np.float64) - truth) ** 2).mean())
    return 10 * float(np.log10(255**2 / max(square, 1e-9)))


def ssim(ours: Rgb, truth: Rgb) -> float:
    """Mean structural similarity of the grey pictures (Wang et al. 2004), window of sigma 1.5."""
    a, b = (cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float64) for one in (ours, truth))
    mean_a, mean_b, aa, bb, ab = (cv2.GaussianBlur(one, (0, 0), 1.5) for one in (a, b, a * a, b * b, a * b))
    spread_a, spread_b, shared = aa - mean_a**2, bb - mean_b**2, ab - mean_a * mean_b
    first, second = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    like = (2 * mean_a * mean_b + first) * (2 * shared + second)
    return float((like / ((mean_a**2 + mean_b**2 + first) * (spread_a + spread_b + second))).mean())


def flicker(crops: Sequence[Rgb]) -> float:
    """Mean absolute second difference over time, in grey levels: what neither rests nor moves evenly."""
    held = np.stack(crops).astype(np.float32)
    return float(np.abs(held[2:] - 2 * held[1:-1] + held[:-2]).mean())


def lip_error(points: NDArray[np.floating], wanted: NDArray[np.floating], iod: float) -> float:
    """Mean distance of the 40 lip points among (99, 2) points, in % of the IOD."""
    return float(np.hypot(*(points[LIPS] - wanted[LIPS]).T).mean() / iod * 100)


def write_sheet(path: Path, rows: Sequence[Sequence[Rgb]], most: int = 12) -> None:
    """Write crops as a PNG: each row evenly thinned to ``most``, a little larger."""
    kept = np.linspace(0, len(rows[0]) - 1, min(most, len(rows[0]))).round().astype(int).tolist()
    sheet = np.vstack([np.hstack([row[k] for k in kept]) for row in rows])
    large = cv2.resize(sheet, None, fx=1.4, fy=1.4, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(path), cv2.cvtColor(large, cv2.COLOR_RGB2BGR))
