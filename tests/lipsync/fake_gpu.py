"""A GPU that computes nothing, but minds where every tensor is: what lies elsewhere is refused, as CUDA would.

Its name is "meta". torch's FakeTensorMode knows shapes, types and places; what is fetched is zeros.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from lipsync.ferry import Ferry

GPU = "meta"
CROSSINGS: collections.Counter[str] = collections.Counter()
"""How often something went there, and came back."""
Tensor = torch.Tensor
_to = Tensor.to


class Nothing(np.ndarray):
    """Zeros, in place of a tensor on this side: whatever torch makes meanwhile has no numbers in it."""

    def numpy(self) -> np.ndarray:
        return np.asarray(self)


def _sent(self: Tensor, *given: object, **named: object) -> Tensor:
    to = named.get("device", given[0] if given else None)
    if not isinstance(to, str | torch.device) or torch.device(to).type != GPU or self.device.type == GPU:
        return _to(self, *given, **named)
    CROSSINGS["over"] += 1
    if isinstance(self, FakeTensor):
        return _to(self, *given, **named)
    kinds = [one for one in (named.get("dtype"), *given[1:]) if isinstance(one, torch.dtype)]
    return torch.empty(self.shape, dtype=kinds[0] if kinds else self.dtype, device=GPU)


def moved(self: torch.nn.Module, device: object, *_: object, **__: object) -> torch.nn.Module:
    """Bring a network there, in place."""
    for part in self.modules():
        for name, one in part._parameters.items():
            there = None if one is None else torch.nn.Parameter(_sent(one.data, device), requires_grad=False)
            part._parameters[name] = there
        for name, one in part._buffers.items():
            part._buffers[name] = None if one is None else _sent(one, device)
    return self


def _fetched(self: Tensor) -> Nothing:
    assert self.device.type == GPU
    CROSSINGS["back"] += 1
    return _nothing(self.shape, np.uint8 if self.dtype == torch.uint8 else np.float32)


def _room(self: Ferry, shape: list[int]) -> Nothing:
    return _nothing(shape, np.uint8)


def _nothing(shape: Iterable[int], kind: type) -> Nothing:
    return np.zeros(tuple(shape), kind).view(Nothing)


@contextmanager
def fake_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have such a GPU."""
    CROSSINGS.clear()
    with monkeypatch.context() as patched, FakeTensorMode(allow_non_fake_inputs=True):
        patched.setattr(Tensor, "to", _sent)
        patched.setattr(torch.nn.Module, "to", moved)
        patched.setattr(Tensor, "cpu", _fetched)
        patched.setattr(Tensor, "__float__", lambda self: float(_fetched(self).sum()))
        patched.setattr(Ferry, "room", _room)
        yield
