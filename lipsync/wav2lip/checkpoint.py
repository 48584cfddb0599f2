"""Weights of Wav2Lip that a person has brought: which file, whether it is what it claims to be, and its facts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync.errors import WeightsError
from lipsync.offer import offers, plain
from lipsync.shelf import paper_of, stamp
from lipsync.take import Weights
from lipsync.wav2lip.reading import AGAIN, OTHER, tensors_of

if TYPE_CHECKING:
    from torch import Tensor

SERVES = "wav2lip"
SUFFIXES = (".pth", ".pt", ".safetensors")
UNKNOWN = "unknown: brought by you"
BRING = "`lipsyncd models list` shows which weights fit and how to get them."
NAME = "Name one in render.wav2lip.checkpoint."


@dataclass(frozen=True)
class Candidate:
    """A file that may be meant.

    Attributes:
        path: Where it is.
        names: What it may be called.
        sure: Whether it is known to be for this engine.
    """

    path: Path
    names: tuple[str, ...]
    sure: bool


def find(weights: Path | None, checkpoint: str) -> Path:
    """Choose the file to load; nothing is read but its name and the note beside it.

    Args:
        weights: The folder of the weights that were brought; None where there is none.
        checkpoint: Its name there, with or without its ending, or a path; "" for the only one that fits.

    Raises:
        WeightsError: It is not there, or it is not clear which one is meant.
    """
    if os.sep in checkpoint:
        path = Path(checkpoint).expanduser()
        if path.is_file():
            return path
        raise WeightsError(f"the weights {path.name} are not where render.wav2lip.checkpoint says", BRING)
    found = list(_candidates(weights))
    if checkpoint:
        meant = [one.path for one in found if checkpoint in one.names]
    else:
        meant = [one.path for one in found if one.sure] or [one.path for one in found]
    if len(meant) == 1:
        return meant[0]
    names = ", ".join(sorted(one.names[0] for one in found))
    if meant:
        raise WeightsError(f"several weights fit: {names}", NAME)
    if checkpoint:
        there = f"; there are {names}" if names else ""
        raise WeightsError(f"no weights called {checkpoint!r} are here{there}", BRING)
    raise WeightsError("the engine wav2lip has no weights yet", BRING)


def load(file: Path) -> tuple[dict[str, Tensor], Weights]:
    """Read a checkpoint; its hash is taken at the same time, unless the note beside it has it already.

    Returns:
        Every tensor that ``network.SHAPES`` names, on the CPU, as stored; and which weights these are.

    Raises:
        WeightsError: It is no checkpoint of Wav2Lip, or not the one that it claims to be; with what to do.
    """
    with ThreadPoolExecutor(1, "hash") as pool:
        hashed = pool.submit(_sha256, file)
        tensors = _fitting(file, tensors_of(file))
        try:
            return tensors, _facts(file, hashed.result())
        except OSError as error:
            raise WeightsError(f"the weights {file.name} cannot be read: {error.strerror}", AGAIN) from error


def _candidates(weights: Path | None) -> Iterator[Candidate]:
    if weights is None or not weights.is_dir():
        return
    known = {offer.file: offer for offer in offers(weights).values()}
    for path in sorted(weights.iterdir()):
        if not plain(path.name) or not path.is_file():
            continue
        paper = paper_of(path) or known.get(path.name)
        if paper is None and path.suffix.lower() in SUFFIXES:
            yield Candidate(path, (path.stem, path.name), sure=False)
        elif paper is not None and paper.serves == SERVES:
            yield Candidate(path, (paper.name, path.stem, path.name), sure=True)


def _sha256(file: Path) -> str:
    paper = paper_of(file)
    if paper and paper.seen == stamp(file):
        return paper.sha256
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _facts(file: Path, sha256: str) -> Weights:
    paper, known = paper_of(file), offers()
    for offer in known.values():
        if offer.matches(sha256):
            return Weights(offer.name, sha256, offer.licence)
        if offer.file == file.name and offer.bytes == file.stat().st_size:
            raise WeightsError(f"the weights {file.name} are damaged: not the bytes that were published", AGAIN)
    if paper and paper.sha256 != sha256:
        raise WeightsError(f"the weights {file.name} are not the ones that were imported", "Import them again.")
    return Weights(paper.name, sha256, paper.licence) if paper else Weights(file.stem, sha256, UNKNOWN)


def _fitting(file: Path, held: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of the network and nothing else.

    Raises:
        WeightsError: They are another network's, or no numbers.
    """
    from lipsync.wav2lip.network import BLOCKS, SHAPES

    state = {name.removeprefix("module."): tensor for name, tensor in held.items()}
    ours = [name for name in state if name.startswith(BLOCKS)]
    if not ours:
        kind = (
            "the lip-sync expert of Wav2Lip (SyncNet), which only judges"
            if "face_encoder.0.conv_block.0.weight" in state
            else "another network"
        )
        raise WeightsError(f"{file.name} is {kind}, not a generator of Wav2Lip", OTHER)
    lacking = sorted(SHAPES.keys() - state.keys())
    if lacking:
        said = f"{file.name} is not a whole Wav2Lip: {len(lacking)} of {len(SHAPES)} parts are missing ({lacking[0]})"
        raise WeightsError(said, OTHER)
    more = [name for name in ours if name not in SHAPES and not name.endswith("num_batches_tracked")]
    for name, shape in SHAPES.items():
        if state[name].is_nested or tuple(state[name].shape) != shape or more:
            raise WeightsError(f"{file.name} is a Wav2Lip of another size ({(more or [name])[0]})", OTHER)
    fitting = {name: state[name] for name in SHAPES}
    if not all(_sound(name, tensor) for name, tensor in fitting.items()):
        raise WeightsError(f"the weights {file.name} are damaged: not all of them are numbers", AGAIN)
    return fitting


def _sound(name: str, tensor: Tensor) -> bool:
    """Whether all are finite numbers, and no variance is below zero."""
    import torch

    kinds = (torch.float64, torch.float32, torch.float16, torch.bfloat16)  # with others not even sums can be made
    if tensor.layout is not torch.strided or tensor.dtype not in kinds or tensor.is_meta:
        return False
    whole = bool(tensor.sum(dtype=torch.float32).isfinite())
    return whole and not (name.endswith("running_var") and bool((tensor < 0).any()))
