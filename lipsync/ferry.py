"""Brings arrays to a device and back; to a GPU and from it by pinned memory, on a stream of its own.

What is sent, computed and fetched by one ferry happens in that order, while others do theirs. Pinned memory may be let
go as soon as a copy was ordered, memory of the device as soon as a computation was: torch gives neither to anyone else
before they are done with it, as long as everything goes by the same stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Ferry:
    """One way to one device; for one thread at a time.

    Attributes:
        device: Where it goes.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = self._stream_to(device)

    @contextmanager
    def crossing(self) -> Iterator[None]:
        """Whatever is computed meanwhile is computed in order with what is sent and fetched."""
        with torch.inference_mode():
            if self._stream is None:
                yield
                return
            with torch.cuda.device(self.device), torch.cuda.stream(self._stream):
                yield

    def room(self, shape: Sequence[int]) -> Tensor:
        """Give bytes of this side to be filled, from which sending is quick."""
        return torch.empty(tuple(shape), dtype=torch.uint8, pin_memory=self._stream is not None)

    def over(self, array: Tensor | NDArray[np.generic]) -> Tensor:
        """Send it; it may be let go at once, but not changed."""
        near = array if isinstance(array, Tensor) else torch.from_numpy(np.ascontiguousarray(array))
        if self._stream is None:
            return near.to(self.device)
        return (near if near.is_pinned() else near.pin_memory()).to(self.device, non_blocking=True)

    def back(self, tensor: Tensor) -> NDArray[np.uint8]:
        """Fetch bytes, once everything that was ordered before is done."""
        if self._stream is None:
            return np.asarray(tensor.cpu().numpy())
        near = self.room(tensor.shape)
        near.copy_(tensor, non_blocking=True)
        self._stream.synchronize()
        return np.asarray(near.numpy())

    def _stream_to(self, device: torch.device) -> torch.cuda.Stream | None:
        return torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
