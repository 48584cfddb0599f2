"""Peak memory of a render of one minute and of five: it must follow the batch, not the length."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks import material
from benchmarks.figures import record, table
from benchmarks.measure import cost


def main() -> None:
    """Measure and record."""
    rows, peaks = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = material.clip(folder / "clip.mp4", 20)
        for minutes in (1, 5):
            speech = material.speech(folder / f"{minutes}.wav", 60 * minutes)
            out = folder / f"out{minutes}"
            spent = cost([sys.executable, "-m", "daemon", "render", str(speech), str(clip), "-o", str(out)])
            peaks.append(spent.memory)
            rows.append([f"{minutes} min", f"{spent.memory / 2**20:.0f}", f"{spent.wall:.0f}"])
    text = table(["1280×720 video, speech of", "peak memory, MiB", "wall, s"], rows)
    record("memory", "Memory", f"{text}\n\nFive minutes against one: {peaks[1] / peaks[0]:.2f}×.")


if __name__ == "__main__":
    main()
