"""Seconds of a render, cold and warm, beside a plain transcode of the same clip with the same encoder settings."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import lipsync
from benchmarks import material
from benchmarks.figures import record, table
from benchmarks.measure import cost
from benchmarks.transcode import transcode

RUNS = 3


def seconds(work: object) -> float:
    """How long a call takes, in seconds."""
    begin = time.monotonic()
    work()  # type: ignore[operator]
    return time.monotonic() - begin


def warm(clip: Path, photo: Path, speech: Path, folder: Path) -> dict[str, list[float]]:
    """Renders by one warm studio, each beside a transcode of the same run."""
    studio = lipsync.load(lipsync.Options(device="cpu"))
    out, poster = folder / "out.mp4", folder / "out.jpg"
    figures: dict[str, list[float]] = {"transcode": [], "video": [], "photo": []}
    studio.render(lipsync.Take(clip, speech), out, poster, lambda progress: None)
    for _ in range(RUNS):
        figures["transcode"].append(seconds(lambda: transcode(clip, speech, folder / "plain.mp4")))
        for kind, face in (("video", clip), ("photo", photo)):
            take = lipsync.Take(face, speech)
            figures[kind].append(seconds(lambda: studio.render(take, out, poster, lambda progress: None)))  # noqa: B023
    return figures


def main() -> None:
    """Measure and record."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, speech = material.clip(folder / "clip.mp4", 10), material.speech(folder / "speech.wav", 10)
        photo = material.still(folder / "photo.png")
        figures = warm(clip, photo, speech, folder)
        command = [sys.executable, "-m", "daemon", "render", str(speech), str(clip), "-o", str(folder / "cold")]
        plain = [sys.executable, "-m", "benchmarks.transcode", str(clip), str(speech), str(folder / "plain.mp4")]
        figures["cold transcode"] = [cost(plain).wall for _ in range(RUNS)]
        figures["cold video"] = [cost(command).wall for _ in range(RUNS)]
    middle = {key: statistics.median(values) for key, values in figures.items()}
    rows = []
    for key, peer in (("video", "transcode"), ("photo", "transcode"), ("cold video", "cold transcode")):
        ratio = statistics.median(a / b for a, b in zip(figures[key], figures[peer], strict=True))
        rows.append([key, f"{middle[key]:.2f}", f"{middle[peer]:.2f}", f"{ratio:.2f}×"])
    head = ["10 s of 1280×720 at 25 fps", "render, s", "plain transcode, s", "ratio"]
    record("speed", "Speed", table(head, rows) + f"\n\nMedians of {RUNS} runs. Cold: a new process, imports included.")


if __name__ == "__main__":
    main()
