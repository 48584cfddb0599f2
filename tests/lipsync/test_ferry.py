"""What goes to a device and back, with stand-ins for a GPU whose copies are made late."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from lipsync.ferry import Ferry


class Late:
    """A stream on which copies are made only when it is waited for."""

    def __init__(self) -> None:
        self.ordered: list[Callable[[], object]] = []

    def synchronize(self) -> None:
        for copy in self.ordered:
            copy()
        self.ordered.clear()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Late:
    stream, copy, empty = Late(), torch.Tensor.copy_, torch.empty

    def copied(self: torch.Tensor, other: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
        assert non_blocking
        stream.ordered.append(lambda: copy(self, other))
        return self

    def roomy(*shape: object, pin_memory: bool, **how: object) -> torch.Tensor:
        assert pin_memory
        return empty(*shape, **how).fill_(99)

    monkeypatch.setattr(Ferry, "_stream_to", lambda self, device: stream)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda self: False)
    monkeypatch.setattr(torch.Tensor, "pin_memory", torch.Tensor.clone)
    monkeypatch.setattr(torch.Tensor, "copy_", copied)
    monkeypatch.setattr(torch, "empty", roomy)
    return stream


def test_nothing_is_read_before_it_is_there(late: Late) -> None:
    ferry = Ferry(torch.device("cpu"))
    with ferry.crossing():
        there = ferry.over(np.arange(6, dtype=np.uint8))
        first = ferry.back(there * 2)
        second = ferry.back(there * 3)
    assert not late.ordered
    assert first.tolist() == [0, 2, 4, 6, 8, 10], "and keeps it: what was fetched is nobody else's room"
    assert second.tolist() == [0, 3, 6, 9, 12, 15]


def test_what_was_sent_may_be_let_go(late: Late) -> None:
    ferry = Ferry(torch.device("cpu"))
    with ferry.crossing():
        near = ferry.room([4])
        near.fill_(7)
        there = ferry.over(near)
        del near
        assert ferry.back(there).tolist() == [7] * 4


def test_nothing_learns() -> None:
    ferry = Ferry(torch.device("cpu"))
    with ferry.crossing():
        assert torch.is_inference_mode_enabled()
        assert ferry.over(np.ones((2, 3), np.float32)[:, ::-1]).sum() == 6
    assert not torch.is_inference_mode_enabled()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_there_and_back() -> None:
    ferry = Ferry(torch.device("cuda"))
    given = np.random.default_rng(0).integers(0, 256, (64, 512, 512), dtype=np.uint8)
    with ferry.crossing():
        assert (ferry.back(255 - ferry.over(given)) == 255 - given).all()
