"""Where a video cuts: the whole picture changes at once, or the face jumps farther than a head can."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.face import EYE_L, EYE_R, NOSE, Points
from lipsync.media import Frame

THUMB = (32, 18)
COARSE = 8
"""Pixels along each side of one of the thumbnail, at least, that are averaged; the others are passed over."""
CHANGE = 18.0
"""Mean difference of the thumbnails in grey levels, overall brightness taken out, that a cut exceeds."""
LIKENESS = 0.75
"""Correlation of the thumbnails that a cut stays below."""
JUMP = 0.35
"""Share of the IOD by which a head may move from one frame to the next."""
_RIGID = np.r_[EYE_L[0], EYE_R[0], NOSE]


class Scene:
    """Remembers the last picture, very small."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None

    def changed(self, frame: Frame) -> bool:
        """True on the first frame of another scene; flashes, fades and motion are not."""
        luma = frame.planes[0]
        step = max(1, min(luma.shape[1] // (THUMB[0] * COARSE), luma.shape[0] // (THUMB[1] * COARSE)))
        thumb = cv2.resize(luma[::step, ::step], THUMB, interpolation=cv2.INTER_AREA).astype(np.float32)
        thumb -= thumb.mean()
        last, self._last = self._last, thumb
        if last is None:
            return False
        likeness = float((thumb * last).sum() / np.sqrt((thumb**2).sum() * (last**2).sum() + 1e-6))
        return bool(np.abs(thumb - last).mean() > CHANGE and likeness < LIKENESS)


def jumped(points: Points, last: Points) -> bool:
    """True where the rigid part of the face moved farther than heads do within one frame."""
    iod = float(np.hypot(*(last[EYE_L[0]] - last[EYE_R[0]])))
    return bool(np.median(np.hypot(*(points - last)[_RIGID].T)) > JUMP * max(iod, 1.0))
