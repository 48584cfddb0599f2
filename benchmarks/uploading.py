"""A gigabyte uploaded to the page: how fast, and how much memory its process takes, by script and by the plain form."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import record, table
from tests.page.uploader import PIECE, Browser, Process, page

LENGTH = 1 << 30
LIMIT = 16 << 20
"""Bytes that a gigabyte may take more than two megabytes do."""
BEGIN = b"\0\0\0\x08free"


def measured(shown: Process, upload: Callable[[int], None]) -> list[str]:
    """Upload little and much, and give a row of figures."""
    upload(2 << 20)
    before = shown.memory()[1]
    begin = time.perf_counter()
    upload(LENGTH)
    seconds = time.perf_counter() - begin
    after = shown.memory()[1]
    if after - before > LIMIT:
        sys.exit(f"a gigabyte takes {(after - before) >> 20} MiB more memory")
    rate = f"{LENGTH / 1e6 / seconds:.0f} MB/s"
    return [f"{seconds:.1f} s", rate, f"{before / 2**20:.1f} MiB", f"{after / 2**20:.1f} MiB"]


def main() -> None:
    """Measure and record."""
    rows = []
    with tempfile.TemporaryDirectory() as name, page(Path(name)) as shown:
        browser = Browser(shown.port)
        tray = browser.begin()
        number = iter(range(9))

        def pieces(length: int) -> None:
            browser.upload(tray, f"{next(number)}.mp4", length, BEGIN)

        def form(length: int) -> None:
            if browser.form(length, {"hello.wav": b"RIFF" + bytes(40)}) != 303:
                sys.exit("the form was not taken")

        rows.append([f"by script, {PIECE >> 20} MiB at a time (PATCH)", *measured(shown, pieces)])
        rows.append(["by the form without script (multipart)", *measured(shown, form)])
    head = ["1 GiB", "time", "rate", "memory before, at most", "memory after, at most"]
    note = (
        f"To a process of its own over HTTP on this machine, at a load of {os.getloadavg()[0]:.1f}; browser and page "
        "share its cores. The time includes that the disk has it (fsync). Memory: the most that was ever resident."
    )
    record("uploading", "The page: a gigabyte uploaded", f"{table(head, rows)}\n\n{note}")


if __name__ == "__main__":
    main()
