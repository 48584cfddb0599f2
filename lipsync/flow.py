"""What the pixels say about how a face moved from one frame to the next, told apart from where the networks see it.

Each point is looked up in the next picture by the pattern around it (Lucas & Kanade 1981, pyramids as in Bouguet 2000)
and, from there, back again (Kalal, Mikolajczyk & Matas 2010): where both ways meet, the motion can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.face import K, Points
from lipsync.landmarks import FACE_SIZE, Matrix, back, face_crop, forth
from lipsync.media import Frame
from lipsync.search import strays

SIZE = FACE_SIZE
"""Side in pixels of the picture of the face in which motion is looked for; about 48 of them to the IOD."""
FAR = 8.0
"""Pixels by which the face may be off the middle of that before it is cut anew."""
WINDOW = (13, 13)
SURE = 3.0
"""Pixels by which the way back may miss where a motion counts half."""
STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.01)


@dataclass(frozen=True)
class Motion:
    """From the frame before to this one.

    Attributes:
        surprise: (99, 2) float16, pixels by which the points moved farther than their patterns did.
        trust: (99,) float16 in [0, 1], how sure the motion of each pattern is.
        still: The face is the same to the last bit.
    """

    surprise: NDArray[np.float16]
    trust: NDArray[np.float16]
    still: bool


class Flow:
    """Remembers the last face, small and grey. Give it every frame, in order."""

    def __init__(self) -> None:
        self._crop: NDArray[np.uint8] | None = None
        self._to_crop: Matrix = np.zeros((2, 3))
        self._points: Points = np.zeros((K, 2), np.float32)

    def step(self, frame: Frame, points: Points | None, fresh: bool) -> Motion | None:
        """Compare a frame with the one before.

        Args:
            frame: The picture.
            points: (99, 2) where the networks see the face in it; None: nowhere.
            fresh: This is a new beginning.

        Returns:
            None on a new beginning and where there is no face.
        """
        motion = None
        last, self._crop = self._crop, None
        if points is None:
            return None
        if last is not None and not fresh:
            self._crop = frame.warp_luma(self._to_crop, SIZE)
            motion = self._motion(last, self._crop, points)
        if self._crop is None or strays(self._to_crop, points, FAR):
            self._to_crop = face_crop(points)
            self._crop = frame.warp_luma(self._to_crop, SIZE)
        self._points = points
        return motion

    def _motion(self, last: NDArray[np.uint8], now: NDArray[np.uint8], points: Points) -> Motion:
        start = forth(self._points, self._to_crop).astype(np.float32)
        guess = forth(points, self._to_crop).astype(np.float32)
        if np.array_equal(last, now):
            return Motion(np.zeros((K, 2), np.float16), np.ones(K, np.float16), still=True)
        end, seen = _followed(last, now, start, guess)
        home, seen_too = _followed(now, last, end, start + end - guess)
        miss = np.hypot(*(home - start).T)
        surprise = back(guess, self._to_crop) - back(end, self._to_crop)
        good = seen & seen_too & np.isfinite(miss) & (np.abs(surprise).max(1) < SIZE)
        trust = np.where(good, 1 / (1 + (np.where(good, miss, 0.0) / SURE) ** 2), 0.0)
        return Motion(np.where(good[:, None], surprise, 0.0).astype(np.float16), trust.astype(np.float16), still=False)


def _followed(
    last: NDArray[np.uint8], now: NDArray[np.uint8], start: NDArray[np.float32], guess: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where the patterns around ``start`` are now, near ``guess``, where a bare patch stays: it says nothing."""
    flags = cv2.OPTFLOW_USE_INITIAL_FLOW
    end, seen, _ = cv2.calcOpticalFlowPyrLK(
        last, now, start, guess.copy(), winSize=WINDOW, maxLevel=1, criteria=STOP, flags=flags, minEigThreshold=1e-4
    )
    return np.asarray(end, np.float32), np.asarray(seen[:, 0] == 1)
