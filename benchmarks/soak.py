"""Long life: a thousand small jobs through one daemon, ten thousand finished ones in done/, and many drops at once.

    python -m benchmarks.soak [JOBS [DONE [DROPS]]]

The daemon is the real one, watching, with the null engine in its real render process and the metrics on.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.crowd import crowd, crowds, rush, times
from benchmarks.endurance import endure, life, mib
from benchmarks.figures import record
from benchmarks.hall import Hall

JOBS, DONE, DROPS = 1000, 10_000, 500


def main(jobs: int = JOBS, done: int = DONE, drops: int = DROPS) -> None:
    """Measure and record."""
    with tempfile.TemporaryDirectory() as name:
        endured = endure(Path(name) / "life", jobs)
        hall = Hall(Path(name) / "crowd")
        empty = times(hall)
        crowd(hall, done)
        full = times(hall)
        seconds, made, peak = rush(Path(name) / "rush", drops)
    rushed = f"{drops} folders dropped at once: {made} in done/ after {seconds:.0f} s, the daemon held {mib(peak)} MiB."
    record("soak", "Long life", f"{life(endured)}\n\n{crowds(empty, full, done)}\n\n{rushed}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
