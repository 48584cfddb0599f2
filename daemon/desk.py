"""Desk: the jobs in our hands. Each turn takes one step of one of them, or a new drop, or says how long to wait.

Takes that are being rendered go on meanwhile, each in a process of its own: they are looked at in each turn.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from daemon import claim
from daemon.adoption import Adoption
from daemon.arrivals import Arrivals
from daemon.crew import Crew
from daemon.footing import LOOK_EVERY, Footing
from daemon.intake import Intake
from daemon.job import State
from daemon.journal import Journal
from daemon.name import shown
from daemon.owner import Owners
from daemon.pipeline import Pipeline, cancelled, due, unapproved
from daemon.retention import Retention
from daemon.schedule import Schedule
from daemon.steps import Steps
from daemon.tally import Tally
from daemon.work import Work

_LOOK_EVERY = 1.0
"""Seconds between two looks at jobs that wait: somebody may cancel or approve them."""
_WATCH_EVERY = 0.25
"""Seconds between two looks at the takes that are being rendered, where none has anything to say."""
_SERVE_EVERY = 0.25
"""Seconds between two looks at the jobs that are being published, while a take of another one is rendered."""
_LONG = frozenset({State.QUEUED, State.RENDERED})
"""States whose steps may last: takes are rendered and signed. All others are over in a moment."""


@dataclass
class Desk:
    """Everything the main loop turns.

    Attributes:
        crew: Who renders.
        footing: The share; while that is gone, or does not answer, nothing is done.
        tries: How often in a row a step may have to wait before its job is left; 0 for any number.
        ping: Says that the loop turns.
        tally: Is told what happens.
        stop: Set when we are asked to end.
        works: The jobs in hand.
        intake: How they come there.
        steps: What is being done for them.
    """

    journal: Journal
    arrivals: Arrivals
    schedule: Schedule
    retention: Retention
    pipeline: Pipeline
    crew: Crew
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
    works: dict[Path, Work] = field(default_factory=dict, init=False)
    intake: Intake = field(init=False)
    steps: Steps = field(init=False)
    _missed: bool = field(default=False, init=False)
    _last: Work | None = field(default=None, init=False)
    _served: float = field(default=-math.inf, init=False)
    _rests: float = field(default=-math.inf, init=False)

    def __post_init__(self) -> None:
        here = (self.works, self.journal, self.arrivals, self.schedule)
        self.intake = Intake(*here, self.adoption, self.owners, self.terms, self.footing, self.log, self.tally)
        self.steps = Steps(
            self.works, self.pipeline, self.crew, self.schedule, self.stop, tries=self.tries, clock=self.clock
        )

    def turn(self) -> float:
        """Take one step, look at those that last, and say for how many seconds there is nothing to do."""
        self.steps.current = self._last = None
        pause = _WATCH_EVERY if self._full() else self._begun()
        if not self.steps.lasting:
            return pause
        try:
            if self.steps.look(min(pause, _WATCH_EVERY)):
                self._rests = -math.inf
            self._beat()
        except OSError as error:
            pause = self._refused(error)
            return 0.0 if self.steps.lasting else pause
        return 0.0

    def _full(self) -> bool:
        """Say whether nothing can be begun beside what lasts."""
        if not self.steps.lasting:
            return False
        return self.stop.is_set() or not self.crew.free or self.clock() < self._rests

    def _begun(self) -> float:
        """Take one step, and give the seconds for which there is no other."""
        try:
            pause = self._turn()
        except OSError as error:
            return self._refused(error)
        self.footing.answers()
        self._rests = self.clock() + pause
        return pause

    def _refused(self, error: OSError) -> float:
        """The root itself does not answer; what goes wrong in a job's folder concerns that job."""
        self._missed = True
        pause = self.footing.refused(error)
        self._rests = self.clock() + pause
        return pause

    def _turn(self) -> float:
        if not self.footing.firm():
            self.arrivals.clear()
            self._missed = True
            return LOOK_EVERY
        self._hold()
        self._glance()
        self._release()
        self.intake.adopt()
        self.retention.turn()
        if not self.tries:
            self.footing.relieve(self.works.values())
        work = self._ready() or self._next()
        if work is None:
            if not self.steps.lasting:
                self.arrivals.expire()
            self.schedule.tell(self.works, self.steps.at_work)
            return self._pause()
        self._last = work
        self.steps.take(work, self._beat)
        return 0.0

    @property
    def failed(self) -> bool:
        """Whether some take or job has failed."""
        return self._missed or self.intake.missed or self.steps.failed

    @property
    def current_log(self) -> FilteringBoundLogger:
        """The log of the job at hand, or of the daemon."""
        return self.log if self.steps.current is None else self.steps.current.log

    def park(self) -> None:
        """Leave the job at which a bug showed until the daemon starts again."""
        self._missed = True
        self.tally.fault()
        if (work := self.steps.current) is not None:
            work.parked = True
            self.steps.leave(work)
            work.status.say("Stopped by a fault in lipsyncd itself; see job.log.", now=True)

    @property
    def finished(self) -> bool:
        """Whether nothing is left that we could do without a change from outside."""
        if self.steps.lasting:
            return False
        working = [work for work in self.works.values() if not self._idle(work)]
        if self.tries and self.footing.trouble:
            return not working or self.footing.refusals > self.tries
        return not working and self.arrivals.settled

    @property
    def summary(self) -> str:
        """What is going on, in a few words."""
        if self.footing.trouble:
            return self.footing.trouble
        under_way = [work for work in self.works.values() if work.errands or work.shortage]
        working = self.steps.at_work or ([self._last] if self._last else under_way[:1])
        if said := "; ".join(f"{shown(work.home.name)}: {work.status.text}" for work in working if work.status.text):
            return said
        until = f", {self.schedule.shut}" if self.schedule.shut else ""
        return f"{len(self.works)} jobs in hand, {self.arrivals.arriving} folders arriving{until}"

    def close(self) -> None:
        """Let go of all jobs; the next daemon goes on with them."""
        self.steps.close()
        self.pipeline.close(self.works.values())
        for work in self.works.values():
            if not unapproved(work):  # what it says then, somebody can do meanwhile
                work.status.say("Stopped; goes on when lipsyncd starts again.", now=True)
            work.hold.release()

    def _glance(self) -> None:
        """Look at the inbox, if the last look is old enough; called while takes are rendered, too."""
        if self.arrivals.glance() and self.steps.lasting:
            self._line()
            self.schedule.tell(self.works, self.steps.at_work)
            self._rests = -math.inf

    def _release(self) -> None:
        """Let go of the jobs whose folders somebody removed, or renamed: those are taken up again where they are."""
        for work in [work for work in self.works.values() if not work.there]:
            self.steps.leave(work)
            work.hold.release()
            for _, errand in work.errands.values():
                errand.ask()
            del self.works[work.home]
            self.log.warning("a job's folder is gone", job=work.job.id, folder=work.home.name)

    def _ready(self) -> Work | None:
        """Give a job that needs no renderer any more, or not yet: what is begun is brought to its end first."""
        now = self.clock()
        works = (work for work in self.works.values() if due(work, now) and work not in self.steps.at_work)
        short = next((work for work in works if not work.job.to_render or cancelled(work)), None)
        if short is not None:
            return short
        refused = (drop for drop in self.intake.drops() if drop.fault is not None)
        return next((work for drop in refused if (work := self.intake.take(drop))), None)

    def _next(self) -> Work | None:
        """Give the job whose turn it is with the renderer, or take the drop whose turn it is."""
        drops = {drop.folder: drop for drop in self.intake.drops()}
        for folder in self._line():
            work = self.works.get(folder)
            if work is None:
                work = self.intake.take(drops[folder]) if folder in drops else None
            elif not self.schedule.open or work.waiting is None or not due(work, self.clock()):
                continue
            if work is not None:
                return work
        return None

    def _line(self) -> list[Path]:
        now = self.clock()
        works = [work for work in self.works.values() if work.job.to_render and (work.making or due(work, now))]
        return self.schedule.line(works, self.intake.drops())

    def _beat(self) -> None:
        """Do what must go on whatever else we do."""
        self.ping()
        self._hold()
        self.steps.spend()
        if self.steps.deep:
            return
        self._glance()
        now = self.clock()
        if now - self._served >= _SERVE_EVERY:
            self._served = now
            with contextlib.suppress(OSError):  # said when the loop turns
                self._serve(now)
                self.retention.turn()
                self.steps.look(0.0)

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
        for work in list(self.works.values()):
            short = work.job.state not in _LONG or cancelled(work)
            if short and work not in self.steps.at_work and due(work, now):
                self.steps.take(work, self._beat)

    def _idle(self, work: Work) -> bool:
        """Say whether a job waits for something that may never come."""
        return work.parked or unapproved(work) or bool(self.tries and work.misses > self.tries)

    def _pause(self) -> float:
        """Seconds until something is due that no event tells us of."""
        now = self.clock()
        works = [work for work in self.works.values() if not work.parked]
        shut = not self.schedule.open
        resting = [work for work in works if work.retry_at > now or work not in self.steps.at_work]
        moments = [work.retry_at - now for work in resting if not (shut and work.job.to_render)]
        if works:
            moments.append(_LOOK_EVERY)  # somebody may cancel or approve
        if self.footing.trouble:
            self._missed = True
            moments.append(LOOK_EVERY)
        return max(0.0, min([self.arrivals.due, self.retention.due, *moments]))
