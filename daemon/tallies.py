"""Tallies: several who want to be told what happens, told one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.tally import Tally

if TYPE_CHECKING:
    from daemon.arrivals import Arrivals
    from daemon.inbox import Drop
    from daemon.job import Job
    from daemon.message import Gpu
    from daemon.work import Work


class Tallies(Tally):
    """Passes everything on."""

    def __init__(self, *tallies: Tally) -> None:
        self._tallies = tallies

    def see(self, works: Collection[Work], arrivals: Arrivals) -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.see(works, arrivals)

    def taken(self, drop: Drop) -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.taken(drop)

    def saved(self, before: Job, after: Job, home: Path) -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.saved(before, after, home)

    def over(self, job: Job, home: Path) -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.over(job, home)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Pass it on."""
        with ExitStack() as stack:
            for tally in self._tallies:
                stack.enter_context(tally.stage(name))
            yield

    def spent(self, stage: str, seconds: float, publisher: str = "") -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.spent(stage, seconds, publisher)

    def take_missed(self, reason: str, kind: str = "") -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.take_missed(reason, kind)

    def job_failed(self, reason: str) -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.job_failed(reason)

    def unanswered(self, publisher: str, error: Exception) -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.unanswered(publisher, error)

    def fault(self) -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.fault()

    def renderer_began(self, pid: int) -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.renderer_began(pid)

    def renderer_ended(self, reason: str, pid: int = 0) -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.renderer_ended(reason, pid)

    def gpu(self, memory: Gpu | None, pid: int = 0, card: str = "") -> None:
        """Pass it on."""
        for tally in self._tallies:
            tally.gpu(memory, pid, card)
