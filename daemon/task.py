"""Task: one call to one publisher that is still to be made for a job, and what became of the last try."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.messenger import Call
from publishers import PublishError

HOME = ""
"""The place of what needs no publisher: hashing."""


@dataclass(frozen=True)
class Task:
    """One call, one effect, one save.

    Attributes:
        place: Name of the publisher, or ``HOME``.
        file: What it is about, for the log; "" for all files together.
        doing: In words, and different for each task of a job: "publishing alice.mp4 to ipfs".
        call: The call itself; it gives back the change of the job.
        optional: The job is finished without it, too: what goes wrong becomes a note.
    """

    place: str
    file: str
    doing: str
    call: Call
    optional: bool = False

    @property
    def stage(self) -> str:
        """What it is, in one word, for those who count."""
        if self.place == HOME:
            return "identify"
        return "publish" if self.file else "ask"


@dataclass(frozen=True)
class Delay:
    """A task that is left alone for a while.

    Attributes:
        task: Which.
        until: Monotonic seconds.
        error: Why.
    """

    task: Task
    until: float
    error: PublishError
