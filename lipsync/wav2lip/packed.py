"""Layers as oneDNN computes them fastest on a CPU: kernels laid out once, and sum and rectifier done on the way.

torch offers this only under names that may change from version to version; where they are not there or do not work,
nothing is packed and the plain layers answer.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from lipsync.wav2lip.network import SIZES, Layer, Make, Step
from lipsync.wav2lip.product import product_of


class Packed(nn.Module):
    """A layer of a network that is given ``batch`` faces at a time; fewer are as right, and slower each."""

    def __init__(self, layer: Layer, weight: Tensor, bias: Tensor, batch: int) -> None:
        super().__init__()
        self.layer = layer
        self._bias = bias
        self._where: tuple[Any, ...] = ([layer.padding] * 2, list(layer.stride), [1, 1], 1)
        self._more = [layer.stride[0] - 1] * 2
        size = [batch, layer.inputs, *SIZES[layer.name]]
        kind = torch.ops.mkldnn
        padding, rest = self._where[0], self._where[1:]
        if layer.up:
            self._weight = kind._reorder_convolution_transpose_weight(weight, padding, self._more, *rest, size)
        else:
            self._weight = kind._reorder_convolution_weight(weight, padding, *rest, size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H', W')."""
        kind = torch.ops.mkldnn
        after: tuple[Any, ...] = ("relu", [], "")
        if self.layer.up:
            padding, rest = self._where[0], self._where[1:]
            out = kind._convolution_transpose_pointwise(x, self._weight, self._bias, padding, self._more, *rest, *after)
        elif self.layer.around:
            how = ("add", 1.0, *after)
            out = kind._convolution_pointwise.binary(x, x, self._weight, self._bias, *self._where, *how)
        else:
            out = kind._convolution_pointwise(x, self._weight, self._bias, *self._where, *after)
        return out  # type: ignore[no-any-return]


def packing(batch: int, kind: torch.dtype) -> Make:
    """Say how to make layers for the CPU: as products or packed where that works here, else plain."""
    if not _works(kind):
        return Step
    return lambda layer, weight, bias: product_of(layer, weight, bias) or Packed(layer, weight, bias, batch)


@cache
@torch.inference_mode()
def _works(kind: torch.dtype) -> bool:
    """Whether packed layers of each sort say what plain ones say."""
    name = "face_decoder_blocks.6.0"
    around = Layer(name, 16, 16, around=True)
    for layer in (around, Layer(name, 16, 32, stride=(2, 2)), Layer(name, 16, 32, stride=(2, 2), up=True)):
        draw = torch.Generator().manual_seed(1)
        weight = torch.randn(layer.shape, generator=draw).div(12).to(kind)
        bias = torch.randn(layer.outputs, generator=draw).to(kind)
        x = torch.randn((1, 16, 48, 48), generator=draw).to(kind).contiguous(memory_format=torch.channels_last)
        try:
            said = Packed(layer, weight, bias, 1)(x)
        except (AttributeError, RuntimeError, TypeError):
            return False
        wanted = Step(layer, weight.float(), bias.float())(x.float())
        if not torch.allclose(said.float(), wanted, rtol=0.02, atol=0.02):
            return False
    return True
