"""The network in bfloat16 on a CPU, near full precision all the same: where its rounding shows, it draws twice.

No few layers are to blame for what bfloat16 loses: each adds its share, most of it where pictures grow large. So the
face is seen in float32, and the decoder draws twice, with kernels and activations rounded another way the second time:
what is lost is then lost in other directions, and the mean is near.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from lipsync.wav2lip.network import DRAWING, HEARING, LAST, SEEING, Layer, colours, folded
from lipsync.wav2lip.packed import packing

SCALES = (1.0, 1.25)
"""What a drawing's activations are multiplied by: so they are rounded elsewhere, and rectifiers do not mind."""
SMALL = 2
"""Blocks of the decoder, from its beginning, whose rounding hardly shows: they are done once."""


class Averaged(nn.Module):
    """Computes what ``Wav2Lip`` does, of the same arguments, which are float32."""

    def __init__(self, tensors: Mapping[str, Tensor], batch: int) -> None:
        """Fold and round; ``batch`` faces are to come at a time."""
        super().__init__()
        exact, rough = packing(batch, torch.float32), packing(batch, torch.bfloat16)

        def fine(layers: Iterable[Layer]) -> nn.Sequential:
            return nn.Sequential(*(exact(one, *folded(one, tensors)) for one in layers))

        def steps(layers: Iterable[Layer], turn: int = 0) -> nn.Sequential:
            made = []
            for one in layers:
                weight, bias = folded(one, tensors)
                made.append(rough(one, rounded(weight, turn), bias.mul_(SCALES[turn]).bfloat16()))
            return nn.Sequential(*made)

        self.seeing = nn.ModuleList(fine(block) for block in SEEING)
        self.hearing = steps(HEARING)
        self.small = nn.ModuleList(steps(block) for block in DRAWING[:SMALL])
        turns = range(len(SCALES))
        self.drawings = [[steps(block, turn) for block in DRAWING[SMALL:]] for turn in turns]
        self.lasts = nn.ModuleList(steps((LAST,), turn) for turn in turns)
        self.colours = colours(tensors)
        self.eval().requires_grad_(False)

    def forward(self, audio: Tensor, face: Tensor) -> Tensor:
        """(B, 1, 80, 16), (B, 6, 96, 96) channels last -> (B, 3, 96, 96), all float32."""
        seen = [face]
        for block in self.seeing:
            seen.append(block(seen[-1]))
        x = self.hearing(audio.bfloat16())
        for block in self.small:
            x = torch.cat((block(x), seen.pop().bfloat16()), dim=1)
        mean: Tensor = sum(self._drawn(turn, x, seen) for turn in range(len(SCALES)))  # type: ignore[assignment]
        painted: Tensor = self.colours(mean)
        return painted.sigmoid_()

    def _drawn(self, turn: int, x: Tensor, seen: list[Tensor]) -> Tensor:
        """Draw once, and give that drawing's share of the mean."""
        scale = SCALES[turn]
        x = x.mul(scale)  # rounded anew
        for block, beside in zip(self.drawings[turn], reversed(seen), strict=False):
            x = torch.cat((block(x), beside.mul(scale).bfloat16()), dim=1)
        share: Tensor = self.lasts[turn](x).float().div_(scale * len(SCALES))
        return share


def rounded(weight: Tensor, turn: int) -> Tensor:
    """Round a kernel the ``turn``-th time: so that the mean of all times so far is as near to it as can be."""
    before = torch.zeros_like(weight)
    for time in range(turn):
        before += weight.mul(time + 1).sub_(before).bfloat16()
    return weight.mul(turn + 1).sub_(before).bfloat16()
