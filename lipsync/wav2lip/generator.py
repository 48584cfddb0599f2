"""Draws faces that speak, many at once, with the weights that a person has brought."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from queue import LifoQueue

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lipsync.errors import EngineError
from lipsync.gpu import device_for
from lipsync.memory import enough
from lipsync.threads import MOST, cores
from lipsync.wav2lip.averaged import Averaged
from lipsync.wav2lip.checkpoint import load
from lipsync.wav2lip.lane import Lane, Network
from lipsync.wav2lip.network import Step, Wav2Lip
from lipsync.wav2lip.packed import packing
from lipsync.wav2lip.precision import KINDS, alike, precision_on, sturdy_on, trial

BATCH = {"cpu": 8, "cuda": 64}
"""Faces of a batch: on a CPU, what its caches hold (docs/figures.md)."""
GPU_LANES = 2
"""One copies while the other computes."""


class Generator:
    """Warm: loaded once, draws for many takes; may be called from several threads at once.

    Attributes:
        weights: Which ones.
        batch: Faces that go together best here.
        lanes: How many batches are drawn side by side; on a CPU, each by one thread.
        precision: Number format it computes in: "float32", "bfloat16" or "float16".
    """

    def __init__(self, file: Path, device: str = "auto", *, precision: str = "auto") -> None:
        """Load.

        Args:
            file: A checkpoint of Wav2Lip.
            device: "auto", "cpu", "cuda", or any name of a device that torch knows.
            precision: "auto" for the fastest here that these weights bear, or "float32", "bfloat16", "float16".

        Raises:
            WeightsError: The file is not what it should be.
            EngineError: The GPU's memory does not suffice.
        """
        self._device = torch.device(device_for(device))
        self.batch = BATCH.get(self._device.type, BATCH["cpu"])
        self.lanes = min(MOST, cores()) if self._device.type == "cpu" else GPU_LANES
        tensors, self.weights = load(file)
        self._kind = precision_on(self._device) if precision == "auto" else KINDS[precision]
        _settle(self._device)
        self._network = self._built(tensors, self._kind)
        if precision == "auto" and self._kind == torch.float16 and not self._bears(tensors):
            self._kind = sturdy_on(self._device)
            self._network = self._built(tensors, self._kind)
        self.precision = next(name for name, kind in KINDS.items() if kind == self._kind)
        self._free: LifoQueue[Lane] = LifoQueue()
        for _ in range(self.lanes):
            self._free.put(self._lane())

    def draw(self, mels: NDArray[np.float32], faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Draw faces that say what is heard; where memory does not suffice, fewer at once.

        Args:
            mels: (B, 80, 16) as ``melody.windows`` gives them; any number of them.
            faces: (B, 96, 96, 3) RGB, the face each frame is to look like; its lower half is hidden from the network.

        Returns:
            (B, 96, 96, 3) RGB.

        Raises:
            EngineError: There is not even memory for a single face.
        """
        out = np.empty_like(faces)
        lane = self._free.get()
        try:
            at = 0
            while at < len(faces):
                piece = slice(at, at + lane.batch)
                drawn = enough(lambda: lane.draw(mels[piece], faces[piece]))  # noqa: B023
                if drawn is None:
                    self._halve(lane)
                    continue
                out[piece] = drawn
                at += len(drawn)
        finally:
            self._free.put(lane)
        return out

    @torch.inference_mode()
    def forward(self, audio: Tensor, face: Tensor) -> Tensor:
        """The network itself: (B, 1, 80, 16) and (B, 6, 96, 96) in [0, 1], BGR -> (B, 3, 96, 96) float32 in [0, 1]."""
        given = (part.to(self._device, self._given) for part in (audio, face))
        drawn = self._network(*(part.contiguous(memory_format=torch.channels_last) for part in given))
        return drawn.cpu()

    @property
    def _given(self) -> torch.dtype:
        """Number format of what the network is given."""
        own = self._device.type == "cpu" and self._kind == torch.bfloat16  # that one rounds by itself
        return torch.float32 if own else self._kind

    def _built(self, tensors: Mapping[str, Tensor], kind: torch.dtype) -> Network:
        cpu = self._device.type == "cpu"
        if cpu and kind == torch.bfloat16:
            network: Network | None = enough(lambda: Averaged(tensors, self.batch))
        else:
            make = packing(self.batch, kind) if cpu else Step
            network = enough(lambda: Wav2Lip(tensors, str(self._device), kind, make))
        if network is None:
            raise self._full()
        return network

    @torch.inference_mode()
    def _bears(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether half a precision draws what full precision does."""
        exact = self._built(tensors, torch.float32)
        audio, face = (part.to(self._device) for part in trial())
        return alike(self._network(audio.to(self._kind), face.to(self._kind)), exact(audio, face))

    def _lane(self) -> Lane:
        """Set out a lane, as wide as memory lets it be."""
        while (lane := enough(lambda: Lane(self._network, self._device, self._given, self.batch))) is None:
            self.batch //= 2
            if not self.batch:
                raise self._full()
        return lane

    def _halve(self, lane: Lane) -> None:
        while lane.batch > 1:
            if enough(lane.halve):
                return
        raise self._full()

    def _full(self) -> EngineError:
        hint = "Let fewer programs use it, or set render.device to cpu."
        return EngineError(f"the memory of {self._device} does not suffice for {self.weights.name}", hint)


def _settle(device: torch.device) -> None:
    """Have a GPU compute the same way each time, and in full where full precision is asked for."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
        torch.backends.cudnn.allow_tf32 = False
