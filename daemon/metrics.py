"""Metrics: counts what happens, for Prometheus. Says how many and how long, never of whom: no name is ever a label.

The main loop tells what it does and leaves a picture of what is in hand; whoever asks is answered from that, in a
thread of the server, and nobody waits for anybody.
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Count
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from daemon.job import TakeState
from daemon.message import Gpu
from daemon.metrics_read import Reader, Running
from daemon.picture import Picture, Since
from daemon.tally import Tally
from lipsync import LipsyncError

if TYPE_CHECKING:
    from daemon.arrivals import Arrivals
    from daemon.inbox import Drop
    from daemon.job import Job, JobTake
    from daemon.work import Work

_EVERY = 0.5
"""Seconds between two pictures of what is in hand."""
_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
_OTHER = "other"


class Metrics(Tally, Collector):
    """Everything that is counted, in a registry of its own."""

    def __init__(self, reader: Reader, clock: Callable[[], float] = time.monotonic) -> None:
        """Count from zero.

        Args:
            reader: Looks at the rest when somebody asks.
            clock: Monotonic seconds.
        """
        self._reader = reader
        self._clock = clock
        self._picture = Picture()
        self._looked = float("-inf")
        self._ready: dict[Path, float] = {}
        self._since = Since()
        self._gpus: dict[int, tuple[str, Gpu]] = {}
        self._pids: set[int] = set()
        self._kinds = _kinds(LipsyncError)
        self._reading = threading.Lock()
        disable_created_metrics()  # type: ignore[no-untyped-call]  # one more line for each, of which nobody makes use
        self.registry = CollectorRegistry()
        self._make_counters()
        self.registry.register(self)

    def _make_counters(self) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"lipsyncd_{name}", text, labels, registry=self.registry)

        text = "How long each stage of a job's way took; publish by publisher"
        self._stages = Histogram(
            "lipsyncd_stage_seconds", text, ("stage", "publisher"), registry=self.registry, buckets=_SECONDS
        )
        self._jobs = counter("jobs_finished", "Jobs that came to an end", "outcome")
        self._jobs_taken = counter("jobs_taken", "Drops that became jobs")
        self._jobs_failed = counter("job_failures", "Jobs that failed as a whole, by reason", "reason")
        self._takes = counter("takes_finished", "Videos made, taken over from an earlier job, or given up", "outcome")
        self._missed = counter("take_failures", "Tries of a video that came to nothing, by reason", "reason", "type")
        self._unanswered = counter("publisher_failures", "Calls that came to nothing", "publisher", "type")
        self._files = counter("published_files", "Files that a publisher has, read back", "publisher")
        self._bytes = counter("published_bytes", "Bytes of videos and posters that a publisher has", "publisher")
        self._begun = counter("renderer_starts", "Render processes started")
        self._ended = counter("renderer_ends", "Render processes that ended, by reason", "reason")
        self._faults = counter("faults", "Bugs of lipsyncd itself, each logged with where")
        for outcome in ("made", "reused", "failed"):  # shown from the start: what is not there cannot be seen to stand
            self._takes.labels(outcome)
        for outcome in ("done", "incomplete", "failed"):
            self._jobs.labels(outcome)

    def see(self, works: Collection[Work], arrivals: Arrivals) -> None:
        """Make a picture of what is in hand, if the last one is old enough."""
        now = self._clock()
        making = [one for work in works for one in work.at_work]
        if now - self._looked < _EVERY and len(making) == len(self._picture.making):
            return
        self._looked = now
        drops = {drop.folder for drop in arrivals.drops()}
        self._ready = {drop: self._ready.get(drop, now) for drop in drops}
        states = {work.home: "parked" if work.parked else str(work.job.state).lower() for work in works}
        waiting = sum(len(work.job.in_state(TakeState.WAITING)) for work in works if work.job.to_render)
        self._picture = Picture(
            turned=time.time(),
            drops=len(drops),
            arriving=arrivals.arriving,
            jobs=Count(states.values()),
            takes=waiting,
            waited=self._since.longest(states, now),
            making=tuple(sorted(making)),
            ready=max((now - moment for moment in self._ready.values()), default=0.0),
        )

    def taken(self, drop: Drop) -> None:
        """Count a drop that became a job, how long it had been ready, and what of it was refused."""
        self._jobs_taken.inc()
        now = self._clock()
        self.spent("wait", now - self._ready.pop(drop.folder, now))
        if drop.fault is not None:
            self.job_failed("refused")
        for _ in (take for take in drop.takes if take.state is TakeState.FAILED):
            self._takes.labels("failed").inc()
            self.take_missed("unread")

    def over(self, job: Job, home: Path) -> None:
        """Count a job that came to its end."""
        outcome = "incomplete" if not job.error and job.in_state(TakeState.FAILED) else str(job.state).lower()
        self._jobs.labels(outcome).inc()

    def saved(self, before: Job, after: Job, home: Path) -> None:
        """Count what has changed in a job."""
        old = {take.face: take for take in before.takes}
        for take in after.takes:
            if outcome := _outcome(old.get(take.face), take):
                self._takes.labels(outcome).inc()
        sizes = {kept.sha256: kept.bytes for take in after.takes for kept in (take.video, take.poster) if kept}
        known = {(receipt.publisher, receipt.name, receipt.sha256) for receipt in before.receipts}
        for receipt in after.receipts:
            if (receipt.publisher, receipt.name, receipt.sha256) not in known:
                self._files.labels(receipt.publisher).inc()
                self._bytes.labels(receipt.publisher).inc(sizes.get(receipt.sha256, 0))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure how long something takes that comes to its end."""
        begun = self._clock()
        yield
        self.spent(name, self._clock() - begun)

    def spent(self, stage: str, seconds: float, publisher: str = "") -> None:
        """Put a time to the others of its stage."""
        self._stages.labels(stage, publisher).observe(seconds)

    def take_missed(self, reason: str, kind: str = "") -> None:
        """Count a try that came to nothing; what a renderer says is believed only where it is a word we know."""
        self._missed.labels(reason, kind if kind in self._kinds or not kind else _OTHER).inc()

    def job_failed(self, reason: str) -> None:
        """Count a job that failed."""
        self._jobs_failed.labels(reason).inc()

    def unanswered(self, publisher: str, error: Exception) -> None:
        """Count a call that came to nothing."""
        self._unanswered.labels(publisher, type(error).__name__).inc()

    def fault(self) -> None:
        """Count a bug."""
        self._faults.inc()

    def renderer_began(self, pid: int) -> None:
        """Count a start, and look at that process from now on."""
        self._begun.inc()
        self._pids = self._pids | {pid}  # anew each time: the server's thread may be looking

    def renderer_ended(self, reason: str, pid: int = 0) -> None:
        """Count an end."""
        self._ended.labels(reason).inc()
        self._pids = self._pids - {pid}
        self._gpus = {other: said for other, said in self._gpus.items() if other != pid}

    def gpu(self, memory: Gpu | None, pid: int = 0, card: str = "") -> None:
        """Remember what a render process said of its GPU."""
        if memory is not None:
            self._gpus = self._gpus | {pid: (card, memory)}

    def collect(self) -> Iterable[Metric]:
        """Give what is measured only when somebody asks; one at a time, for a disk may be slow to answer."""
        with self._reading:
            making, gpus = self._picture.making, self._gpus.values()
            oldest, share = making[0] if making else (self._clock(), 0.0)
            running = Running(
                pids=tuple(self._pids),
                gpu=Gpu.together(gpus) if gpus else None,
                takes=len(making),
                seconds=self._clock() - oldest,
                share=share,
            )
            yield from self._reader.read(self._picture, running)


def _outcome(old: JobTake | None, take: JobTake) -> str:
    """Say what has become of a take, if that has just been decided."""
    if take.state is TakeState.WAITING or (old is not None and old.state is take.state):
        return ""
    if take.state is TakeState.FAILED:
        return "failed"
    return "made" if "/" not in take.stash and "." not in take.stash else "reused"


def _kinds(root: type[BaseException]) -> frozenset[str]:
    return frozenset({root.__name__}).union(*(_kinds(kind) for kind in root.__subclasses__()))
