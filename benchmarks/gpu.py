"""What the device does: frames a second of both engines at 720p and 1080p, and what takes how long.

    python -m benchmarks.gpu [--device cpu] [CHECKPOINT]

On a GPU where there is one, else on the CPU, which the table says. Without a checkpoint known random weights are used:
they take as long. One render of each is measured as it runs; another, in which every part waits for the one before, so
that each is charged with its own time, says what the parts cost. In the first they overlap.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

import lipsync
from benchmarks import brought, material
from benchmarks.figures import record, table
from lipsync import drawing
from lipsync.articulation import Articulation
from lipsync.detector import Detector
from lipsync.ferry import Ferry
from lipsync.gpu_paint import Painter
from lipsync.landmarks import Landmarks
from lipsync.media.encoder import encoder_name
from lipsync.wav2lip.generator import Generator
from lipsync.wav2lip.gpu_patch import Overlay
from lipsync.wav2lip.lane import Lane
from lipsync.wav2lip.precision import KINDS

SECONDS, RUNS = {"cuda": 8, "cpu": 3}, {"cuda": 3, "cpu": 1}
"""A CPU takes long."""
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
FLOOR = 7.93e9
"""Operations of the network of Wav2Lip for a frame."""
SIDE = 4096
HEAD = ["engine", "size", "frames/s", "network", "copy", "codec", "the rest", "codec alone, frames/s"]
PARTS: dict[str, list[tuple[object, str]]] = {
    "network": [
        *((Articulation, "_hear"), (Detector, "find"), (Landmarks, "_read"), (Lane, "_run")),
        *((Painter, "_laid"), (drawing, "painted"), (Overlay, "_pasted")),
    ],
    "copy": [(Lane, "_send"), (Lane, "_fetch"), (Ferry, "over"), (Ferry, "back")],
}
"""What is charged to which part; painting is the network of the engine reshape. On a GPU, so is what pastes there."""


class Bill:
    """Seconds by part; what one part does within another is charged to the inner one."""

    def __init__(self, device: str) -> None:
        self.seconds: Counter[str] = Counter()
        self._gpu = device == "cuda"
        self._inner = threading.local()
        self._lock = threading.Lock()
        self._alone = threading.RLock()

    @contextlib.contextmanager
    def charging(self) -> Iterator[None]:
        """Charge everything that is computed meanwhile."""
        with contextlib.ExitStack() as stack:
            for part, places in PARTS.items():
                for owner, name in places:
                    plain = getattr(owner, name)
                    setattr(owner, name, self._charged(part, plain))
                    stack.callback(setattr, owner, name, plain)
            yield

    def _charged(self, part: str, work: Callable[..., object]) -> Callable[..., object]:
        def charged(*arguments: object, **named: object) -> object:
            above = getattr(self._inner, "seconds", 0.0)
            self._inner.seconds = 0.0
            with self._waiting():
                begin = time.perf_counter()
                try:
                    return work(*arguments, **named)
                finally:
                    _finished("cuda" if self._gpu else "cpu")
                    spent = time.perf_counter() - begin
                    with self._lock:
                        self.seconds[part] += spent - self._inner.seconds
                    self._inner.seconds = above + spent

        return charged

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """Have a GPU to oneself: what other threads have it do is not charged here."""
        if not self._gpu:
            yield
            return
        with self._alone:
            torch.cuda.synchronize()
            yield


def measured(options: lipsync.Options, clip: Path, speech: Path, folder: Path) -> tuple[float, Counter[str]]:
    """Seconds of a warm render, the least of some, and of the parts of one that is charged."""
    studio = lipsync.load(options)

    def render() -> float:
        begin = time.perf_counter()
        studio.render(lipsync.Take(clip, speech), folder / "out.mp4", folder / "out.jpg", lambda progress: None)
        return time.perf_counter() - begin

    render()
    least = min(render() for _ in range(RUNS[options.device]))
    bill = Bill(options.device)
    with bill.charging():
        bill.seconds["whole"] = render()
    return least, bill.seconds


def rows(size: str, options: lipsync.Options, folder: Path) -> Iterator[list[str]]:
    """Lines of the table: both engines with a clip of that size."""
    seconds = SECONDS[options.device]
    clip = material.clip(folder / f"{size}.mp4", seconds, *SIZES[size])
    speech = material.speech(folder / "speech.wav", seconds)
    codec, _ = measured(replace(options, engine="null"), clip, speech, folder)
    frames = seconds * 25
    for engine in ("reshape", "wav2lip"):
        least, spent = measured(replace(options, engine=engine), clip, speech, folder)
        shares = [part / spent["whole"] for part in (spent["network"], spent["copy"], codec)]
        rest = max(0.0, 1 - sum(shares))
        yield [
            *(engine, size, f"{frames / least:.1f}"),
            *(f"{share:.0%}" for share in (*shares, rest)),
            f"{frames / codec:.0f}",
        ]


def network(checkpoint: Path, device: str) -> str:
    """Say how fast the network alone is, and how fast the device multiplies matrices."""
    generator = Generator(checkpoint, device)
    lane = generator._free.get()
    kind = KINDS[generator.precision]

    def run() -> None:
        with torch.inference_mode(), lane._streaming():
            lane._run(lane.batch)
        _finished(device)

    each = min(_seconds(run) for _ in range(10)) / lane.batch
    side = torch.rand((SIDE, SIDE) if device == "cuda" else (SIDE // 4, SIDE // 4), device=device).to(kind)
    product = min(_seconds(lambda: (side @ side, _finished(device))) for _ in range(10))
    most = 2 * side.shape[0] ** 3 / product
    return (
        f"The network of Wav2Lip alone, {generator.precision}, {lane.batch} faces at once, one lane"
        f"{'' if lane._graph or device == 'cpu' else ', not recorded as a graph'}: "
        f"{1 / each:.0f} frames/s, {FLOOR / each / 1e9:.0f} GFLOP/s. "
        f"At the speed of large matrix products here ({most / 1e9:.0f} GFLOP/s) its {FLOOR / 1e9:.2f} GFLOP a frame "
        f"would allow {most / FLOOR:.0f} frames/s."
    )


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _finished(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("checkpoint", nargs="?", type=Path)
    given = parser.parse_args()
    name = torch.cuda.get_device_name() if given.device == "cuda" else "the CPU: there is no GPU here"
    lines, lacking = [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        checkpoint = given.checkpoint or brought.checkpoint(folder / "random.pth")
        options = lipsync.Options(device=given.device, checkpoint=str(checkpoint))
        for size in SIZES:
            try:
                lines += rows(size, options, folder)
            except lipsync.LipsyncError as error:
                lacking.append(f"{size}: {error}")
        alone = network(checkpoint, given.device)
    encoder = encoder_name("auto", given.device)
    text = (
        f"Device: {name}; encoder: {encoder}. {SECONDS[given.device]} s at 25 fps, warm, the fastest of "
        f"{RUNS[given.device]}. The parts are shares of a render in which none overlaps on the device; network is all "
        "that is computed on it, painting included; codec is a render of the same clip by the engine null, which only "
        "decodes and encodes. On a CPU the parts run side by side in several threads, so that their shares may exceed "
        "the whole."
    )
    text = "\n\n".join([text, table(HEAD, lines), alone, *(f"Not measured: {one}" for one in lacking)])
    record("gpu", "The device", text)


if __name__ == "__main__":
    main()
