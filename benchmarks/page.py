"""How long the page takes with 10,000 jobs on the share: the list, searches, filters, the last page, a job; its memory.

The page runs as it does for people: a process of its own, asked over HTTP on this machine. What is measured is the time
from the request to the last byte of the answer.
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from benchmarks import posters
from benchmarks.figures import record, table
from tests.page.shelf import shelf

JOBS = 10_000
ROUNDS = 15
PORT = 7919
ADDRESS = f"http://127.0.0.1:{PORT}"
LIMIT = 0.2
"""Seconds within which a page shall be there."""


def fetch(path: str) -> tuple[float, str]:
    """Give how long an answer takes, and the answer."""
    begin = time.perf_counter()
    with urllib.request.urlopen(f"{ADDRESS}{path}", timeout=60) as answer:
        text = answer.read().decode()
    return time.perf_counter() - begin, text


def wait(until: str) -> float:
    """Load the list until it says something; seconds."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < 120:
        try:
            if until in fetch("/jobs")[1]:
                return time.perf_counter() - begin
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError("the page was not ready in time")


def memory(pid: int) -> tuple[int, int]:
    """Resident bytes of a process: now, and at most so far."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    now, most = (int(re.search(rf"{name}:\s+(\d+)", text)[1]) * 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


def oldest() -> str:
    """Walk to the last page by its links, as a person would."""
    path = "/jobs"
    while True:
        found = re.search(r'rel="next" href="([^"]+)"', fetch(path)[1])
        if not found:
            return path
        path = found[1].replace("&amp;", "&")


def rows(pages: dict[str, str]) -> list[list[str]]:
    """Measure each page."""
    found, late = list[list[str]](), list[str]()
    for name, path in pages.items():
        times = sorted(fetch(path)[0] for _ in range(ROUNDS))
        found.append([name, f"{statistics.median(times) * 1000:.0f} ms", f"{times[-1] * 1000:.0f} ms"])
        print(*found[-1], flush=True)
        if times[len(times) // 2] > LIMIT:
            late.append(name)
    if late:
        sys.exit(f"slower than {LIMIT} s: {', '.join(late)}")
    return found


def gallery(poster: int) -> str:
    """Fetch the pictures of the first page, and say what they take beside posters of so many bytes each."""
    text = fetch("/jobs")[1]
    small, fine = posters.links(text, 320), posters.links(text, 640)
    lines = [
        posters.row("small, made now", posters.fetched(PORT, small)),
        posters.row("small, kept", posters.middle(PORT, small)),
        posters.row("for fine screens, made now", posters.fetched(PORT, fine)),
        posters.row("for fine screens, kept", posters.middle(PORT, fine)),
    ]
    lines.append(["the posters themselves", f"{poster * len(small) / 1000:.0f} kB", "", ""])
    return table([f"the {len(small)} pictures of a page", "bytes", "one after another", "slowest"], lines)


def main() -> None:
    """Measure and record."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shelf(folder / "root", JOBS)
        newest = sorted((folder / "root" / "done").iterdir(), key=lambda home: int(home.name.split()[-1]))[-30:]
        large = posters.hang(folder, newest)
        (folder / "state").mkdir(mode=0o700)
        paths = {"root": str(folder / "root"), "state": str(folder / "state")}
        settings = json.dumps({"paths": paths, "page": {"listen": f"127.0.0.1:{PORT}"}})
        page = subprocess.Popen([sys.executable, "-m", "daemon.page"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert page.stdin
            page.stdin.write(f"{settings}\n".encode())
            page.stdin.flush()
            up = wait("History")
            build = up + wait(f"1–24 of {JOBS}")
            empty = memory(page.pid)[0]
            last = oldest()
            found = rows(
                {
                    "list": "/jobs",
                    "search, 1,667 hits": f"/jobs?q={urllib.parse.quote('周报')}",
                    "search, 1 hit": f"/jobs?q={urllib.parse.quote('周报 7777')}",
                    "search for a CID": "/jobs?q=bafybeid8wb2986xc24e",
                    "filter: failed": "/jobs?show=failed",
                    f"page {-(-JOBS // 24)} (the last)": last,
                    "a job": "/jobs/00000008",
                }
            )
            pictures = gallery(large // len(newest))
            now, most = memory(page.pid)
        finally:
            page.send_signal(signal.SIGTERM)
            page.wait(20)
        index = sum(file.stat().st_size for file in (folder / "state").glob("page.sqlite*"))
    load = os.getloadavg()[0]
    resident = ", ".join(f"{count / 2**20:.0f} MiB {what}" for count, what in ((empty, "then"), (now, "in the end")))
    note = (
        f"Median and worst of {ROUNDS}, over HTTP, at a load of {load:.1f}. {JOBS:,} folders in done/ and failed/, two "
        f"takes each. The list is there {up:.1f} s after the start of the process and complete after {build:.1f} s (the"
        f" first look ever reads every job.json). Memory: {resident}, {most / 2**20:.0f} MiB at most. The index takes "
        f"{index / 2**20:.0f} MiB of disk."
    )
    text = f"{table(['page', 'median', 'worst'], found)}\n\n{pictures}\n\n{note}"
    record("page", f"The page, with {JOBS:,} jobs", text)


if __name__ == "__main__":
    main()
