"""A checkpoint of Wav2Lip with known random weights, for tests and benchmarks: the real ones are not ours to give.

Every tensor is drawn by its name, so that anyone gets the same ones. It draws no faces, at the same cost.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np
import torch

from lipsync.wav2lip.network import SHAPES


def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """Give every tensor of the network, by its name; other seeds give others."""
    return {name: torch.from_numpy(_drawn(name, shape, seed)) for name, shape in SHAPES.items()}


def published(tensors: dict[str, torch.Tensor]) -> dict[str, object]:
    """Give what a published file holds: names as several GPUs write them, and what training needs to go on."""
    state = {f"module.{name}": tensor for name, tensor in tensors.items()}
    counters = {name.replace("running_var", "num_batches_tracked") for name in state if name.endswith("running_var")}
    state |= {name: torch.tensor(1) for name in counters}
    return {"state_dict": state, "optimizer": None, "global_step": 1, "global_epoch": 1}


def checkpoint(path: Path) -> Path:
    """Write such a file and give where it is."""
    torch.save(published(weights()), path)
    return path


def _drawn(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    draw = np.random.default_rng(zlib.crc32(name.encode()) + seed)
    if name.endswith("running_var"):
        value = draw.uniform(0.8, 1.2, shape)
    elif name.endswith(("running_mean", "bias")):
        value = 0.05 * draw.standard_normal(shape)
    elif len(shape) == 1:
        value = 1 + 0.1 * draw.standard_normal(shape)
    else:
        value = draw.standard_normal(shape) * np.sqrt(1.2 / np.prod(shape[1:]))
    return value.astype(np.float32)


if __name__ == "__main__":
    checkpoint(Path(sys.argv[1]))
