"""Schedule: which folder's take is begun next, whether one may be begun now, and telling those that wait."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from daemon.hours import Hours
from daemon.inbox import Drop
from daemon.job import TakeState
from daemon.order import PRIORITIES
from daemon.pause import Pause
from daemon.plain import read_plain
from daemon.status import place_line, place_shut
from daemon.turns import Turns, Waiting
from daemon.work import PRIORITY, Work

_MOST = 32
"""Jobs in hand with takes to render, of a priority or a higher one. More drops wait in the inbox: each job in hand
costs an open file and a write now and then, and the renderer remembers as many speeches."""


@dataclass
class Spell:
    """The time that one step of a job takes.

    Attributes:
        spent: Up to when it is counted, in monotonic seconds.
        left: How many takes of the job waited when it began.
    """

    spent: float
    left: int


class Schedule:
    """Keeps the line of those that wait for the renderer."""

    def __init__(
        self,
        hours: Hours,
        log: FilteringBoundLogger,
        pause: Pause | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = datetime.now,
    ) -> None:
        """Start with nobody waiting.

        Args:
            hours: When takes may be begun.
            log: Says when they may not any more, and when they may again.
            pause: Says whether somebody asked that none be begun.
            clock: Monotonic seconds.
            today: The local time, as the clock on the wall shows it.
        """
        self._hours = hours
        self._log = log
        self._pause = pause or Pause()
        self._clock = clock
        self._today = today
        self._turns = Turns()
        self._line: list[Path] = []
        self._was_open = True

    @property
    def open(self) -> bool:
        """Whether a take may be begun now."""
        is_open = not self.paused and not self.opens
        if is_open is not self._was_open:
            self._was_open = is_open
            event = "rendering goes on" if is_open else "rendering pauses"
            self._log.info(event, hours=str(self._hours), until=self.opens, asked=self.paused)
        return is_open

    @property
    def paused(self) -> bool:
        """Whether somebody asked that no take be begun."""
        return self._pause.on

    @property
    def opens(self) -> str:
        """When the hours allow takes again, such as "22:00"; "" where they allow them now."""
        now = self._today().time()
        return "" if self._hours.include(now) else self._hours.next(now)

    @property
    def shut(self) -> str:
        """Why no take may be begun now, in a few words; "" where one may."""
        if self.paused:
            return "paused by lipsyncd pause"
        return f"videos are begun from {self.opens} on" if self.opens else ""

    @property
    def waiting(self) -> tuple[Path, ...]:
        """The folders of all that wait, as they were when they were last put in line."""
        return tuple(self._line)

    def line(self, works: Iterable[Work], drops: Iterable[Drop]) -> list[Path]:
        """Give the folders of all that wait, in the order in which they come: jobs in hand, and drops to be taken.

        Args:
            works: Jobs with takes to render that could be rendered now.
            drops: What is ready in the inbox, in order of arrival.
        """
        works = list(works)
        for work in works:
            _heed(work)
        jobs = [Waiting(work.home, work.job.priority, len(work.making)) for work in works]
        waiting = [Waiting(drop.folder, drop.order.priority) for drop in drops]
        full = sorted(one.rank for one in jobs)[_MOST - 1 : _MOST]  # of this rank or a lower one there are enough
        waiting = [one for one in waiting if not full or one.rank < full[0]]
        self._line = self._turns.line([*jobs, *waiting])
        return self._line

    def taken(self, drop: Path, home: Path) -> None:
        """A drop has become a job."""
        self._turns.take(drop, home)

    def begin(self, work: Work) -> Spell:
        """A step of a job begins."""
        if work.job.to_render:
            self._turns.hold(work.home)
        return Spell(self._clock(), len(work.job.in_state(TakeState.WAITING)))

    def beat(self, work: Work, spell: Spell) -> None:
        """The step goes on."""
        now = self._clock()
        self._turns.spend(work.home, now - spell.spent)
        spell.spent = now

    def end(self, work: Work, spell: Spell) -> None:
        """The step is over. The turn of the job ends with a take, or when it has to wait."""
        self.beat(work, spell)
        if len(work.job.in_state(TakeState.WAITING)) != spell.left or work.retry_at > self._clock():
            self._turns.rest(work.home)

    def tell(self, works: Mapping[Path, Work], at_work: Collection[Work] = ()) -> None:
        """Write into the STATUS.txt of all jobs that wait how many folders are before them."""
        ahead = sum(1 for work in at_work if work.job.to_render)
        shut = None if self.open else place_shut(self.paused, self.opens)
        for folder in self._line:
            work = works.get(folder)
            if work is not None and work in at_work:
                work.rivals = self._turns.rivals(folder)
                continue
            if work is not None and work.job.to_render:
                work.status.say(place_line(work.job, ahead, shut))
            ahead += 1


def _heed(work: Work) -> None:
    """Do what somebody asked for while the job waits: another priority."""
    path = work.home / PRIORITY
    with contextlib.suppress(OSError):
        said = read_plain(path, 100).decode(errors="replace").strip().lower()
        if not said:
            return  # somebody is just writing it
        if said in PRIORITIES and said != work.job.priority:
            work.save(replace(work.job, priority=said))
            work.log.info("priority", priority=said)
        path.unlink()
