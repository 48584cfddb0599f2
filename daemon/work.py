"""Work: a job in our hands, with its folder, our hold on it, its log and what we remember about it meanwhile."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from daemon import log as logs
from daemon.errors import JournalError
from daemon.job import Job, JobTake, TakeState
from daemon.journal import INPUTS, OURS, Journal
from daemon.messenger import Errand
from daemon.owner import Hold
from daemon.room import Shortage
from daemon.seal import Seal
from daemon.status import Estimate, Status
from daemon.tally import Tally
from daemon.task import Delay, Task
from lipsync import Progress
from publishers import Artifact, PublishError

CANCEL = "CANCEL"
APPROVE = "APPROVE"
PRIORITY = "PRIORITY"
"""Files in a job's folder in working/ that ask something of us; who can write there may put them there by hand."""
WISHES = (CANCEL, APPROVE, PRIORITY)


class Work:
    """One job in hand. Everything that matters is in its job.json; the rest may be lost with the process.

    Attributes:
        journal: Where this job and all others are written down.
        retry_at: Monotonic seconds before which nothing is tried.
        misses: How often in a row a step could not be taken.
        errands: Calls under way, by the publisher's name, each with its task.
        delays: Tasks that are left alone for a while, by what they do.
        unanswered: How often in a row a task did not succeed, by what it does.
        finished: What was done that is not worth writing down.
        fault: What will end the job as soon as no call is under way.
        cut_short: What calls were doing that did not come to their end.
        unsaved: How far the job is could not be written down; the effect is there, and only the writing is repeated.
        waits_for: Why it waited last, as far as that was said in the log.
        missing: The file that was not there when it was last looked for.
        shortage: How things were when a disk refused something; None where that is not what it waits for.
        asked_for_room: When it was last looked whether that is over.
        goes_first: Another job that is just being made of the same, its status, and since when both are as they are.
        asked: When the calls under way were asked to end, or None.
        papers: The papers that are written, by name.
        seals: How the dropped files looked when they were hashed, by name.
        rivals: How many other folders take turns with this one in being rendered.
        tally: Is told what becomes of it.
        parked: Left alone until the daemon starts again.
        making: The takes that are being made, by face, and the renderer's last word on how far each is, if any.
    """

    def __init__(
        self,
        job: Job,
        home: Path,
        hold: Hold,
        journal: Journal,
        log: FilteringBoundLogger,
        tally: Tally | None = None,
    ) -> None:
        self.job = job
        self.home = home
        self.hold = hold
        self.log = logs.of_job(log, job.id, home)
        self.status = Status(home)
        self.estimate = Estimate()
        self.retry_at = float("-inf")
        self.misses = 0
        self.errands: dict[str, tuple[Task, Errand]] = {}
        self.delays: dict[str, Delay] = {}
        self.unanswered: Counter[str] = Counter()
        self.finished: set[str] = set()
        self.fault: PublishError | FileNotFoundError | None = None
        self.cut_short: list[str] = []
        self.unsaved = False
        self._saved = job
        self.waits_for = ""
        self.missing = ""
        self.shortage: Shortage | None = None
        self.asked_for_room = 0.0
        self.goes_first: tuple[tuple[Job, str], float] | None = None
        self.asked: float | None = None
        self.papers: dict[str, Artifact] = {}
        self.rivals = 0
        self.parked = False
        self.seals: dict[str, Seal] = {}
        self.making: dict[str, Progress | None] = {}
        self.journal = journal
        self.tally = tally or Tally()

    @property
    def there(self) -> bool:
        """Whether the folder of that name still is the job's own: people rename folders, and swap their names."""
        if self.hold.stands:
            return True
        try:
            return self.journal.load(self.home).id == self.job.id
        except JournalError:
            return False

    @property
    def inputs(self) -> Path:
        """The dropped folder as it was dropped."""
        return self.home / INPUTS

    @property
    def hidden(self) -> Path:
        """Where our own things lie."""
        return self.home / OURS

    @contextmanager
    def makes(self, take: JobTake) -> Iterator[None]:
        """A take is being made within."""
        self.making[take.face] = None
        try:
            yield
        finally:
            del self.making[take.face]

    @property
    def at_work(self) -> tuple[tuple[float, float], ...]:
        """Since when each take has been made that is being made, in monotonic seconds, and how far it is (0-1)."""
        return tuple((self.estimate.begun(face), self.share(face)) for face in self.making)

    @property
    def shares(self) -> dict[str, float]:
        """How far the takes are (0-1) that are being made, by face."""
        return {face: self.share(face) for face in self.making}

    def share(self, face: str) -> float:
        """How far a take is, 0-1."""
        progress = self.making.get(face)
        return progress.share if progress else 0.0

    @property
    def waiting(self) -> JobTake | None:
        """The first take that waits and is not being made."""
        return next((take for take in self.job.in_state(TakeState.WAITING) if take.face not in self.making), None)

    def see_home(self) -> None:
        """See that what is done in the job's folder is not done in another.

        Raises:
            FileNotFoundError: There is none of that name, or that of another job.
        """
        if not self.there:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.home))

    def save(self, job: Job) -> None:
        """Write down how far the job is now: the one save of a step.

        Raises:
            OSError: It cannot be written, or another folder has the name; before anything else it is tried again.
        """
        self.job, self.unsaved = job, True
        self.see_home()
        self.journal.save(self.home, job)
        self.unsaved = False
        if job.state is not self._saved.state:
            self.log.info("state", state=str(job.state))
        self.tally.saved(self._saved, job, self.home)
        self._saved = job
