"""Long life: a thousand small jobs through one daemon, ten thousand finished ones in done/, and many drops at once.

    python -m benchmarks.soak [JOBS [DONE [DROPS]]]

The daemon is the real one, watching, with the null engine in its real render process and the metrics on. Its memory,
open files and threads are read from /proc after every few jobs, and those of the render process too. A slope is the
median of the slopes between all pairs of samples after the first tenth (Theil and Sen), so that one step is not taken
for a leak; steps show in the difference between the medians of the first and of the last of them. The render process
is started afresh after 200 videos: each is looked at alone, after its first 50 videos, and the worst counts.

Ten thousand finished jobs are copies of a real one. Measured is what somebody notices: how long a small drop takes to
come back, what the idle daemon costs, how long a start and `lipsyncd jobs` take; with them and without.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.figures import record, table
from benchmarks.measure import cost
from daemon.vitals import Vitals, vitals

JOBS, DONE, DROPS = 1000, 10_000, 500
AHEAD = 6
"""Folders that wait in the inbox at any time."""
EVERY = 5
"""Jobs between two samples."""
IDLE = 10.0
ROUNDS = 5
WARM = 50
"""Videos after which a render process has what it needs: it remembers the last 32 speeches."""

CONFIG = """
[paths]
root = "{root}"
state = "{state}"
[inbox]
settle = 0.2
interval = 1
[limits]
free_bytes = 0
[render]
engine = "null"
device = "cpu"
[credentials]
sign = {sign}
[publish]
to = ["folder"]
[publish.folder]
path = "{kept}"
[metrics]
listen = "127.0.0.1:0"
"""


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


class Hall:
    """A root with a config file, and real daemons on it."""

    def __init__(self, place: Path, *, sign: bool = False) -> None:
        self.place = place
        self.root = place / "root"
        self.log = place / "log"
        place.mkdir(parents=True, exist_ok=True)
        for name in ("root/inbox", "root/working", "root/done", "root/failed", "kept"):
            (place / name).mkdir(parents=True, exist_ok=True)
        self.config = place / "config.toml"
        folders = {"root": self.root, "state": place / "state", "kept": place / "kept"}
        self.config.write_text(CONFIG.format(**folders, sign=str(sign).lower()), encoding="utf-8")
        self._made = 0
        _material(place)

    def command(self, *words: str) -> list[str]:
        """Give a command of lipsyncd on this root."""
        return [sys.executable, "-m", "daemon", *words, "--config", str(self.config)]

    def drop(self, name: str = "") -> str:
        """Put a folder together elsewhere and move it in; each speech is another one."""
        self._made += 1
        name = name or f"job {self._made:05}"
        upload = self.place / "upload"
        upload.mkdir()
        shutil.copyfile(self.place / "face.jpg", upload / "face.jpg")
        _sound(upload / "words.wav", self._made)
        upload.rename(self.root / "inbox" / name)
        return name

    def count(self, place: str) -> int:
        """Count what is in a place."""
        with os.scandir(self.root / place) as entries:
            return sum(1 for _ in entries)

    @contextmanager
    def watching(self) -> Iterator[subprocess.Popen[bytes]]:
        """A daemon that is ready."""
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            daemon = subprocess.Popen(self.command("watch"), stdout=log, stderr=log, cwd=self.place)
        try:
            self.wait(lambda: '"event": "ready"' in self._said(before), daemon, 0.005)
            yield daemon
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(20)

    def wait(
        self, until: Callable[[], bool], daemon: subprocess.Popen[bytes], nap: float = 0.02, seconds: float = 120
    ) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end or daemon.poll() is not None:
                raise RuntimeError(f"waited in vain, daemon {daemon.poll()}: {self._said(0)[-2000:]}")
            time.sleep(nap)

    def shown(self) -> str:
        """What the daemon shows to Prometheus."""
        address = re.findall(r'"event": "metrics are shown".*"address": "([^"]+)"', self._said(0))[-1]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
            return str(answer.read().decode())

    def _said(self, start: int) -> str:
        with self.log.open("rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")


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
            before = done
            hall.wait(lambda before=before: hall.count("done") + hall.count("failed") > before, daemon)
            done = hall.count("done") + hall.count("failed")
            if done - looked >= EVERY and (sample := _sample(daemon.pid, done)):
                looked = done
                samples.append(sample)
        seconds = time.monotonic() - begun
        hall.wait(lambda: _counted(hall) >= jobs, daemon)  # the last one is counted once it has moved
        return Endured(tuple(samples), seconds, _counted(hall))


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
    return statistics.median(last) - statistics.median(second)


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
        while hall.count("done") + hall.count("failed") < drops:
            peak = max(peak, _seen(daemon.pid).resident)
            time.sleep(0.2)
        return time.monotonic() - begun, hall.count("done"), peak


def _there_and_back(hall: Hall, daemon: subprocess.Popen[bytes]) -> float:
    begun = time.monotonic()
    name = hall.drop(f"new {time.time_ns()}")
    hall.wait((hall.root / "done" / name).exists, daemon, 0.005)
    return time.monotonic() - begun


def _sample(pid: int, jobs: int) -> Sample | None:
    """Look at both processes; None while no render process runs."""
    daemon = vitals(pid)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        renderer = vitals(int(child))
        if daemon and renderer and b"render_process" in Path(f"/proc/{child}/cmdline").read_bytes():
            return Sample(jobs, daemon, int(child), renderer)
    return None


def _material(place: Path) -> None:
    ramp = np.linspace(0, 255, 128, dtype=np.uint8)
    picture = np.stack([*np.meshgrid(ramp, ramp), np.full((128, 128), 90, np.uint8)], -1)
    Image.fromarray(picture).save(place / "face.jpg")


def _sound(path: Path, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(-3000, 3000, 4800).astype("<i2")
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(noise.tobytes())


def _linked(source: str, target: str) -> None:
    os.link(source, target)


def _mib(size: float) -> str:
    return f"{size / 2**20:.1f}"


def _life(endured: Endured) -> str:
    last = endured.samples[-1]
    rows = [
        ["daemon: memory, MiB", _mib(last.daemon.resident), f"{growth(endured, 'resident') / 2**20:+.2f}"],
        ["daemon: open files", last.daemon.files, f"{growth(endured, 'files'):+.2f}"],
        ["daemon: threads", last.daemon.threads, f"{growth(endured, 'threads'):+.2f}"],
        ["renderer: memory, MiB", _mib(last.renderer.resident), f"{growth_inside(endured, 'resident') / 2**20:+.2f}"],
        ["renderer: open files", last.renderer.files, f"{growth_inside(endured, 'files'):+.2f}"],
        ["renderer: threads", last.renderer.threads, f"{growth_inside(endured, 'threads'):+.2f}"],
    ]
    processes = len({one.pid for one in endured.samples})
    said = f"{endured.counted:.0f} jobs in {endured.seconds:.0f} s; {processes} render processes."
    rise = (
        f"From the second tenth of the jobs to the last the daemon's memory rose by {_mib(step(endured, 'resident'))}"
    )
    return f"{table(['', 'at the end', 'slope in 100 jobs'], rows)}\n\n{said} {rise} MiB."


def _crowds(empty: Times, full: Times, done: int) -> str:
    names = {
        "start": "start until the inbox is watched, s",
        "first": "the first drop after it, there and back, s",
        "drop": "later drops, there and back, s",
        "busy": "processor of the daemon for one drop, s",
        "idle": "processor of the idle daemon, s a minute",
        "jobs": "processor of `lipsyncd jobs`, s",
    }
    rows = [[text, f"{getattr(empty, name):.2f}", f"{getattr(full, name):.2f}"] for name, text in names.items()]
    rows.append(["memory of the daemon, MiB", _mib(empty.memory), _mib(full.memory)])
    return table(["finished jobs in done/", "few", str(done)], rows)


def main(jobs: int = JOBS, done: int = DONE, drops: int = DROPS) -> None:
    """Measure and record."""
    with tempfile.TemporaryDirectory() as name:
        endured = endure(Path(name) / "life", jobs)
        hall = Hall(Path(name) / "crowd")
        empty = times(hall)
        crowd(hall, done)
        full = times(hall)
        seconds, made, peak = rush(Path(name) / "rush", drops)
    rushed = (
        f"{drops} folders dropped at once: {made} in done/ after {seconds:.0f} s, the daemon held {_mib(peak)} MiB."
    )
    record("soak", "Long life", f"{_life(endured)}\n\n{_crowds(empty, full, done)}\n\n{rushed}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
