"""Tally: is told what happens, for whoever wants to count it. This one forgets it at once; ``metrics`` does not.

Nothing that it is told of may come back as a name or a title of somebody's file.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.arrivals import Arrivals
    from daemon.inbox import Drop
    from daemon.job import Job
    from daemon.message import Gpu
    from daemon.work import Work


class Tally:
    """Forgets everything."""

    def see(self, works: Collection[Work], arrivals: Arrivals) -> None:
        """The main loop turns, and this is in hand. Called several times a second, by the main loop's thread alone."""

    def taken(self, drop: Drop) -> None:
        """A drop has become a job."""

    def saved(self, before: Job, after: Job, home: Path) -> None:
        """A job was written down in its folder, and this is how it has changed."""

    def over(self, job: Job, home: Path) -> None:
        """A job has come to its end, and is out of our hands: in this folder."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """What is done within is a stage of a job's way; what ends with an exception does not count."""
        return nullcontext()

    def spent(self, stage: str, seconds: float, publisher: str = "") -> None:
        """A stage has taken so long."""

    def take_missed(self, reason: str, kind: str = "") -> None:
        """A try of a take came to nothing; ``kind`` is the name of the error's class, as the renderer says it."""

    def job_failed(self, reason: str) -> None:
        """A job has failed as a whole."""

    def unanswered(self, publisher: str, error: Exception) -> None:
        """A call to a publisher came to nothing."""

    def fault(self) -> None:
        """A bug of ours showed."""

    def renderer_began(self, pid: int) -> None:
        """A render process was started."""

    def renderer_ended(self, reason: str, pid: int = 0) -> None:
        """A render process is gone."""

    def gpu(self, memory: Gpu | None, pid: int = 0, card: str = "") -> None:
        """A render process has said how much memory of its GPU, which is the one of that name, is in use."""
