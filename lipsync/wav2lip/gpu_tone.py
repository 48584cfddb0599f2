"""What ``tone`` does with a drawn face, with many at once by torch: the same within rounding.

Pictures are (n, 3, 96, 96) float32, 0–255; masks (n, 96, 96) float32, 0–1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from lipsync.separable import blurring
from lipsync.wav2lip.network import SIDE
from lipsync.wav2lip.tone import CHANGE, FINE, GAIN, GREY, LUMA, PLAIN, ROOM, SEEN, SHIFT

SPREAD = 1.5
UNLIKE = 0.1
"""Share of the lips that may differ more from the source than the rest, where they count as one."""


class Tone:
    """Ready on one device."""

    def __init__(self, device: torch.device) -> None:
        self._fine, self._spread = (torch.from_numpy(blurring(SIDE, sigma)).to(device) for sigma in (FINE, SPREAD))

    def agreed(self, source: Tensor, drawn: Tensor, amount: Tensor) -> Tensor:
        """Give the drawings in the sources' light, and as sharp; ``amount`` is (n,)."""
        near = _lit(source, drawn)
        sharper = near + amount[:, None, None, None] * (near - _blurred(near, self._fine))
        return torch.minimum(torch.maximum(sharper, -_most(-near) - ROOM), _most(near) + ROOM)

    def kept(self, source: Tensor, near: Tensor, lips: Tensor) -> Tensor:
        """Give (n, 96, 96) 0–1: how much of the sources' detail finer than the crop stays."""
        far = _blurred((near - source).abs().amax(1), self._fine)
        share = ((CHANGE[1] - far) / (CHANGE[1] - CHANGE[0])).clamp(0, 1)
        share = torch.minimum(share, 1 - lips * (1 - _lowest(share, lips > 0.5))[:, None, None])
        small = -_most(-share[:, None])[:, 0]
        return _blurred(small, self._spread).clamp(0, 1)


def _lit(source: Tensor, drawn: Tensor) -> Tensor:
    base, near = (one[:, :, SEEN].flatten(2) for one in (source, drawn))
    middle, there = base.mean(2, keepdim=True), near.mean(2, keepdim=True)
    together = ((base - middle) * (near - there)).mean(2, keepdim=True)
    gain = ((together + PLAIN) / (near.var(2, correction=0, keepdim=True) + PLAIN)).clamp(1 - GAIN, 1 + GAIN)
    shift = (middle - gain * there).clamp(-SHIFT, SHIFT)
    lit = drawn * gain[..., None] + shift[..., None]
    grey = sum(share * lit[:, place, None] for place, share in enumerate(LUMA))
    spread = (base.amax(1) - base.amin(1)).mean(1)[:, None, None, None]
    return grey + ((spread - GREY[0]) / (GREY[1] - GREY[0])).clamp(0, 1) * (lit - grey)


def _lowest(share: Tensor, mouth: Tensor) -> Tensor:
    """(n,) the tenth part's upper end of what is shared within each mouth; 1 where there is none."""
    values = torch.where(mouth, share, torch.inf).flatten(1).sort(1).values
    last = (mouth.flatten(1).sum(1) - 1).clamp(min=0)
    place = UNLIKE * last
    low = place.floor().long()
    one, other = (values.gather(1, at[:, None])[:, 0] for at in (low, torch.minimum(low + 1, last)))
    return torch.where(mouth.flatten(1).any(1), one + (other - one) * (place - low), 1.0)


def _most(pictures: Tensor) -> Tensor:
    """The most of each pixel and the eight around it."""
    return functional.max_pool2d(pictures, 3, stride=1, padding=1)


def _blurred(pictures: Tensor, matrix: Tensor) -> Tensor:
    return matrix @ pictures @ matrix.T
