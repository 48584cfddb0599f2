"""Parts of several frames on a device: their planes go there, something is laid over them, and only they come back.

What ``media.Frame`` does with one part of one frame by OpenCV, here for many at once by torch: the same bytes, but for
a level where a sum lies between two. Parts of a batch may differ in size; what pads them is never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lipsync.ferry import Ferry
from lipsync.media import Box, Frame

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """A part of a frame; its corners lie on even pixels."""

    frame: Frame
    box: Box


class Planes:
    """The planes of n parts of frames of one source, on a device.

    Attributes:
        high: Rows of the highest part.
        wide: Columns of the widest part.
    """

    def __init__(self, parts: Sequence[Part], ferry: Ferry) -> None:
        """Send them: (n, high, wide) of luma; of chroma a sample more on each side, from which pixels between take."""
        self._parts, self._ferry = parts, ferry
        self._colour = parts[0].frame.colour
        self.high = max(part.box[3] - part.box[1] for part in parts)
        self.wide = max(part.box[2] - part.box[0] for part in parts)
        luma = len(parts) * self.high * self.wide
        rim = 2, self.high // 2 + 2, self.wide // 2 + 2
        near = ferry.room([luma + len(parts) * int(np.prod(rim))])
        bytes_ = near.numpy()
        tall = bytes_[:luma].reshape(len(parts), self.high, self.wide)
        half = bytes_[luma:].reshape(len(parts), *rim)
        for part, one, two in zip(parts, tall, half, strict=True):
            _fill(part, one, two)
        far = ferry.over(near)
        self._luma, self._chroma = far[:luma].view(tall.shape).float(), far[luma:].view(half.shape)

    def rgb(self) -> Tensor:
        """(n, 3, high, wide) RGB 0–255, whole numbers."""
        yuv = torch.cat([self._luma[:, None], _doubled(self._chroma).float()], 1)
        return _mixed(yuv, self._colour.to_rgb).round().clamp(0, 255)

    def lay(self, rgb: Tensor, mask: Tensor) -> None:
        """Blend over the frames, in place; where the mask is 0 every plane keeps its exact bytes.

        Args:
            rgb: (n, 3, high, wide) 0–255; finite everywhere.
            mask: (n, high, wide) 0–1.
        """
        yuv = _mixed(rgb, self._colour.to_yuv)
        luma = self._luma + (yuv[:, 0] - self._luma) * mask
        own, share = self._chroma[:, :, 1:-1, 1:-1].float(), functional.avg_pool2d(mask[:, None], 2)
        chroma = own + (functional.avg_pool2d(yuv[:, 1:] * mask[:, None], 2) - own * share)
        made = torch.cat([one.flatten() for one in (luma, chroma)]).round_().clamp_(0, 255).to(torch.uint8)
        bytes_ = self._ferry.back(made)
        tall = bytes_[: luma.numel()].reshape(luma.shape)
        half = bytes_[luma.numel() :].reshape(chroma.shape)
        for part, one, two in zip(self._parts, tall, half, strict=True):
            _write(part, one, two)


def _fill(part: Part, luma: NDArray[np.uint8], chroma: NDArray[np.uint8]) -> None:
    """Copy a part's planes; beyond the frame the chroma at its edge is repeated."""
    x0, y0, x1, y1 = part.box
    y, *both = part.frame.planes
    luma[: y1 - y0, : x1 - x0] = y[y0:y1, x0:x1]
    rows = np.arange(y0 // 2 - 1, y1 // 2 + 1).clip(0, part.frame.height // 2 - 1)
    columns = np.arange(x0 // 2 - 1, x1 // 2 + 1).clip(0, part.frame.width // 2 - 1)
    for plane, own in zip(chroma, both, strict=True):
        plane[: len(rows), : len(columns)] = own[rows[:, None], columns]


def _write(part: Part, luma: NDArray[np.uint8], chroma: NDArray[np.uint8]) -> None:
    x0, y0, x1, y1 = part.box
    y, *both = part.frame.planes
    y[y0:y1, x0:x1] = luma[: y1 - y0, : x1 - x0]
    for plane, made in zip(both, chroma, strict=True):
        there = plane[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2]
        there[:] = made[: there.shape[0], : there.shape[1]]


def _doubled(samples: Tensor) -> Tensor:
    """(n, 2, 2h, 2w) what lies at the pixels of (n, 2, h + 2, w + 2) samples, rounded as OpenCV's resize does."""
    before, here, after = _three(samples.to(torch.int16), 3)
    across = torch.stack([before + 3 * here, 3 * here + after], 4).flatten(3, 4)
    above, here, below = _three(across, 2)
    near = (3 * here) >> 2
    return torch.stack([((above >> 2) + near + 2) >> 2, ((below >> 2) + near + 2) >> 2], 3).flatten(2, 3)


def _three(samples: Tensor, axis: int) -> list[Tensor]:
    """What is before, at, and after each sample of an axis but the first and the last."""
    return [samples.narrow(axis, at, samples.shape[axis] - 2) for at in range(3)]


def _mixed(colours: Tensor, matrix: Matrix) -> Tensor:
    """Three channels of (n, 3, H, W) as a (3, 4) matrix has them."""
    red, green, blue = colours.unbind(1)
    return torch.stack([red * r + green * g + blue * b + more for r, g, b, more in matrix.tolist()], 1)
