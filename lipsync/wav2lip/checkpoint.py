"""Weights of Wav2Lip that a person has brought: found, read without running anything in them, and checked."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync.errors import WeightsError
from lipsync.take import Weights

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".pth", ".pt", ".safetensors")
UNKNOWN = "unknown: brought by you"
BRING = "Put a Wav2Lip checkpoint (.pth or .safetensors) into the weights folder; `lipsyncd models list` shows it."


def find(weights: Path | None, checkpoint: str) -> Path:
    """Choose the file to load.

    Args:
        weights: The folder of the weights that were brought; None where there is none.
        checkpoint: Its name there, with or without its ending, or a path; "" for the only one there.

    Raises:
        WeightsError: It is not there, or it is not clear which one is meant.
    """
    if checkpoint and (path := Path(checkpoint).expanduser()).is_file():
        return path
    there = [] if weights is None or not weights.is_dir() else sorted(weights.iterdir())
    files = [path for path in there if path.suffix.lower() in SUFFIXES and path.is_file()]
    if checkpoint:
        files = [path for path in files if checkpoint in (path.name, path.stem)]
    if len(files) == 1:
        return files[0]
    if files:
        names = ", ".join(path.name for path in files)
        raise WeightsError(f"there are several weights: {names}", "Name one in render.wav2lip.checkpoint.")
    wanted = f"no weights called {checkpoint}" if checkpoint else "the engine wav2lip has no weights"
    raise WeightsError(wanted, BRING)


def load(file: Path) -> tuple[dict[str, Tensor], Weights]:
    """Read a checkpoint.

    Raises:
        WeightsError: It is not one of Wav2Lip.
    """
    import torch

    from lipsync.wav2lip.network import SHAPES

    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        held = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, pickle.UnpicklingError, RuntimeError) as error:
        raise WeightsError(f"the weights {file.name} cannot be read", "Fetch them again.") from error
    state = held.get("state_dict", held)
    tensors = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    missing = [name for name, shape in SHAPES.items() if name not in tensors or tensors[name].shape != shape]
    if missing:
        raise WeightsError(f"{file.name} is not a checkpoint of Wav2Lip ({missing[0]})", BRING)
    return tensors, Weights(file.stem, digest, UNKNOWN)
