"""One batch of faces on its way through the network, in buffers that stay: several lanes run side by side.

On a GPU each lane has a stream of its own, pinned memory to send from and to fetch into, and all that is to be computed
recorded once as a graph: while one lane computes, another copies. On any other device the same buffers and the same
computation run as they come.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lipsync.memory import ALONE, release, scarce
from lipsync.plugin import first_line
from lipsync.wav2lip.melody import BANDS, STEPS
from lipsync.wav2lip.network import SIDE

log = logging.getLogger(__name__)
Network = Callable[[Tensor, Tensor], Tensor]
WARM = 2
"""Times that a GPU computes before its computation is recorded."""


class Lane:
    """Draws one batch at a time."""

    def __init__(self, network: Network, device: torch.device, kind: torch.dtype, batch: int) -> None:
        """Set buffers out, and record on a GPU.

        Args:
            network: (B, 1, 80, 16), (B, 6, 96, 96) -> (B, 3, 96, 96), all BGR, in [0, 1].
            device: Where it lies.
            kind: What it is given.
            batch: Most faces at once; on a GPU, so many are computed always.

        Raises:
            RuntimeError: Memory does not suffice.
        """
        self._network, self._device, self._kind = network, device, kind
        self._stream = self._stream_of(device)
        self._near: list[Tensor] = []
        self._far: list[Tensor] = []
        self._graph: torch.cuda.CUDAGraph | None = None
        self._set_out(batch)

    def halve(self) -> int:
        """Take half as many faces at once from now on, and say how many; what the lane held is given back first.

        Raises:
            RuntimeError: Memory does not suffice for half as many either.
        """
        if self._stream is not None:
            self._stream.synchronize()  # what it holds may be in use until then
        self._near, self._far, self._graph = [], [], None
        release()
        self._set_out(self.batch // 2)
        return self.batch

    def draw(self, mels: NDArray[np.float32], faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Draw at most ``batch`` faces: (b, 80, 16) and (b, 96, 96, 3) RGB -> (b, 96, 96, 3) RGB."""
        if not self._far:
            self._set_out(self.batch)  # memory did not suffice the last time
        with torch.inference_mode(), self._streaming():
            self._send(mels, faces)
            self._run(len(faces))
            return self._fetch(len(faces))

    def _send(self, mels: NDArray[np.float32], faces: NDArray[np.uint8]) -> None:
        for near, given in zip(self._near, (mels, faces), strict=False):
            near.numpy()[: len(faces)] = given
        for near, far in zip(self._near[:2], self._far, strict=False):
            far.copy_(near, non_blocking=True)

    def _run(self, count: int) -> None:
        if self._graph is None:
            self._compute(self._far, count)
        else:
            self._graph.replay()

    def _fetch(self, count: int) -> NDArray[np.uint8]:
        near, far = self._near[2], self._far[2]
        near.copy_(far, non_blocking=True)
        if self._stream is not None:
            self._stream.synchronize()
        return np.array(near.numpy()[:count])

    def _stream_of(self, device: torch.device) -> torch.cuda.Stream | None:
        return torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def _set_out(self, batch: int) -> None:
        self.batch = batch
        gpu = self._stream is not None
        faces = (batch, SIDE, SIDE, 3), torch.uint8
        sorts = (((batch, BANDS, STEPS), torch.float32), faces, faces)
        self._near = [torch.zeros(shape, dtype=kind, pin_memory=gpu) for shape, kind in sorts]
        far = [part.to(self._device) for part in self._near]
        self._graph = self._recorded(far) if gpu else None
        self._far = far

    def _compute(self, buffers: list[Tensor], count: int) -> None:
        """From the buffers of mels and faces to that of what is drawn."""
        mels, faces, drawn = (part[:count] for part in buffers)
        audio = mels[:, None].to(self._kind)
        drawn.copy_(unpainted(self._network(audio, painted(faces, self._kind))))

    def _recorded(self, buffers: list[Tensor]) -> torch.cuda.CUDAGraph | None:
        """Compute a few times, so that every library has chosen how, then record; None where that cannot be recorded.

        Raises:
            RuntimeError: Memory does not suffice.
        """
        with ALONE, torch.inference_mode(), self._streaming():
            torch.cuda.synchronize(self._device)  # kernels and buffers were sent by another stream
            for _ in range(WARM):
                self._compute(buffers, self.batch)
            torch.cuda.synchronize(self._device)
            graph = torch.cuda.CUDAGraph()
            try:
                # other lanes and the trackers may go on meanwhile
                with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                    self._compute(buffers, self.batch)
            except RuntimeError as error:
                if scarce(error):
                    raise
                log.warning("%s records nothing (%s): each step is sent by itself", self._device, first_line(error))
                return None
        return graph

    @contextmanager
    def _streaming(self) -> Iterator[None]:
        if self._stream is None:
            yield
            return
        with torch.cuda.device(self._device), torch.cuda.stream(self._stream):
            yield


def painted(faces: Tensor, kind: torch.dtype) -> Tensor:
    """(B, 96, 96, 3) uint8 RGB -> (B, 6, 96, 96) in [0, 1], BGR, channels last: without the lower half, and whole."""
    both = torch.empty((*faces.shape[:3], 6), dtype=kind, device=faces.device)
    both[..., 3:] = faces.flip(3).to(torch.float32).div_(255)
    both[..., :3] = both[..., 3:]
    both[:, SIDE // 2 :, :, :3] = 0
    return both.permute(0, 3, 1, 2)


def unpainted(drawn: Tensor) -> Tensor:
    """(B, 3, 96, 96) in [0, 1], BGR -> (B, 96, 96, 3) uint8 RGB."""
    return drawn.float().mul(255).round_().clamp_(0, 255).flip(1).permute(0, 2, 3, 1).to(torch.uint8)
