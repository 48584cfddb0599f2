"""The one command that measures a GPU: what it charges to whom, and that its table comes out whole."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import torch

from benchmarks import gpu
from lipsync import MediaError, Options


class Worker:
    """Computes, and copies meanwhile."""

    def compute(self) -> str:
        time.sleep(0.05)
        return self.copy()

    def copy(self) -> str:
        time.sleep(0.02)
        return "done"


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "PARTS", {"network": [(Worker, "compute")], "copy": [(Worker, "copy")]})


def test_all_that_is_charged_is_there() -> None:
    assert all(callable(getattr(owner, name)) for places in gpu.PARTS.values() for owner, name in places)
    before = [getattr(owner, name) for places in gpu.PARTS.values() for owner, name in places]
    with gpu.Bill("cpu").charging():
        pass
    assert [getattr(owner, name) for places in gpu.PARTS.values() for owner, name in places] == before


def test_what_is_done_within_is_charged_to_the_inner_part(parts: None) -> None:
    bill, begin = gpu.Bill("cpu"), time.perf_counter()
    with bill.charging():
        assert Worker().compute() == "done"
    assert bill.seconds["network"] >= 0.045
    assert bill.seconds["copy"] >= 0.015
    assert sum(bill.seconds.values()) <= time.perf_counter() - begin, "nothing is charged twice"


def test_on_a_gpu_one_part_at_a_time_is_charged(parts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for a GPU is waiting for what every thread has it do."""
    inside, most = Counter[str](), []
    plain = Worker.copy

    def copy(self: Worker) -> str:
        inside["now"] += 1
        most.append(inside["now"])
        try:
            return plain(self)
        finally:
            inside["now"] -= 1

    monkeypatch.setattr(Worker, "copy", copy)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    bill = gpu.Bill("cuda")
    with bill.charging():
        threads = [threading.Thread(target=Worker().compute) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == [1] * 4
    assert bill.seconds["copy"] >= 4 * 0.02


def test_the_table_comes_out_whole_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def measured(options: Options, clip: Path, *_: object) -> tuple[float, Counter[str]]:
        if options.engine == "wav2lip" and "1080" in clip.name:
            raise MediaError("too large", "Less.")
        return (1.0 if options.engine == "null" else 5.0), Counter(whole=10.0, network=4.0, copy=1.0)

    monkeypatch.setattr(gpu, "measured", measured)
    monkeypatch.setattr(gpu, "network", lambda *_: "alone")
    monkeypatch.setattr(gpu.brought, "checkpoint", lambda path: path)
    monkeypatch.setattr(gpu.material, "clip", lambda path, *_: path)
    monkeypatch.setattr(gpu.material, "speech", lambda path, *_: path)
    monkeypatch.setattr(gpu, "record", lambda name, title, text: said.append(text))
    monkeypatch.setattr(sys, "argv", ["gpu", "--device", "cpu"])
    gpu.main()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said[0].splitlines() if "p |" in line]
    assert rows[0] == ["reshape", "720p", "15.0", "40%", "10%", "10%", "40%", "75"]
    assert [row[:2] for row in rows] == [["reshape", "720p"], ["wav2lip", "720p"], ["reshape", "1080p"]]
    assert "Not measured: 1080p: too large" in said[0]
