"""One face in one frame: 99 points, what each is, and the geometry they carry.

The points are a choice of the 478 of MediaPipe's face mesh (``MESH`` holds their numbers there), in this order:

=========  =====  ==========================================================================
name       count  order
=========  =====  ==========================================================================
OUTER_UP   11     outer edge of the upper lip, from the left corner in the picture to the right
OUTER_LOW  9      outer edge of the lower lip, from right to left, corners left out
INNER_UP   11     inner edge of the upper lip, left corner to right corner
INNER_LOW  9      inner edge of the lower lip, right to left, corners left out
EYE_L      8      the eye at the left of the picture, from its outer corner over the upper lid
EYE_R      8      the eye at the right of the picture, from its outer corner over the upper lid
BROWS      10     five and five
NOSE       12     bridge to tip, then nostrils
OVAL       18     around the face from the top of the forehead, clockwise
IRIS       2      centres of the pupils
PHILTRUM   1      between nose and upper lip
=========  =====  ==========================================================================

Left and right are as seen in the picture. Lengths are given in IOD, the distance between the outer eye corners.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
"""(K, 2): x to the right and y down, in pixels; (0, 0) is the centre of the first pixel."""

K = 99

OUTER_UP = np.arange(0, 11)
OUTER_LOW = np.arange(11, 20)
INNER_UP = np.arange(20, 31)
INNER_LOW = np.arange(31, 40)
LIPS = np.arange(0, 40)
EYE_L = np.arange(40, 48)
EYE_R = np.arange(48, 56)
BROWS = np.arange(56, 66)
NOSE = np.arange(66, 78)
OVAL = np.arange(78, 96)
IRIS = np.arange(96, 98)
PHILTRUM = 98
CHIN = 87
"""The lowest point of the oval (mesh point 152)."""

# fmt: off
MESH = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
    33, 161, 159, 157, 133, 154, 145, 163, 263, 388, 386, 384, 362, 381, 374, 390,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 129, 358,
    10, 297, 284, 389, 454, 361, 397, 379, 400, 152, 176, 150, 172, 132, 234, 162, 54, 67, 468, 473, 164,
)
# fmt: on


@dataclass(frozen=True)
class Track:
    """One person through all frames of a source: geometry only, so that an hour of it is small.

    Attributes:
        points: (T, 99, 2) float32, pixels of the upright picture; NaN where ``present`` is False.
        score: (T,) float32 in [0, 1], confidence that these are the points of a face.
        present: (T,) bool, frames in which the face can be used.
        cuts: (T,) bool, True on the first frame, and after a cut or a jump to another place: never smooth across it.
        covered: (T,) float32, 0–1: something is before the mouth; None where nobody looked.
        remarks: Plain sentences a person should read about who was followed.
    """

    points: NDArray[np.float32]
    score: NDArray[np.float32]
    present: NDArray[np.bool_]
    cuts: NDArray[np.bool_]
    covered: NDArray[np.float32] | None = None
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.points)

    @property
    def iod(self) -> NDArray[np.float32]:
        """(T,) pixels between the outer eye corners; NaN where absent."""
        gap = self.points[:, EYE_L[0]] - self.points[:, EYE_R[0]]
        iod: NDArray[np.float32] = np.hypot(gap[:, 0], gap[:, 1]).astype(np.float32)
        return iod
