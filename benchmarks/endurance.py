"""Many small jobs through one daemon, one after the other: what it and its render process hold all the while.

Their memory, open files and threads are read from /proc after every few jobs. A slope is the median of the slopes
between all pairs of samples after the first tenth (Theil and Sen), so that one step is not taken for a leak; steps show
in the difference between the medians of the first and of the last of them. The render process is started afresh after
200 videos: each is looked at alone, after its first 50 videos, and the worst counts.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.figures import table
from benchmarks.hall import Hall
from daemon.vitals import Vitals, vitals

AHEAD = 6
"""Folders that wait in the inbox at any time."""
EVERY = 5
"""Jobs between two samples."""
WARM = 50
"""Videos after which a render process has what it needs: it remembers the last 32 speeches."""


@dataclass(frozen=True)
class Sample:
    """What both processes hold when so many jobs are done; ``pid`` is the render process."""

    jobs: int
    daemon: Vitals
    pid: int
    renderer: Vitals


@dataclass(frozen=True)
class Endured:
    """A long run: its samples, and what the daemon counted itself."""

    samples: tuple[Sample, ...]
    seconds: float
    counted: float


def endure(place: Path, jobs: int, *, sign: bool = False) -> Endured:
    """Have one daemon do many small jobs, one after the other, and look at it all the while."""
    hall = Hall(place, sign=sign)
    samples: list[Sample] = []
    with hall.watching() as daemon:
        begun = time.monotonic()
        dropped = done = looked = 0
        while done < jobs:
            while dropped < jobs and dropped - done < AHEAD:
                hall.drop()
                dropped += 1
            hall.wait(partial(_more, hall, done), daemon)
            done = hall.over
            if done - looked >= EVERY and (sample := _sample(daemon.pid, done)):
                looked = done
                samples.append(sample)
        seconds = time.monotonic() - begun
        hall.wait(lambda: _counted(hall) >= jobs, daemon)  # the last one is counted once it has moved
        return Endured(tuple(samples), seconds, _counted(hall))


def _more(hall: Hall, before: int) -> bool:
    return hall.over > before


def _counted(hall: Hall) -> float:
    found = re.search(r'jobs_finished_total\{outcome="done"\} ([\d.e+]+)', hall.shown())
    return float(found[1]) if found else 0.0


def slope(pairs: Sequence[tuple[float, float]]) -> float:
    """Give how much something grows in a hundred jobs: the median over all pairs."""
    jobs, values = np.array(pairs, np.float64).T
    one, other = np.triu_indices(len(jobs), 1)
    return float(np.median((values[other] - values[one]) / (jobs[other] - jobs[one])) * 100)


def step(endured: Endured, what: str) -> float:
    """Give how much more of something the daemon has in the last tenth of the jobs than in the second."""
    jobs = endured.samples[-1].jobs
    second = [getattr(one.daemon, what) for one in endured.samples if 0.1 < one.jobs / jobs <= 0.2]
    last = [getattr(one.daemon, what) for one in endured.samples if one.jobs / jobs > 0.9]
    return float(statistics.median(last) - statistics.median(second))


def growth(endured: Endured, what: str) -> float:
    """Give how much the daemon's memory ("resident"), "files" or "threads" grow in a hundred jobs."""
    skip = endured.samples[-1].jobs / 10
    return slope([(one.jobs, getattr(one.daemon, what)) for one in endured.samples if one.jobs > skip])


def growth_inside(endured: Endured, what: str) -> float:
    """Likewise of the render process: the worst of all of them."""
    found = []
    for pid in {one.pid for one in endured.samples}:
        mine = [one for one in endured.samples if one.pid == pid]
        late = [(one.jobs, getattr(one.renderer, what)) for one in mine if one.jobs - mine[0].jobs >= WARM]
        if len(late) >= 5:
            found.append(slope(late))
    return max(found, default=0.0)


def life(endured: Endured) -> str:
    """Give what there is to say of a long run."""
    last = endured.samples[-1]
    rows: list[list[object]] = [
        ["daemon: memory, MiB", mib(last.daemon.resident), f"{growth(endured, 'resident') / 2**20:+.2f}"],
        ["daemon: open files", last.daemon.files, f"{growth(endured, 'files'):+.2f}"],
        ["daemon: threads", last.daemon.threads, f"{growth(endured, 'threads'):+.2f}"],
        ["renderer: memory, MiB", mib(last.renderer.resident), f"{growth_inside(endured, 'resident') / 2**20:+.2f}"],
        ["renderer: open files", last.renderer.files, f"{growth_inside(endured, 'files'):+.2f}"],
        ["renderer: threads", last.renderer.threads, f"{growth_inside(endured, 'threads'):+.2f}"],
    ]
    processes = len({one.pid for one in endured.samples})
    said = f"{endured.counted:.0f} jobs in {endured.seconds:.0f} s; {processes} render processes."
    rise = f"From the second tenth of the jobs to the last the daemon's memory rose by {mib(step(endured, 'resident'))}"
    return f"{table(['', 'at the end', 'slope in 100 jobs'], rows)}\n\n{said} {rise} MiB."


def mib(size: float) -> str:
    """Give a number of bytes in MiB."""
    return f"{size / 2**20:.1f}"


def _sample(pid: int, jobs: int) -> Sample | None:
    """Look at both processes; None while no render process runs."""
    daemon = vitals(pid)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        renderer = vitals(int(child))
        if daemon and renderer and b"render_process" in Path(f"/proc/{child}/cmdline").read_bytes():
            return Sample(jobs, daemon, int(child), renderer)
    return None
