"""Ten thousand finished jobs, copies of a real one, and many drops at once: what somebody notices of them.

That is how long a small drop takes to come back, what the idle daemon costs, and how long a start and `lipsyncd jobs`
take; with them and without.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.endurance import mib
from benchmarks.figures import table
from benchmarks.hall import Hall
from benchmarks.measure import cost
from daemon.vitals import Vitals, vitals

IDLE = 10.0
ROUNDS = 5


@dataclass(frozen=True)
class Times:
    """What somebody notices of a root.

    Attributes:
        start: Seconds from the command until the inbox is watched.
        first: Seconds from a drop until it is in done/, the first after the start.
        drop: Likewise, of later ones.
        busy: Processor seconds of the daemon for one of those.
        idle: Processor seconds of the daemon for a minute without work.
        jobs: Processor seconds of `lipsyncd jobs`.
        memory: Bytes that the daemon holds.
    """

    start: float
    first: float
    drop: float
    busy: float
    idle: float
    jobs: float
    memory: int


def crowd(hall: Hall, done: int) -> None:
    """Have so many jobs in done/, copies of one that is there."""
    pattern = next(path for path in sorted((hall.root / "done").iterdir()))
    text = (pattern / "job.json").read_text(encoding="utf-8")
    said = json.loads(text)["id"]
    for number in range(hall.count("done"), done):
        target = hall.root / "done" / f"old {number:06}"
        shutil.copytree(pattern, target, copy_function=_linked)
        (target / "job.json").unlink()
        (target / "job.json").write_text(text.replace(said, f"{number:08x}"), encoding="utf-8")


def times(hall: Hall, *, idle: float = IDLE, rounds: int = ROUNDS) -> Times:
    """Measure what somebody notices of a root."""
    begun = time.monotonic()
    with hall.watching() as daemon:
        start = time.monotonic() - begun
        first = _there_and_back(hall, daemon)
        fresh = _seen(daemon.pid)
        back = [_there_and_back(hall, daemon) for _ in range(rounds)]
        worked = _seen(daemon.pid)
        time.sleep(1)
        before = _seen(daemon.pid)
        time.sleep(idle)
        after = _seen(daemon.pid)
    listed = [cost(hall.command("jobs")).cpu for _ in range(rounds)]
    return Times(
        start=start,
        first=first,
        drop=statistics.median(back),
        busy=(worked.cpu - fresh.cpu) / rounds,
        idle=(after.cpu - before.cpu) * 60 / idle,
        jobs=statistics.median(listed),
        memory=after.resident,
    )


def _seen(pid: int) -> Vitals:
    found = vitals(pid)
    if found is None:
        raise RuntimeError("the daemon is gone")
    return found


def rush(place: Path, drops: int) -> tuple[float, int, int]:
    """Drop many folders at once: seconds until all are done, how many are, and the daemon's memory at most."""
    hall = Hall(place)
    peak = 0
    for _ in range(drops):
        hall.drop()
    with hall.watching() as daemon:
        begun = time.monotonic()
        while hall.over < drops:
            peak = max(peak, _seen(daemon.pid).resident)
            time.sleep(0.2)
        return time.monotonic() - begun, hall.count("done"), peak


def _there_and_back(hall: Hall, daemon: subprocess.Popen[bytes]) -> float:
    begun = time.monotonic()
    name = hall.drop(f"new {time.time_ns()}")
    hall.wait((hall.root / "done" / name).exists, daemon, 0.005)
    return time.monotonic() - begun


def crowds(empty: Times, full: Times, done: int) -> str:
    """Give what there is to say of a root with few finished jobs, and of the same one with many."""
    names = {
        "start": "start until the inbox is watched, s",
        "first": "the first drop after it, there and back, s",
        "drop": "later drops, there and back, s",
        "busy": "processor of the daemon for one drop, s",
        "idle": "processor of the idle daemon, s a minute",
        "jobs": "processor of `lipsyncd jobs`, s",
    }
    rows = [[text, f"{getattr(empty, name):.2f}", f"{getattr(full, name):.2f}"] for name, text in names.items()]
    rows.append(["memory of the daemon, MiB", mib(empty.memory), mib(full.memory)])
    return table(["finished jobs in done/", "few", str(done)], rows)


def _linked(source: str, target: str) -> None:
    os.link(source, target)
