"""A GPU that torch sees and has nothing to run on is not used; one whose memory is full just now is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import lipsync
from lipsync import gpu
from lipsync.errors import EngineError
from lipsync.gpu_paint import painter_on
from lipsync.tracker import LandmarkTracker
from lipsync.wav2lip.gpu_patch import overlay_on

OLD = "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be …"


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    gpu.refusal.cache_clear()
    yield monkeypatch
    gpu.refusal.cache_clear()


def refuse(monkeypatch: pytest.MonkeyPatch, error: RuntimeError) -> list[object]:
    asked: list[object] = []

    def ones(*size: int, device: str) -> None:
        asked.append(device)
        raise error

    monkeypatch.setattr(torch, "ones", ones)
    return asked


def test_an_old_gpu_is_left_alone(seen: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    asked = refuse(seen, RuntimeError(OLD))
    assert gpu.device_for("auto") == "cpu"
    assert painter_on("auto") is None
    assert overlay_on("auto") is None
    assert asked == ["cuda"], "asked once"
    assert "no kernel image" in caplog.text
    assert "might be" not in caplog.text
    seen.undo()
    assert LandmarkTracker("auto")._landmarks.device == gpu.device_for("auto")


def test_asked_for_by_name_it_is_refused(seen: pytest.MonkeyPatch) -> None:
    refuse(seen, RuntimeError(OLD))
    with pytest.raises(EngineError, match="no NVIDIA GPU"):
        lipsync.load(lipsync.Options(engine="null", device="cuda"))


def test_a_full_one_is_a_gpu_all_the_same(seen: pytest.MonkeyPatch) -> None:
    refuse(seen, torch.OutOfMemoryError("CUDA out of memory"))
    assert gpu.device_for("auto") == "cuda"


def test_names_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [gpu.device_for(name) for name in ("cpu", "cuda", "meta")] == ["cpu", "cuda", "meta"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.device_for("auto") == "cpu"
