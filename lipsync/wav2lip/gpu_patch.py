"""Drawn faces put back into their frames on a device, many at once: what ``patch`` does, within a level.

Of a frame, only the part that changes goes there and comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from queue import LifoQueue

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lipsync.ferry import Ferry
from lipsync.gpu import device_for
from lipsync.gpu_planes import Part, Planes
from lipsync.gpu_warp import warped
from lipsync.media import Box, Frame
from lipsync.memory import enough
from lipsync.separable import blurring
from lipsync.wav2lip.gpu_tone import Tone
from lipsync.wav2lip.mask import Mask
from lipsync.wav2lip.network import SIDE
from lipsync.wav2lip.patch import NOTHING, coarse, paste, placed, touched

MOST = 16
"""Frames that are pasted together."""
WAYS = 2
"""Threads: one fills and empties frames while the device computes for the other."""


@dataclass(frozen=True)
class Patch:
    """One frame's drawing; see :func:`patch.paste`."""

    frame: Frame
    to_crop: NDArray[np.float64]
    crops: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    mask: Mask
    amount: float
    strength: float


class Overlay:
    """Stays warm; may be used by several threads.

    Attributes:
        most: Patches that go together best; fewer once memory did not suffice.
        ways: How many threads may paste side by side.
    """

    def __init__(self, device: torch.device) -> None:
        self.most, self.ways = MOST, WAYS
        self._tone = Tone(device)
        self._free: LifoQueue[Ferry] = LifoQueue()
        for _ in range(WAYS):
            self._free.put(Ferry(device))

    def paste(self, patches: Sequence[Patch]) -> None:
        """Put the drawings in place, in place.

        Where memory does not suffice for all at once, fewer go together; one that is too large even by itself is
        pasted by the CPU.
        """
        there = [(one, box) for one in patches if (box := touched(one.frame, one.to_crop, one.mask.face))]
        ferry = self._free.get()
        try:
            while there:
                piece = there[: self.most]
                done = enough(lambda: self._pasted(piece, ferry))  # noqa: B023
                if done is None and len(piece) > 1:
                    self.most = len(piece) // 2
                    continue
                if done is None:
                    one = piece[0][0]
                    paste(one.frame, one.to_crop, one.crops, one.mask, one.amount, one.strength)
                there = there[len(piece) :]
        finally:
            self._free.put(ferry)

    def _pasted(self, pairs: Sequence[tuple[Patch, Box]], ferry: Ferry) -> bool:
        patches, boxes = [one for one, _ in pairs], [box for _, box in pairs]
        with ferry.crossing():
            planes = Planes([Part(one.frame, box) for one, box in pairs], ferry)
            masks = ferry.over(np.stack([[one.mask.face, one.mask.lips] for one in patches]))
            here = np.stack([placed(one.to_crop, box) for one, box in zip(patches, boxes, strict=True)])
            size, to_crop = (planes.wide, planes.high), ferry.over(here)
            shared = self._shared(patches, here, masks[:, 1], ferry)
            large = warped(shared, to_crop, size, "bicubic", "border")
            picture = (large[:, :3] + large[:, 3:] * planes.rgb()).clamp_(0, 255)
            strength = ferry.over(np.array([one.strength for one in patches], np.float32))
            cover = warped(masks[:, :1], to_crop, size, "bilinear", "zeros")[:, 0] * strength[:, None, None]
            planes.lay(picture, torch.where(cover < NOTHING, 0, cover))
        return True

    def _shared(self, patches: Sequence[Patch], here: NDArray[np.float64], lips: Tensor, ferry: Ferry) -> Tensor:
        """(n, 4, 96, 96) what is to be seen of each drawing, and how much of the frame's own detail beside it."""
        crops = ferry.over(np.stack([one.crops for one in patches])).permute(1, 0, 4, 2, 3).float()
        amount = ferry.over(np.array([one.amount for one in patches], np.float32))
        source, drawn = crops
        near = self._tone.agreed(source, drawn, amount)
        keep = self._tone.kept(source, near, lips)[:, None]
        shared = torch.cat([near - keep * source, keep], 1)
        sizes = [coarse(one) for one in here]
        if not any(sizes):
            return shared
        soft = ferry.over(np.stack([blurring(SIDE, one) for one in sizes]))[:, None]
        return soft @ shared @ soft.transpose(-1, -2)


def overlay_on(device: str) -> Overlay | None:
    """Give one for "cuda", and for "auto" where a GPU computes; None means that the CPU pastes."""
    return Overlay(torch.device("cuda")) if device_for(device) == "cuda" else None
