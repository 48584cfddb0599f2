"""Frames a second of tracking and drawing together, without any codec.

    python -m benchmarks.pace [CLIP …]

The whole engine runs; decoded frames are held in memory before the clock starts (each is copied once in each pass,
which counts), and nothing is encoded. The speech has been listened to before. Photos are tracked once.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import material
from benchmarks.figures import record, table
from benchmarks.uncoded import HeldSource, Uncoded
from lipsync.media import open_face
from lipsync.take import Options
from lipsync.threads import cores, settle_threads

RUNS = 3
SECONDS = 10
OPTIONS = Options(device="cpu", width=1280, height=720)
HEAD = (
    "face",
    "size",
    "pixels between the eyes",
    "look, ms a frame",
    "draw, ms a frame",
    "processor, ms a frame",
    "frames/s",
)


def row(engine: Uncoded, face: Path, speech: Path) -> list[str]:
    """Medians of ``RUNS`` runs of one face after one that is not counted."""
    source = open_face(face, OPTIONS)
    frames = list(source.frames())
    held = HeldSource.of(source, frames)
    apart = engine.apart(held)
    engine.draw(held, speech)
    runs = [engine.draw(held, speech) for _ in range(RUNS)]
    count = len(runs[0].frames)
    spent = [statistics.median(getattr(run, stage) for run in runs) for stage in ("look", "draw", "busy")]
    pace = statistics.median(count / (run.look + run.draw) for run in runs)
    size = f"{source.width}×{source.height}"
    return [face.stem, size, f"{apart:.0f}", *(f"{one / count * 1000:.1f}" for one in spent), f"{pace:.0f}"]


def main(words: Sequence[str] = ()) -> None:
    """Measure and record."""
    settle_threads()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        faces = [Path(word) for word in words]
        if not faces:
            faces = [material.still(folder / "photo.png"), material.clip(folder / "video.mp4", SECONDS)]
        speech = material.speech(folder / "speech.wav", SECONDS)
        engine = Uncoded(OPTIONS)
        rows = [row(engine, face, speech) for face in faces]
    note = f"{SECONDS} s of speech on {cores()} cores, medians of {RUNS} runs; frames in memory, no codec."
    record("pace", "Tracking and drawing, without codec", f"{table(HEAD, rows)}\n\n{note}")


if __name__ == "__main__":
    main(sys.argv[1:])
