"""One speech, N faces, through the real daemon: the cost of a face must not grow with their number."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import material
from benchmarks.figures import record, table
from benchmarks.measure import cost


def main() -> None:
    """Measure and record."""
    rows, each = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo, speech = material.still(folder / "photo.png"), material.speech(folder / "speech.wav", 10)
        os.environ |= {"LIPSYNCD_PATHS__STATE": str(folder / "state"), "LIPSYNCD_INBOX__SETTLE": "0.2"}
        for count in (1, 2, 4, 8):
            root = folder / f"root{count}"
            drop = root / "inbox" / "drop"
            drop.mkdir(parents=True)
            shutil.copy(speech, drop)
            for number in range(count):
                shutil.copy(photo, drop / f"face{number}.png")
            os.environ["LIPSYNCD_PATHS__ROOT"] = str(root)
            spent = cost([sys.executable, "-m", "daemon", "watch", "--once"])
            each.append(spent.wall)
            rows.append([count, f"{spent.wall:.1f}", f"{spent.wall / count:.1f}"])
    per_face = (each[3] - each[0]) / 7, (each[1] - each[0])
    text = table(["faces on one 10 s speech (720p photos)", "whole daemon run, s", "s per face"], rows)
    note = f"One more face costs {per_face[1]:.1f} s from 1 to 2, and {per_face[0]:.1f} s on average up to 8."
    record("faces", "Faces on one speech", f"{text}\n\n{note}")


if __name__ == "__main__":
    main()
