"""Machine: what this one can do for us. Finding out loads torch and tries the encoders: seconds, not milliseconds."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from lipsync import plugin
from lipsync.errors import EngineError


@dataclass(frozen=True)
class Machine:
    """What works here.

    Attributes:
        encoders: By name, whether it encodes: "libx264", "h264_nvenc", "aac".
        gpu: Name of the GPU that torch can use, or "".
        broken: What is wrong, by entry point, with engines and trackers that cannot be imported.
    """

    encoders: dict[str, bool]
    gpu: str
    broken: dict[str, str]


@dataclass(frozen=True)
class GpuMemory:
    """Bytes of the GPU's memory: what this process has taken for its tensors, what is free, and all there is."""

    held: int
    free: int
    total: int


def gpu_memory() -> GpuMemory | None:
    """Say how full the GPU is, if this process uses one already; looking loads nothing and takes no memory there."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    free, total = torch.cuda.mem_get_info()
    return GpuMemory(torch.cuda.memory_reserved(), free, total)


def survey() -> Machine:
    """Look at encoders, GPU, engines and trackers."""
    import torch

    from lipsync.gpu import computes
    from lipsync.media import codecs

    gpu = torch.cuda.get_device_name() if computes() else ""
    return Machine(encoders=codecs.working(), gpu=gpu, broken=_broken())


def _broken() -> dict[str, str]:
    found = {}
    for group in ("lipsyncd.engines", "lipsyncd.trackers"):
        for name in plugin.names(group):
            try:
                plugin.find(group, name)
            except EngineError as error:
                found[name] = error.message
    return found | _library()


def _library() -> dict[str, str]:
    """Look at the library face-alignment, if it is there: it may lack something of its own."""
    from lipsync import alignment_network, alignment_weights

    if alignment_weights.installed():
        try:
            alignment_network.form()
        except EngineError as error:
            return {alignment_weights.TRACKER: error.message}
    return {}
