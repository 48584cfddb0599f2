"""In which number format a device draws fastest, and whether weights bear it."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from lipsync.wav2lip.network import SIDE, SIZES, Layer
from lipsync.wav2lip.packed import packing

KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
HALVES = {"amx_bf16", "avx512_bf16"}
"""What a CPU names among its features where bfloat16 may be quicker than float32: 5 times with the first. With the
second alone torch can be slower (docs/figures.md), so that it is tried, too."""
GAIN = 0.35
"""Share of the time of float32 that a layer may take in bfloat16 for it to be worth it: most are computed twice."""
CLOSE = 10.0 ** (-45.0 / 10.0)
"""Mean square difference from full precision, of colours in [0, 1], that is borne: 45 dB."""


def precision_on(device: torch.device) -> torch.dtype:
    """Give the number format in which a device draws fastest without being seen to."""
    if device.type == "cuda":
        return torch.float16
    quick = device.type == "cpu" and bool(features() & HALVES) and halves_pay()
    return torch.bfloat16 if quick else torch.float32


def sturdy_on(device: torch.device) -> torch.dtype:
    """Give the quickest number format that has the range of float32; GPUs before Ampere compute in no bfloat16."""
    lacks = device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.float32 if lacks else torch.bfloat16


@cache
@torch.inference_mode()
def halves_pay() -> bool:
    """Whether a layer takes far less of the CPU in bfloat16 than in float32; what else runs does not matter."""
    layer = Layer("face_decoder_blocks.5.1", 128, 128, around=True)
    spent = []
    for kind in (torch.bfloat16, torch.float32):
        step = packing(1, kind)(layer, torch.zeros(layer.shape, dtype=kind), torch.zeros(layer.outputs, dtype=kind))
        x = torch.zeros((1, layer.inputs, *SIZES[layer.name]), dtype=kind).contiguous(memory_format=torch.channels_last)
        spent.append(min(_cost(step, x) for _ in range(4)))
    return spent[0] < GAIN * spent[1]


def _cost(step: torch.nn.Module, x: Tensor) -> float:
    begin = time.thread_time()
    step(x)
    return time.thread_time() - begin


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
