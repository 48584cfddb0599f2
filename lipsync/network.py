"""The layers our small networks are made of, and their way from training to inference."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, act: bool = True) -> nn.Sequential:
    """Give convolution, batch norm and, if ``act``, a rectifier; keeps the size where ``stride`` is 1."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if act else nn.Sequential(*layers)


class Residual(nn.Module):
    """Two 3x3 blocks and a way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = block(inputs, outputs, stride=stride)
        self.second = block(outputs, outputs, act=False)
        plain = inputs == outputs and stride == 1
        self.around = nn.Identity() if plain else block(inputs, outputs, 1, stride, act=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        return torch.relu(self.around(x) + self.second(self.first(x)))


def double(x: Tensor) -> Tensor:
    """Twice the height and width, nearest neighbour."""
    return nn.functional.interpolate(x, scale_factor=2, mode="nearest")


def settle(network: nn.Module, device: str) -> nn.Module:
    """Make a trained network ready to answer: batch norms folded into convolutions, channels last, no gradients."""
    network.eval().requires_grad_(False)
    if device != "cpu":  # the same each time, and in full
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
        torch.backends.cudnn.allow_tf32 = False
    for part in network.modules():
        if isinstance(part, nn.Sequential):
            _fold(part)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _fold(sequence: nn.Sequential) -> None:
    for i in range(len(sequence) - 1):
        conv, norm = sequence[i], sequence[i + 1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            sequence[i] = fuse_conv_bn_eval(conv, norm)
            sequence[i + 1] = nn.Identity()


def to_tensor(crops: NDArray[np.uint8], device: str = "cpu") -> Tensor:
    """(B, S, S, 3) uint8 RGB -> (B, 3, S, S) float32 in [-1, 1], channels last in memory."""
    pixels = torch.from_numpy(np.ascontiguousarray(crops)).to(device)
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
