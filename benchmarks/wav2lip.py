"""Seconds of the engine wav2lip, cold and warm, beside a plain transcode and the reference program's way of working.

    python -m benchmarks.wav2lip [CHECKPOINT]

Without a checkpoint random weights are used: they take as long. The face's place is given, as the reference is given a
box; rows "with the tracker" find it, too.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import lipsync
from benchmarks import material
from benchmarks.brought import checkpoint as random_weights
from benchmarks.figures import record, table
from benchmarks.measure import cost
from benchmarks.transcode import transcode
from lipsync.wav2lip.generator import Generator

RUNS = 3
SECONDS = 10
HEAD = ["10 s of 1280×720 at 25 fps", "s", "plain transcode, s", "ratio"]


def options(checkpoint: Path, tracker: str) -> lipsync.Options:
    """On the CPU, with those weights."""
    return lipsync.Options(engine="wav2lip", tracker=tracker, device="cpu", checkpoint=str(checkpoint))


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def warm(clip: Path, speech: Path, checkpoint: Path, folder: Path) -> dict[str, list[float]]:
    """Renders by warm studios, each beside a transcode of the same round."""
    studios = {kind: lipsync.load(options(checkpoint, kind)) for kind in ("replay", "landmarks")}
    take, out, poster = lipsync.Take(clip, speech), folder / "out.mp4", folder / "out.jpg"
    figures: dict[str, list[float]] = {"transcode": [], **{kind: [] for kind in studios}}
    for round_ in range(RUNS + 1):
        spent = {"transcode": seconds(lambda: transcode(clip, speech, folder / "plain.mp4"))}
        for kind, studio in studios.items():
            spent[kind] = seconds(lambda: studio.render(take, out, poster, lambda progress: None))  # noqa: B023
        if round_:
            for kind, value in spent.items():
                figures[kind].append(value)
    return figures


def cold(clip: Path, speech: Path, checkpoint: Path, folder: Path) -> dict[str, list[float]]:
    """Whole processes, in turns."""
    ours = [sys.executable, "-m", "daemon", "render", str(speech), str(clip), "-o", str(folder / "cold")]
    os.environ |= {
        "LIPSYNCD_RENDER__ENGINE": "wav2lip",
        "LIPSYNCD_RENDER__DEVICE": "cpu",
        "LIPSYNCD_RENDER__WAV2LIP__CHECKPOINT": str(checkpoint),
    }
    plain = [sys.executable, "-m", "benchmarks.transcode", str(clip), str(speech), str(folder / "plain.mp4")]
    peer = [sys.executable, "-m", "benchmarks.plainly", str(clip), str(speech), str(checkpoint), str(folder / "p.mp4")]
    figures: dict[str, list[float]] = {"transcode": [], "replay": [], "landmarks": [], "plainly": []}
    for _ in range(RUNS):
        figures["transcode"].append(cost(plain).wall)
        for kind in ("replay", "landmarks"):
            os.environ["LIPSYNCD_RENDER__TRACKER"] = kind
            figures[kind].append(cost(ours).wall)
        figures["plainly"].append(cost(peer).wall)
    return figures


def likeness(checkpoint: Path, count: int = 16) -> float:
    """PSNR in dB of what the engine's precision draws against float32, on noise and portraits alike."""
    dice = np.random.default_rng(0)
    mels = dice.uniform(-4, 4, (count, 80, 16)).astype(np.float32)
    faces = dice.integers(0, 256, (count, 96, 96, 3), np.uint8)
    fast = Generator(checkpoint, "cpu").draw(mels, faces)
    exact = Generator(checkpoint, "cpu", precision="float32").draw(mels, faces)
    wrong = float(((fast.astype(np.float64) - exact) ** 2).mean())
    return float(10 * np.log10(255**2 / max(wrong, 1e-9)))


def rows(title: str, figures: dict[str, list[float]], names: dict[str, str]) -> list[list[str]]:
    """Medians, and the median of the ratios of each round."""
    peer = figures["transcode"]
    found = []
    for kind, name in names.items():
        ratio = statistics.median(a / b for a, b in zip(figures[kind], peer, strict=True))
        middle = statistics.median(figures[kind])
        found.append([f"{name}, {title}", f"{middle:.2f}", f"{statistics.median(peer):.2f}", f"{ratio:.2f}×"])
    return found


def main(words: Sequence[str] = ()) -> None:
    """Measure and record."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = Path(words[0]) if words else random_weights(folder / "random.pth")
        clip, speech = material.clip(folder / "clip.mp4", SECONDS), material.speech(folder / "speech.wav", SECONDS)
        names = {"replay": "wav2lip, place given", "landmarks": "wav2lip, with the tracker"}
        found = rows("cold", cold(clip, speech, checkpoint, folder), names | {"plainly": "as the reference does it"})
        found += rows("warm", warm(clip, speech, checkpoint, folder), names)
        alike = likeness(checkpoint)
    note = f"Medians of {RUNS} rounds. Cold: a new process. Fast precision against float32: {alike:.1f} dB."
    record("wav2lip", "Wav2Lip", f"{table(HEAD, found)}\n\n{note}")


if __name__ == "__main__":
    main(sys.argv[1:])
