"""The generator: any number of faces, from any thread, in any memory, always the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from lipsync import memory
from lipsync.errors import EngineError
from lipsync.take import Weights
from lipsync.wav2lip import generator as module
from lipsync.wav2lip.generator import Generator
from lipsync.wav2lip.lane import Lane
from lipsync.wav2lip.precision import sturdy_on

Given = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def exact(checkpoint: Path) -> Generator:
    return Generator(checkpoint, "cpu", precision="float32")


@pytest.fixture(scope="module")
def given() -> Given:
    dice = np.random.default_rng(3)
    return dice.uniform(-4, 2, (10, 80, 16)).astype(np.float32), dice.integers(0, 256, (10, 96, 96, 3), dtype=np.uint8)


def toy(audio: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
    """A network that costs nothing: the whole face, brighter by what is heard."""
    return (face[:, 3:] + audio.float().mean((1, 2, 3), keepdim=True) / 100).clamp(0, 1)


@pytest.fixture
def quick(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Generator:
    """A generator with the toy for a network."""
    monkeypatch.setattr(module, "load", lambda file: ({}, Weights("toy", "0" * 64, "CC0")))
    monkeypatch.setattr(Generator, "_built", lambda self, tensors, kind: toy)
    return Generator(checkpoint, "cpu", precision="float32")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_the_file_is_let_go(exact: Generator, checkpoint: Path) -> None:
    """It may be replaced or cut short while the generator is warm."""
    assert exact.batch
    assert str(checkpoint) not in Path("/proc/self/maps").read_text()


def test_drawing_is_the_network_with_pictures_around_it(exact: Generator, given: Given) -> None:
    mels, faces = (part[:2] for part in given)
    whole = torch.from_numpy(faces[..., ::-1].copy()).permute(0, 3, 1, 2).float() / 255
    masked = whole.clone()
    masked[:, :, 48:] = 0
    drawn = exact.forward(torch.from_numpy(mels)[:, None], torch.cat((masked, whole), 1))
    wanted = drawn.permute(0, 2, 3, 1).numpy()[..., ::-1] * 255
    assert np.abs(exact.draw(mels, faces) - wanted).max() < 0.51


def test_half_precision_is_not_seen(exact: Generator, checkpoint: Path, given: Given) -> None:
    half = Generator(checkpoint, "cpu", precision="bfloat16")
    assert (half.precision, exact.precision) == ("bfloat16", "float32")
    off = half.draw(*given).astype(float) - exact.draw(*given)
    assert 10 * np.log10(255**2 / np.square(off).mean()) > 45


def test_any_number_of_faces(quick: Generator, given: Given) -> None:
    mels, faces = given
    for count in (0, 1, 7, 8, 9, 10):
        assert quick.draw(mels[:count], faces[:count]).shape == (count, 96, 96, 3)
    one_by_one = [quick.draw(mels[k : k + 1], faces[k : k + 1]) for k in range(10)]
    np.testing.assert_array_equal(np.concatenate(one_by_one), quick.draw(mels, faces))


def test_views_and_odd_layouts(quick: Generator, given: Given) -> None:
    mels, faces = given
    turned = np.ascontiguousarray(faces[..., ::-1])[..., ::-1]
    np.testing.assert_array_equal(quick.draw(mels, turned), quick.draw(mels, faces))
    read_only = faces.copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(quick.draw(mels, read_only), quick.draw(mels, faces))


def test_the_same_again_and_from_many_threads(exact: Generator, given: Given) -> None:
    mels, faces = (part[:3] for part in given)
    wanted = exact.draw(mels, faces)
    with ThreadPoolExecutor(3) as pool:
        for drawn in pool.map(lambda _: exact.draw(mels, faces), range(3)):
            np.testing.assert_array_equal(drawn, wanted)


class Short:
    """A computation for which memory suffices up to so many faces."""

    def __init__(self, most: int, error: Callable[[], Exception]) -> None:
        self.most, self.error, self.seen = most, error, []

    def __call__(self, audio: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(face))
        if len(face) > self.most:
            raise self.error()
        return toy(audio, face)


ERRORS = {
    "cuda": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "cublas": lambda: RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "cpu": lambda: RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
    "python": MemoryError,
}


@pytest.mark.parametrize(("kind", "most"), [("cuda", 1), ("cublas", 3), ("cpu", 5), ("python", 1)])
def test_less_at_once_where_memory_does_not_suffice(
    kind: str, most: int, quick: Generator, given: Given, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = quick.draw(*given)
    short = Short(most, ERRORS[kind])
    monkeypatch.setattr(Generator, "_built", lambda self, tensors, kind: short)
    monkeypatch.setattr(module, "cores", lambda: 1)
    tight = Generator(checkpoint, "cpu", precision="float32")
    np.testing.assert_array_equal(tight.draw(*given), wanted)
    wide = {1: 1, 3: 2, 5: 4}[most]
    assert max(short.seen[-2:]) <= wide
    short.seen.clear()
    np.testing.assert_array_equal(tight.draw(*given), wanted)
    assert set(short.seen) <= {wide, 10 % wide}, "it has learned"


def test_no_memory_at_all(quick: Generator, given: Given, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = Short(0, ERRORS["cuda"])
    monkeypatch.setattr(Generator, "_built", lambda self, tensors, kind: short)
    monkeypatch.setattr(module, "cores", lambda: 1)
    tight = Generator(checkpoint, "cpu", precision="float32")
    with pytest.raises(EngineError, match="does not suffice") as caught:
        tight.draw(*given)
    assert caught.value.passing
    short.most = 8
    np.testing.assert_array_equal(tight.draw(*given), quick.draw(*given), "later there is enough again")


def test_other_errors_are_told(
    given: Given, quick: Generator, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = Short(0, lambda: RuntimeError("sizes do not match"))
    monkeypatch.setattr(Generator, "_built", lambda self, tensors, kind: short)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        Generator(checkpoint, "cpu", precision="float32").draw(*given)


def test_lanes_are_narrower_where_memory_is_short_at_once(
    checkpoint: Path, quick: Generator, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_out = Lane._set_out

    def tight(self: Lane, batch: int) -> None:
        if batch > 2:
            raise torch.OutOfMemoryError
        set_out(self, batch)

    monkeypatch.setattr(Lane, "_set_out", tight)
    narrow = Generator(checkpoint, "cpu", precision="float32")
    assert narrow.batch == 2
    np.testing.assert_array_equal(narrow.draw(*given), quick.draw(*given))
    monkeypatch.setattr(Lane, "_set_out", lambda self, batch: (_ for _ in ()).throw(torch.OutOfMemoryError()))
    with pytest.raises(EngineError, match="does not suffice"):
        Generator(checkpoint, "cpu", precision="float32")


def test_weights_that_do_not_bear_half_a_precision(
    checkpoint: Path, random_weights: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, where float16 is tried first; a value beyond its range makes it draw rubbish."""
    monkeypatch.setattr(module, "precision_on", lambda device: torch.float16)
    assert Generator(checkpoint, "cpu").precision == "float16"
    huge = dict(random_weights)
    name = "face_decoder_blocks.6.2.conv_block.1"
    huge[f"{name}.weight"], huge[f"{name}.bias"] = huge[f"{name}.weight"] * 1e5, huge[f"{name}.bias"] * 1e5
    huge["output_block.0.conv_block.0.weight"] = huge["output_block.0.conv_block.0.weight"] / 1e5
    monkeypatch.setattr(module, "load", lambda file: (huge, Weights("huge", "", "")))
    assert Generator(checkpoint, "cpu").precision == "bfloat16"


class Recorder:
    """Stands in for a stream, a graph and its recording: a replay computes again what was recorded."""

    def __init__(self, done: list[str]) -> None:
        self.done, self.lane = done, None
        self.spoilt: RuntimeError | None = None

    def synchronize(self, *_: object) -> None:
        self.done.append("wait")

    def replay(self) -> None:
        self.done.append("replay")
        self.lane._compute(self.lane._far, self.lane.batch)

    @contextmanager
    def record(self, graph: object, **how: object) -> Iterator[None]:
        inspect.signature(torch.cuda.graph.__init__).bind(None, graph, **how)
        self.done.append("record")
        try:
            yield
        finally:
            if self.spoilt:  # as cudaStreamEndCapture: whatever went wrong before, this is what is raised
                raise self.spoilt


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Have lanes go the way of a GPU."""
    done: list[str] = []
    recorder, zeros = Recorder(done), torch.zeros
    monkeypatch.setattr(Lane, "_stream_of", lambda self, device: recorder)
    monkeypatch.setattr(torch, "zeros", lambda *size, pin_memory, **how: zeros(*size, **how))
    for name, stand_in in (
        ("CUDAGraph", lambda: recorder),
        ("graph", recorder.record),
        ("synchronize", recorder.synchronize),
        ("device", lambda device: nullcontext()),
        ("stream", lambda stream: nullcontext()),
    ):
        monkeypatch.setattr(torch.cuda, name, stand_in)
    return recorder


def test_the_way_of_a_gpu_on_a_cpu(given: Given, quick: Generator, recorder: Recorder) -> None:
    """The same code with stand-ins: whole batches always, recorded once, replayed and waited for each time."""
    done, computed = recorder.done, Short(8, MemoryError)
    recorder.lane = lane = Lane(computed, torch.device("cpu"), torch.float32, 8)
    assert computed.seen == [8] * 3
    assert done == ["wait", "wait", "record"]
    mels, faces = (part[:5] for part in given)
    np.testing.assert_array_equal(lane.draw(mels, faces), quick.draw(mels, faces))
    assert done[3:] == ["replay", "wait"]
    assert lane.halve() == 4
    assert done[5:] == ["wait", "wait", "wait", "record"], "nothing is let go that may be in use"
    assert computed.seen[-3:] == [4] * 3
    np.testing.assert_array_equal(lane.draw(mels[:4], faces[:4]), quick.draw(mels[:4], faces[:4]))


def test_a_gpu_that_records_nothing_computes_all_the_same(
    given: Given, quick: Generator, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.spoilt = RuntimeError("CUDA error: operation not permitted when stream is capturing\nCompile with …")
    lane = Lane(toy, torch.device("cpu"), torch.float32, 8)
    mels, faces = (part[:5] for part in given)
    np.testing.assert_array_equal(lane.draw(mels, faces), quick.draw(mels, faces))
    assert recorder.done[3:] == ["wait"], "no replay"
    assert "operation not permitted" in caplog.text
    assert "Compile with" not in caplog.text


def test_a_recording_that_breaks_off_for_want_of_memory_is_made_narrower(
    given: Given, quick: Generator, recorder: Recorder, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is raised at its end says nothing of memory."""

    class Full(Short):
        def __call__(self, audio: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
            recorder.spoilt = None
            recording = recorder.done[-1] == "record"
            if recording and len(face) > 2:
                recorder.spoilt = RuntimeError("CUDA error: operation failed due to a previous error during capture")
                raise torch.OutOfMemoryError("CUDA out of memory")
            return toy(audio, face)

    monkeypatch.setattr(Generator, "_built", lambda self, tensors, kind: Full(8, MemoryError))
    monkeypatch.setattr(module, "cores", lambda: 1)
    narrow = Generator(checkpoint, "cpu", precision="float32")
    assert narrow.batch == 2
    (recorder.lane,) = narrow._free.queue
    np.testing.assert_array_equal(narrow.draw(*given), quick.draw(*given))


def test_memory_is_given_back_only_while_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def refuse() -> None:
        done.append("empty")
        raise RuntimeError("captures_underway.empty() INTERNAL ASSERT FAILED")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", refuse)
    with ThreadPoolExecutor(1) as pool:
        with memory.ALONE:
            giving = pool.submit(memory.release)
            with pytest.raises(TimeoutError):
                giving.result(0.2)
            assert not done
        giving.result(5)  # that torch refuses is no reason to lose a job
    assert done == ["empty"]


@pytest.mark.parametrize(("ampere", "wanted"), [(True, torch.bfloat16), (False, torch.float32)])
def test_older_gpus_compute_in_no_bfloat16(ampere: bool, wanted: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: ampere or including_emulation)
    assert sturdy_on(torch.device("cuda")) == wanted
    assert sturdy_on(torch.device("cpu")) == torch.bfloat16


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_draws_the_same(exact: Generator, checkpoint: Path, given: Given) -> None:
    gpu = Generator(checkpoint, "cuda")
    off = gpu.draw(*given).astype(float) - exact.draw(*given)
    assert 10 * np.log10(255**2 / np.square(off).mean()) > 45
    np.testing.assert_array_equal(gpu.draw(*given), gpu.draw(*given))
    full = Generator(checkpoint, "cuda", precision="float32")
    audio, face = torch.rand(2, 1, 80, 16), torch.rand(2, 6, 96, 96)
    torch.testing.assert_close(full.forward(audio, face), exact.forward(audio, face), rtol=0, atol=1e-4)
