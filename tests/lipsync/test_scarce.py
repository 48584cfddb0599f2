"""Memory that does not suffice, the GPU's included, is nobody's fault: the take is tried again, by a fresh process."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lipsync import EngineError, Options, Take, plugin
from lipsync.engines.null import NullEngine
from lipsync.studio import Studio, load

FAULTS = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_take_for_which_there_is_not_enough_memory(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def render(*_: object) -> None:
        raise fault

    monkeypatch.setattr(NullEngine, "render", render)
    studio = Studio(NullEngine(Options(engine="null")), Options(engine="null"))
    take = Take(sample / "astronaut.jpg", sample / "hello.flac")
    with pytest.raises(EngineError, match=r"not enough memory for astronaut\.jpg") as caught:
        studio.render(take, tmp_path / "1.mp4", tmp_path / "1.jpg", lambda _: None)
    assert caught.value.passing
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", FAULTS)
def test_an_engine_for_which_there_is_not_enough_memory(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def build(_: Options) -> None:
        raise fault

    monkeypatch.setattr(plugin, "find", lambda _group, _name: build)
    with pytest.raises(EngineError, match="not enough memory for the engine null") as caught:
        load(Options(engine="null"))
    assert caught.value.passing


def test_a_bug_is_no_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_: Options) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(plugin, "find", lambda _group, _name: build)
    with pytest.raises(RuntimeError, match="a bug"):
        load(Options(engine="null"))
