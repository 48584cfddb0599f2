"""Intake: how folders become jobs in our hands: drops are taken, jobs that nobody has are taken up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from daemon import claim
from daemon.adoption import Adoption
from daemon.arrivals import Arrivals
from daemon.footing import Footing
from daemon.inbox import Drop
from daemon.journal import Journal
from daemon.owner import Owners
from daemon.schedule import Schedule
from daemon.tally import Tally
from daemon.work import Work


@dataclass
class Intake:
    """Fills our hands.

    Attributes:
        works: The jobs in hand; new ones are put there.
        missed: Something could not be taken.
    """

    works: dict[Path, Work]
    journal: Journal
    arrivals: Arrivals
    schedule: Schedule
    adoption: Adoption
    owners: Owners
    terms: claim.Terms
    footing: Footing
    log: FilteringBoundLogger
    tally: Tally
    missed: bool = field(default=False, init=False)

    def adopt(self) -> None:
        """Take up the jobs in working/ that nobody has in hand.

        Raises:
            OSError: Nobody can say what there is.
        """
        for claimed in self.adoption.found(self.works):
            self._begin(claimed, "job taken up again")
        self.missed |= self.adoption.failed

    def drops(self) -> list[Drop]:
        """Give the drops that can be taken now and that there is room for, in order of arrival."""
        return [drop for drop in self.arrivals.drops() if not self.footing.bars(drop)]

    def take(self, drop: Drop) -> Work | None:
        """Take a drop; None where that cannot be done, or somebody else did it."""
        self.arrivals.hand_over(drop)
        job = claim.new_job(drop, self.terms, datetime.now(UTC))
        try:
            claimed = claim.claim(drop, job, self.journal, self.owners)
        except OSError as error:
            self.missed = True
            if not self.footing.stumble(drop, error):
                self.arrivals.shelve(drop)
            return None
        self.footing.taken(drop)
        if claimed is None:
            return None
        self.schedule.taken(drop.folder, claimed.home)
        self.tally.taken(drop)
        return self._begin(claimed, "job taken")

    def _begin(self, claimed: claim.Claimed, event: str) -> Work:
        work = Work(claimed.job, claimed.home, claimed.hold, self.journal, self.log, self.tally)
        work.status.say("Taken; it is its turn soon.")
        self.works[claimed.home] = work
        takes = [f"{take.face} ← {take.speech}" for take in claimed.job.takes]
        work.log.info(event, folder=claimed.home.name, state=str(claimed.job.state), takes=takes)
        return work
