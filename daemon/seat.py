"""Seat: where one of the render processes works: on which GPU, with how many cores. Nothing heavy is loaded for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_GPUS = Path("/proc/driver/nvidia/gpus")
_NODES = Path("/dev")
_VISIBLE = "CUDA_VISIBLE_DEVICES"
CORES = "LIPSYNC_CORES"
"""How many cores a render process counts on; ``lipsync.threads`` heeds it."""


@dataclass(frozen=True)
class Seat:
    """Where one render process works.

    Attributes:
        gpu: What CUDA shall see; "" for whatever there is.
        cores: How many it shall count on; 0 for all.
    """

    gpu: str = ""
    cores: int = 0

    def environment(self) -> dict[str, str]:
        """Give what the environment of the process says beyond ours."""
        said = {_VISIBLE: self.gpu} if self.gpu else {}
        return said | ({CORES: str(self.cores)} if self.cores else {})


def seats(processes: int, device: str, gpus: tuple[str, ...] | None = None) -> tuple[Seat, ...]:
    """Give a seat for each render process.

    Args:
        processes: How many; 0 for one on each GPU, or one where there is none.
        device: What shall be drawn with: "auto", "cpu" or "cuda".
        gpus: What there is, as CUDA counts it; None looks.
    """
    there = () if device == "cpu" else _gpus(os.environ) if gpus is None else gpus
    count = processes or len(there) or 1
    cores = -(-len(os.sched_getaffinity(0)) // count) if count > 1 else 0
    # a single GPU needs no name: then all is as it would be without us
    return tuple(Seat(there[number % len(there)] if len(there) > 1 else "", cores) for number in range(count))


def _gpus(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Give the names by which CUDA knows the GPUs that we may use."""
    if _for_cpus_only():
        return ()
    said = environment.get(_VISIBLE)
    if said is None:
        return tuple(map(str, range(_present())))
    names: list[str] = []
    for name in (part.strip() for part in said.split(",")):
        if not name or name.startswith("-") or name in names:  # CUDA sees nothing from there on
            break
        names.append(name)
    return tuple(names) if _present() else ()


def _present() -> int:
    """Count the GPUs that the driver knows and whose device is there for us: a container may have been given some."""
    nodes = sum(1 for _ in _NODES.glob("nvidia[0-9]*"))
    try:
        return min(nodes, sum(1 for _ in _GPUS.iterdir()))
    except OSError:  # of /proc there may be only the processes to be seen
        return nodes


def _for_cpus_only() -> bool:
    """Say whether torch was built without CUDA, as far as its name tells."""
    try:
        return version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return True
