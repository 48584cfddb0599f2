"""sha256 and CID in one pass, beside a plain sha256 of the same file; and that memory does not follow the size."""

from __future__ import annotations

import hashlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import record, table
from benchmarks.measure import cost
from publishers import PROFILES, identify

SIZE = 400 * 2**20
ROUNDS = 7
SPARSE = (64 * 2**20, 2 * 2**30)
IDENTIFY = "import sys, pathlib, publishers; publishers.identify(pathlib.Path(sys.argv[1]))"


def main() -> None:
    """Measure and record."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        speeds = _speeds(folder)
        peaks = [_peak(folder / f"{size}.bin", size) for size in SPARSE]
    plain = speeds.pop("sha256 alone")
    rows = [["sha256 alone", f"{plain:.0f}", "1"]]
    rows += [[name, f"{speed:.0f}", f"{speed / plain:.2f}"] for name, speed in speeds.items()]
    text = table(["one pass over 400 MiB in cache", "MiB/s", "of plain sha256"], rows)
    load = os.getloadavg()[0]
    small, large = (peak / 2**20 for peak in peaks)
    memory = f"Peak memory: {small:.1f} MiB for a file of 64 MiB, {large:.1f} MiB for one of 2 GiB."
    record("hashing", "Hashing", f"{text}\n\nBest of {ROUNDS}, load {load:.1f} (it needs two cores). {memory}")


def _speeds(folder: Path) -> dict[str, float]:
    """MiB a second of each way, measured in turns so that the machine's moods meet all of them."""
    path = folder / "random.bin"
    piece = random.Random(1).randbytes(2**20)
    with path.open("wb") as file:
        file.writelines(number.to_bytes(4) + piece[4:] for number in range(SIZE // 2**20))
    ways: dict[str, Callable[[], object]] = {"sha256 alone": lambda: _plain(path)}
    ways |= {f"sha256 + CID, {name}": lambda name=name: identify(path, profile=name) for name in PROFILES}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            best[name] = min(best[name], time.perf_counter() - begin)
    return {name: SIZE / 2**20 / seconds for name, seconds in best.items()}


def _plain(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _peak(path: Path, size: int) -> int:
    with path.open("wb") as file:
        file.truncate(size)
    return cost([sys.executable, "-c", IDENTIFY, str(path)]).memory


if __name__ == "__main__":
    main()
