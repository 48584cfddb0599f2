"""In which number format a device draws fastest, and whether weights bear it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from lipsync.wav2lip.network import SIDE

KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
FAST = {"amx_bf16", "avx512_bf16"}
"""What a CPU names among its features where bfloat16 is quicker than float32: by 4 with the first (docs/figures.md)."""
CLOSE = 10.0 ** (-45.0 / 10.0)
"""Mean square difference from full precision, of colours in [0, 1], that is borne: 45 dB."""


def precision_on(device: torch.device) -> torch.dtype:
    """Give the number format in which a device draws fastest without being seen to."""
    if device.type == "cuda":
        return torch.float16
    return torch.bfloat16 if device.type == "cpu" and features() & FAST else torch.float32


@cache
def features() -> frozenset[str]:
    """What this machine's CPU can do, as Linux names it; empty where nobody says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    found = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(found.partition(":")[2].split())


def alike(drawn: Tensor, wanted: Tensor) -> bool:
    """Whether two pictures in [0, 1] differ by less than anyone sees."""
    off = float((drawn.float() - wanted.float()).square().mean())
    return off <= CLOSE  # what is no number is not


def trial() -> tuple[Tensor, Tensor]:
    """A voice and a face to try weights with: (1, 1, 80, 16) and (1, 6, 96, 96), the same each time."""
    draw = torch.Generator().manual_seed(96)
    audio = torch.rand((1, 1, 80, 16), generator=draw).mul(6).sub(4)
    coarse = torch.rand((1, 3, 12, 12), generator=draw)
    whole = torch.nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bilinear")
    masked = whole.clone()
    masked[:, :, SIDE // 2 :] = 0
    return audio, torch.cat((masked, whole), dim=1)
