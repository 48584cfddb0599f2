"""A large file is read, cut, proven and signed in little memory, whatever its size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MEBIBYTE = 1024 * 1024

PROGRAM = """
import json, sys
from pathlib import Path
from publishers.arweave.data import Data
from publishers.arweave.network import Gateway
from publishers.arweave.wallet import Wallet
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
data = Data.of(Path(sys.argv[1]))
for index in range(data.chunks):
    data.chunk(index).document
print(json.dumps({"before": before, "after": peak(), "chunks": data.chunks}))
"""


def grown(path: Path) -> tuple[int, int]:
    """Give the chunks of a file, and the KiB that a process grew by in making them all."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True)
    said = json.loads(ran.stdout)
    return said["chunks"], said["after"] - said["before"]


def test_sixty_megabytes_take_a_few(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(60 * MEBIBYTE + 1)
    chunks, kib = grown(path)
    assert chunks == 241
    assert kib < 6 * 1024


def test_a_larger_one_takes_no_more_than_its_tree(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(256 * MEBIBYTE)
    chunks, kib = grown(path)
    assert chunks == 1024
    assert kib < 7 * 1024
