"""How the numbers of a YUV picture mean colour: the tags of the file, and the matrices that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

UNTAGGED = 2
"""What FFmpeg and the standards call "unspecified" for matrix, primaries and transfer."""

FULL = 2
"""Range tag: luma fills 0–255. 1 is limited (16–235); 0 is untagged and read as limited."""

BT709, BT601 = 1, 6
_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087)}
_WEIGHTS |= {9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}


@dataclass(frozen=True)
class Colour:
    """The colour tags of a video as found in the file (numbers of ITU-T H.273), and the matrix to compute with.

    Attributes:
        matrix: Tag of the YUV matrix; ``UNTAGGED`` where the file says nothing.
        primaries: Tag of the primaries.
        transfer: Tag of the transfer characteristics.
        range: 0 untagged, 1 limited, 2 full.
        tall: True where an untagged picture is to be read as high definition (BT.709).
    """

    matrix: int = UNTAGGED
    primaries: int = UNTAGGED
    transfer: int = UNTAGGED
    range: int = 0
    tall: bool = True

    @property
    def weights(self) -> tuple[float, float]:
        """Kr and Kb: by the tag, or by what is usual for the height."""
        return _WEIGHTS.get(self.matrix, _WEIGHTS[BT709 if self.tall else BT601])

    @property
    def to_yuv(self) -> NDArray[np.float64]:
        """(3, 4): takes (R, G, B, 1) in 0–255 to (Y, U, V) in 0–255."""
        return _matrices(self.weights, self.range == FULL)[0]

    @property
    def to_rgb(self) -> NDArray[np.float64]:
        """(3, 4): takes (Y, U, V, 1) in 0–255 to (R, G, B) in 0–255."""
        return _matrices(self.weights, self.range == FULL)[1]


STANDARD = Colour(matrix=BT709, primaries=1, transfer=1, range=1)
"""BT.709, limited range: what pictures without a YUV form of their own are turned into."""


@lru_cache
def _matrices(weights: tuple[float, float], full: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    red, blue = weights
    green = 1 - red - blue
    luma = np.array([red, green, blue])
    rows = np.stack(
        [luma, (np.array([0, 0, 1.0]) - luma) / (2 - 2 * blue), (np.array([1.0, 0, 0]) - luma) / (2 - 2 * red)]
    )
    scale = np.ones(3) if full else np.array([219, 224, 224]) / 255
    offset = np.array([0 if full else 16, 128, 128])
    forward = rows * scale[:, None]
    back = np.linalg.inv(forward)
    return np.column_stack([forward, offset]), np.column_stack([back, -back @ offset])
