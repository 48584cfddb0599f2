"""What an output shall show, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.mouth import Shape


@dataclass(frozen=True)
class Script:
    """What the T frames of an output shall show.

    Attributes:
        numbers: (T,) which source frame each is drawn on.
        strength: (T,) 0–1, how far the mouth is driven.
        shape: Gives the mouth of an output frame, 0 to T − 1; a pure function.
    """

    numbers: NDArray[np.int64]
    strength: NDArray[np.float64]
    shape: Callable[[int], Shape]

    def __len__(self) -> int:
        return len(self.numbers)
