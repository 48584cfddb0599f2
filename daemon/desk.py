"""Desk: the jobs in our hands. Each turn takes one step of one of them, or a new drop, or says how long to wait."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from daemon import claim
from daemon.adoption import Adoption
from daemon.arrivals import Arrivals
from daemon.errors import DiskError, LaterError, Stopped, Underway
from daemon.footing import LOOK_EVERY, Footing, waits
from daemon.inbox import Drop
from daemon.job import State, TakeState
from daemon.journal import Journal
from daemon.name import shown
from daemon.owner import Owners
from daemon.pipeline import Pipeline, cancelled, due, unapproved
from daemon.pulse import Pulse
from daemon.retention import Retention
from daemon.schedule import Schedule
from daemon.tally import Tally
from daemon.work import Work

_LOOK_EVERY = 1.0
"""Seconds between two looks at jobs that wait: somebody may cancel or approve them."""
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 300.0
_SERVE_EVERY = 0.25
"""Seconds between two looks at the jobs that are being published, while a take of another one is rendered."""
_LONG = frozenset({State.QUEUED, State.RENDERED})
"""States whose steps may last: takes are rendered and signed. All others are over in a moment."""


@dataclass
class Desk:
    """Everything the main loop turns; one step at a time.

    Attributes:
        footing: The share; while that is gone, or does not answer, nothing is done.
        tries: How often in a row a step may have to wait before its job is left; 0 for any number.
        ping: Says that the loop turns.
        tally: Is told what happens.
        stop: Set when we are asked to end.
        failed: Some take or job has failed.
    """

    journal: Journal
    arrivals: Arrivals
    schedule: Schedule
    retention: Retention
    pipeline: Pipeline
    adoption: Adoption
    owners: Owners
    terms: claim.Terms
    footing: Footing
    tries: int
    log: FilteringBoundLogger
    ping: Callable[[], None]
    stop: threading.Event
    tally: Tally = field(default_factory=Tally)
    clock: Callable[[], float] = time.monotonic
    failed: bool = field(default=False, init=False)
    works: dict[Path, Work] = field(default_factory=dict, init=False)
    _current: Work | None = field(default=None, init=False)
    _served: float = field(default=-math.inf, init=False)

    def turn(self) -> float:
        """Take one step, and say for how many seconds nothing is to be done unless something changes."""
        self._current = None
        try:
            pause = self._turn()
        except OSError as error:  # the root itself; what goes wrong in a job's folder concerns that job
            self.failed = True
            return self.footing.refused(error)
        self.footing.answers()
        return pause

    def _turn(self) -> float:
        if not self.footing.firm():
            self.arrivals.clear()
            self.failed = True
            return LOOK_EVERY
        self._hold()
        self._glance()
        self._adopt()
        self.retention.turn()
        if not self.tries:
            self.footing.relieve(self.works.values())
        work = self._ready() or self._next()
        if work is None:
            self.arrivals.expire()
            self.schedule.tell(self.works, None)
            return self._pause()
        self._current = work
        self.schedule.begin(work)
        self._step(work)
        self.schedule.end(work)
        return 0.0

    @property
    def current_log(self) -> FilteringBoundLogger:
        """The log of the job at hand, or of the daemon."""
        return self.log if self._current is None else self._current.log

    def park(self) -> None:
        """Leave the job at which a bug showed until the daemon starts again."""
        self.failed = True
        self.tally.fault()
        if self._current is not None:
            self._current.parked = True
            self._current.status.say("Stopped by a fault in lipsyncd itself; see job.log.", now=True)

    @property
    def finished(self) -> bool:
        """Whether nothing is left that we could do without a change from outside."""
        working = [work for work in self.works.values() if not self._idle(work)]
        if self.tries and self.footing.trouble:
            return not working or self.footing.refusals > self.tries
        return not working and self.arrivals.settled

    @property
    def summary(self) -> str:
        """What is going on, in a few words."""
        if self.footing.trouble:
            return self.footing.trouble
        under_way = (work for work in self.works.values() if work.errands or work.shortage)
        work = self._current or next(under_way, None)
        if work is not None and work.status.text:
            return f"{shown(work.home.name)}: {work.status.text}"
        until = f", {self.schedule.shut}" if self.schedule.shut else ""
        return f"{len(self.works)} jobs in hand, {self.arrivals.arriving} folders arriving{until}"

    def close(self) -> None:
        """Let go of all jobs; the next daemon goes on with them."""
        self.pipeline.close(self.works.values())
        for work in self.works.values():
            if not unapproved(work):  # what it says then, somebody can do meanwhile
                work.status.say("Stopped; goes on when lipsyncd starts again.", now=True)
            work.hold.release()

    def _glance(self) -> None:
        """Look at the inbox, if the last look is old enough; called while takes are rendered, too."""
        if self.arrivals.glance() and self._current is not None:
            self._line()
            self.schedule.tell(self.works, self._current)

    def _adopt(self) -> None:
        """Take up the jobs in working/ that nobody has in hand, and let go of those that somebody removed."""
        for work in [work for work in self.works.values() if not work.home.exists()]:
            work.hold.release()
            for _, errand in work.errands.values():
                errand.ask()
            del self.works[work.home]
            self.log.warning("a job's folder is gone", job=work.job.id, folder=work.home.name)
        for claimed in self.adoption.found(self.works):
            self._begin(claimed, "job taken up again")
        self.failed |= self.adoption.failed

    def _begin(self, claimed: claim.Claimed, event: str) -> Work:
        work = Work(claimed.job, claimed.home, claimed.hold, self.journal, self.log, self.tally)
        work.status.say("Taken; it is its turn soon.")
        self.works[claimed.home] = work
        takes = [f"{take.face} ← {take.speech}" for take in claimed.job.takes]
        work.log.info(event, folder=claimed.home.name, state=str(claimed.job.state), takes=takes)
        return work

    def _ready(self) -> Work | None:
        """Give a job that needs no renderer any more, or not yet: what is begun is brought to its end first."""
        now = self.clock()
        works = (work for work in self.works.values() if due(work, now))
        short = next((work for work in works if not work.job.to_render or cancelled(work)), None)
        if short is not None:
            return short
        refused = (drop for drop in self._drops() if drop.fault is not None)
        return next((work for drop in refused if (work := self._take(drop))), None)

    def _next(self) -> Work | None:
        """Give the job whose turn it is with the renderer, or take the drop whose turn it is."""
        drops = {drop.folder: drop for drop in self._drops()}
        for folder in self._line():
            work = self.works.get(folder)
            if work is None:
                work = self._take(drops[folder]) if folder in drops else None
            elif not self.schedule.open:
                continue
            if work is not None:
                return work
        return None

    def _line(self) -> list[Path]:
        now = self.clock()
        works = [work for work in self.works.values() if work.job.to_render and due(work, now)]
        return self.schedule.line(works, self._drops())

    def _drops(self) -> list[Drop]:
        """Give the drops that can be taken now and that there is room for, in order of arrival."""
        return [drop for drop in self.arrivals.drops() if not self.footing.bars(drop)]

    def _take(self, drop: Drop) -> Work | None:
        """Take a drop; None where that cannot be done, or somebody else did it."""
        self.arrivals.hand_over(drop)
        job = claim.new_job(drop, self.terms, datetime.now(UTC))
        try:
            claimed = claim.claim(drop, job, self.journal, self.owners)
        except OSError as error:
            self.failed = True
            if not self.footing.stumble(drop, error):
                self.arrivals.shelve(drop)
            return None
        self.footing.taken(drop)
        if claimed is None:
            return None
        self.schedule.taken(drop.folder, claimed.home)
        self.tally.taken(drop)
        return self._begin(claimed, "job taken")

    def _step(self, work: Work) -> None:
        try:
            if self.pipeline.advance(work, Pulse(work, self._beat, self.stop)):
                self.failed |= work.job.state is State.FAILED or bool(work.job.in_state(TakeState.FAILED))
                del self.works[work.home]
            work.misses, work.waits_for, work.missing = 0, "", ""
        except Underway as going:
            work.retry_at = self.clock() + (going.wait or 0.0)
            work.status.say(going.message)
        except LaterError as reason:
            self._wait(work, reason)
        except Stopped:
            work.log.info("take left for the next start")

    def _wait(self, work: Work, reason: LaterError) -> None:
        """Try the step again after a while, longer each time."""
        pause = min(_FIRST_WAIT * 2**work.misses, _LONGEST_WAIT) if reason.wait is None else reason.wait
        work.misses += int(reason.miss)
        self.failed |= bool(self.tries and work.misses > self.tries)
        work.retry_at = self.clock() + pause
        said = f"Waiting: {reason}" if reason.miss else str(reason)
        if (kind := reason.kind if isinstance(reason, DiskError) else said) != work.waits_for:
            (work.log.warning if reason.miss else work.log.info)("waiting", reason=str(reason))
        work.waits_for = kind
        work.status.say(said, now=True)
        waits(work, reason, self.clock())

    def _beat(self) -> None:
        """Do what must go on whatever else we do."""
        self.ping()
        self._hold()
        if self._current is not None:
            self.schedule.beat(self._current)
        self._glance()
        now = self.clock()
        if now - self._served >= _SERVE_EVERY:
            self._served = now
            with contextlib.suppress(OSError):  # said when the loop turns
                self._serve(now)
                self.retention.turn()

    def _hold(self) -> None:
        """Show that our jobs are in living hands: to the daemons of other machines, and to whoever counts."""
        self.tally.see(self.works.values(), self.arrivals)
        for work in self.works.values():
            with contextlib.suppress(OSError):
                work.hold.beat(self.clock())

    def _serve(self, now: float) -> None:
        """Take the short steps of other jobs while a long one is taken: their publishers wait for nobody's render."""
        if not self.footing.there():
            return
        at_work = self._current
        for work in list(self.works.values()):
            short = work.job.state not in _LONG or cancelled(work)
            if work is not at_work and short and due(work, now):
                self._current = work  # so that a bug parks the right one
                self._step(work)
        self._current = at_work

    def _idle(self, work: Work) -> bool:
        """Say whether a job waits for something that may never come."""
        return work.parked or unapproved(work) or bool(self.tries and work.misses > self.tries)

    def _pause(self) -> float:
        """Seconds until something is due that no event tells us of."""
        now = self.clock()
        works = [work for work in self.works.values() if not work.parked]
        shut = not self.schedule.open
        moments = [work.retry_at - now for work in works if not (shut and work.job.to_render)]
        if works:
            moments.append(_LOOK_EVERY)  # somebody may cancel or approve
        if self.footing.trouble:
            self.failed = True
            moments.append(LOOK_EVERY)
        return max(0.0, min([self.arrivals.due, self.retention.due, *moments]))
