"""Layers of few pixels and many channels as products of matrices: on a CPU far quicker than as convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync.wav2lip.network import SIZES, Layer

FEW = 6
"""Side, in pixels, up to which a doubling layer is quicker as products."""


def product_of(layer: Layer, weight: Tensor, bias: Tensor) -> nn.Module | None:
    """Give the layer as products of matrices, where that pays."""
    high, wide = SIZES[layer.name]
    if layer.around or layer.kernel == 1:
        return None
    if layer.up and layer.stride == (2, 2) and high <= FEW:
        return Doubling(weight, bias)
    if layer.up and layer.stride == (1, 1) and high == wide == 1:
        return Opening(weight, bias)
    if not layer.up and not layer.padding and (high, wide) == (layer.kernel, layer.kernel):
        return Closing(weight, bias)
    return None


class Closing(nn.Module):
    """A convolution whose kernel covers all there is: one pixel comes out."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.matrix, self.bias = weight.permute(0, 2, 3, 1).flatten(1).contiguous(), bias

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, k, k) -> (B, outputs, 1, 1)."""
        out = functional.linear(x.permute(0, 2, 3, 1).flatten(1), self.matrix, self.bias)
        return out.relu_()[:, :, None, None]


class Opening(nn.Module):
    """A transposed convolution of one pixel: the kernel, weighted, comes out."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.side = weight.shape[-1]
        self.matrix = weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
        self.bias = bias.repeat(self.side**2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, 1, 1) -> (B, outputs, k, k), channels last."""
        out = functional.linear(x.flatten(1), self.matrix, self.bias).relu_()
        return out.view(len(x), self.side, self.side, -1).permute(0, 3, 1, 2)


class Doubling(nn.Module):
    """A transposed convolution of kernel 3 that doubles both sides.

    Along an axis, what comes out at an even place is taken from one pixel, by the middle of the kernel; at an odd place
    from two, by its ends. So each of the four kinds of places is one product.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        taps = ((1,), (2, 0))  # of the kernel, by pixel, for even and odd places
        self.bias = bias
        self.matrices = {
            (down, over): torch.cat([weight[:, :, k, m] for k in taps[down] for m in taps[over]]).T.contiguous()
            for down in (0, 1)
            for over in (0, 1)
        }

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, 2H, 2W), channels last."""
        count, _, high, wide = x.shape
        beyond = functional.pad(x.permute(0, 2, 3, 1), (0, 0, 0, 1, 0, 1))
        out = x.new_empty((count, high, 2, wide, 2, len(self.bias)))
        for (down, over), matrix in self.matrices.items():
            parts = [beyond[:, k : k + high, m : m + wide] for k in range(down + 1) for m in range(over + 1)]
            taken = torch.cat(parts, dim=3).flatten(0, 2)
            out[:, :, down, :, over] = functional.linear(taken, matrix, self.bias).view(count, high, wide, -1)
        return out.view(count, 2 * high, 2 * wide, -1).relu_().permute(0, 3, 1, 2)
