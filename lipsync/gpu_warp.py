"""Warping many pictures at once by torch, as OpenCV does one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def warped(pictures: Tensor, places: Tensor, size: tuple[int, int], how: str, beyond: str) -> Tensor:
    """Warp as OpenCV's warpAffine does.

    Args:
        pictures: (n, c, h, w).
        places: (n, 2, 3) float64, from pixels of what is made to pixels of these.
        size: (width, height) of what is made.
        how: "bilinear" or "bicubic".
        beyond: "border" repeats it, "zeros" are 0.

    Returns:
        (n, c, height, width).
    """
    x = torch.arange(size[0], dtype=torch.float64, device=places.device)
    y = torch.arange(size[1], dtype=torch.float64, device=places.device)[:, None]
    rows = places[..., None, None].unbind(1)
    at = [(row[:, 0] * x).float() + (row[:, 1] * y + row[:, 2]).float() for row in rows]
    return sampled(pictures, at[0], at[1], how, beyond)


def sampled(pictures: Tensor, x: Tensor, y: Tensor, how: str, beyond: str) -> Tensor:
    """(n, c, H, W) what lies at pixel places (n, H, W) of (n, c, h, w)."""
    high, wide = pictures.shape[2:]
    at = torch.stack([x * (2 / max(wide - 1, 1)) - 1, y * (2 / max(high - 1, 1)) - 1], dim=-1)
    return functional.grid_sample(pictures, at, mode=how, padding_mode=beyond, align_corners=True)
