"""Adoption: jobs in working/ that nobody has in hand, after a crash, a restart, or a `retry`, are taken up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from daemon import claim
from daemon.errors import JournalError
from daemon.footing import LOOK_EVERY
from daemon.journal import Journal, folders
from daemon.owner import Owners
from daemon.room import refusal
from daemon.status import Status

_UNREADABLE = (
    "Nothing is done here: job.json cannot be read. Move the folder inputs/ back to inbox/, under the name it had."
)


class Adoption:
    """Looks for them; what cannot be taken up is said once.

    Attributes:
        failed: Some job could not be taken up.
    """

    def __init__(
        self,
        journal: Journal,
        owners: Owners,
        log: FilteringBoundLogger,
        *,
        patient: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look at nothing yet.

        Args:
            journal: Knows where the jobs are.
            owners: Know who has them in hand.
            log: Is told what cannot be taken up.
            patient: Try again where a disk does not answer.
            clock: Monotonic seconds.
        """
        self._journal = journal
        self._owners = owners
        self._log = log
        self._patient = patient
        self._clock = clock
        self._left: dict[Path, float] = {}
        self.failed = False

    def found(self, ours: Container[Path]) -> Iterator[claim.Claimed]:
        """Take up what nobody has, and yield it.

        Args:
            ours: The folders of the jobs that we have.

        Raises:
            OSError: Nobody can say what there is.
        """
        for home in folders(self._journal.working):
            if home in ours or self._left.get(home, -math.inf) > self._clock():
                continue
            try:
                claimed = claim.adopt(home, self._journal, self._owners)
            except (JournalError, OSError) as error:
                self._leave(home, error)
                continue
            if claimed is not None:
                self._left.pop(home, None)
                yield claimed

    def _leave(self, home: Path, error: JournalError | OSError) -> None:
        """Leave a job that cannot be taken up: for ever, or until its disk may answer."""
        self.failed = True
        if home not in self._left:
            self._log.error("a job cannot be taken up", folder=home.name, reason=str(error))
        fault = error if isinstance(error, OSError) else error.__cause__
        if isinstance(fault, OSError) and not isinstance(fault, FileNotFoundError):
            self._left[home] = self._clock() + LOOK_EVERY if self._patient else math.inf
            Status(home).say(f"Waiting: {refusal(fault, home)}", now=True)
        else:
            self._left[home] = math.inf
            Status(home).say(_UNREADABLE, now=True)
