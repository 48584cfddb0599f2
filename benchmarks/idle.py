"""What the daemon costs while nothing happens, with 1,000 finished jobs on the share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import record, table
from daemon.job import Job, JobTake, Made, State, TakeState
from daemon.journal import Journal, dumps

JOBS = 1000
SETTLED, MEASURED = 5.0, 60.0
"""Seconds that the start is given, and seconds that are measured then."""


def finished(root: Path, number: int) -> None:
    """Put one finished job with two videos into done/."""
    home = root / "done" / f"talk {number}"
    (home / "inputs").mkdir(parents=True)
    made = Made(10.0, 9.98, 1280, 720, "25", 250, 250, "reshape", "1")
    takes = tuple(
        JobTake(name, f"{name}.png", "voice.wav", state=TakeState.RENDERED, made=made) for name in ("ann", "bob")
    )
    job = Job(f"{number:08x}", home.name, "2026-11-21T00:00:00.000+00:00", "reshape", takes, State.DONE)
    (home / "job.json").write_text(dumps(job), encoding="utf-8")
    for file in ("ann.mp4", "ann.jpg", "bob.mp4", "bob.jpg", "manifest.json", "post.md", "inputs/voice.wav"):
        (home / file).write_bytes(b"x" * 1000)


def processor_seconds(pid: int) -> float:
    """Seconds of processor time that a process has used so far, with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def idle(folder: Path, watch: str) -> tuple[float, int]:
    """Give the share of a core and the memory that an idle daemon takes."""
    os.environ |= {"LIPSYNCD_PATHS__ROOT": str(folder / "root"), "LIPSYNCD_PATHS__STATE": str(folder / "state")}
    os.environ["LIPSYNCD_INBOX__WATCH"] = watch
    daemon = subprocess.Popen([sys.executable, "-m", "daemon", "watch"], stderr=subprocess.DEVNULL)
    try:
        time.sleep(SETTLED)
        begin = processor_seconds(daemon.pid), time.monotonic()
        time.sleep(MEASURED)
        spent = processor_seconds(daemon.pid) - begin[0]
        return spent / (time.monotonic() - begin[1]), memory(daemon.pid)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(20)


def main() -> None:
    """Measure and record."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(JOBS):
            finished(folder / "root", number)
        rows = []
        for watch in ("events", "poll"):
            share, resident = idle(folder, watch)
            rows.append([watch, f"{share:.3%}", f"{resident / 2**20:.0f} MiB"])
        begin = time.process_time()
        assert len(Journal(folder / "root").jobs()) == JOBS
        listed = time.process_time() - begin
    text = table(["inbox.watch", "processor, share of one core", "memory"], rows)
    note = f"Over {MEASURED:.0f} s each, default interval. `lipsyncd jobs` reads the {JOBS:,} jobs in {listed:.2f} s."
    record("idle", f"Idle, with {JOBS:,} finished jobs in done/", f"{text}\n\n{note}")


if __name__ == "__main__":
    main()
