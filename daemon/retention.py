"""Retention: finished jobs lose their videos, or go as a whole, some days after their end: if, and only if, told to.

Nothing is removed on the word of a clock alone: it must have run evenly for a while, and must not be before the newest
job or far behind it. Only a folder in done/ with our job.json of a finished job is touched, no link is followed, and
what goes is renamed away first, so that it is there whole or not at all. Everything is done in small slices: thousands
of finished jobs hold nothing up.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from daemon.errors import JournalError
from daemon.job import Job, State
from daemon.journal import FILE_NAME, Journal, read
from daemon.removal import foreign, has_results, remove_all, remove_results, sweep

_SLICE = 0.01
"""Seconds that one slice of looking takes, about."""
_PAUSE = 1.0
"""Seconds between two slices."""
_EVERY = 6 * 3600.0
"""Seconds between two looks at all of done/."""
_EVEN, _EVEN_AFTER_JUMP = 3600.0, 24 * 3600.0
"""Seconds that the clock on the wall must have run evenly, at the start and after it has jumped."""
_JUMP = 600.0
"""Seconds that it may go ahead of, or behind, the other clock between two looks at it."""
_BEHIND = timedelta(minutes=5)
_AHEAD = timedelta(days=366)
"""How much older than the clock the newest job may be, besides the days for which it is kept."""


@dataclass(frozen=True)
class Terms:
    """What stays for how long: ``days`` 0 for ever; ``inputs`` says whether the dropped files stay after that."""

    days: int = 0
    inputs: bool = True


class Retention:
    """Goes through done/ now and then."""

    def __init__(
        self,
        journal: Journal,
        terms: Terms,
        log: FilteringBoundLogger,
        *,
        clock: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Remove nothing yet.

        Args:
            journal: Where the jobs are.
            terms: What goes when.
            log: Says what went, and what would have.
            clock: Monotonic seconds, of sleep too: a notebook that was shut for a night has no clock that jumped.
            today: The time of the clock on the wall.
        """
        self._journal = journal
        self._terms = terms
        self._log = log
        self._clock = clock
        self._today = today
        self._seen = (clock(), today())
        self._next = clock() + _EVEN
        self._round: Iterator[None] | None = None
        self._said: set[str] = set()

    @property
    def due(self) -> float:
        """Seconds until the next slice; infinite where everything stays for ever."""
        return max(0.0, self._next - self._clock()) if self._terms.days else float("inf")

    def turn(self) -> None:
        """Do one slice, if it is time."""
        if not self._terms.days:
            return
        self._watch_clocks()
        now = self._clock()
        if now < self._next:
            return
        if self._round is None:
            self._round = self._rounds()
        for _ in self._round:
            if self._clock() - now >= _SLICE:
                self._next = self._clock() + _PAUSE
                return
        self._round = None
        self._next = self._clock() + _EVERY

    def _watch_clocks(self) -> None:
        """Begin anew, and much later, when the clock on the wall has jumped: nobody knows which time was right."""
        before, then = self._seen
        self._seen = now, wall = self._clock(), self._today()
        if abs((wall - then).total_seconds() - (now - before)) > _JUMP:
            self._log.warning("the clock jumped: nothing is removed from done/ for a day", clock=wall.isoformat())
            self._round = None
            self._next = now + _EVEN_AFTER_JUMP

    def _rounds(self) -> Iterator[None]:
        """Look at all finished jobs, then remove those whose time has come; every step is small."""
        sweep(self._journal.root)
        yield
        newest, last, old = datetime.min.replace(tzinfo=UTC), "", []
        for home in _folders(self._journal.done):
            moment = finished(home)
            if moment is not None:
                newest, last = max((newest, last), (moment, home.name))
                if over(moment, self._terms, self._today()):
                    old.append(home)
            yield
        if old and self._believable(newest, last):
            for home in old:
                self._remove(home)
                yield

    def _believable(self, newest: datetime, last: str) -> bool:
        """Say whether the clock can be right, as far as the newest job tells."""
        ahead = self._today() - newest
        if -_BEHIND <= ahead <= _AHEAD + timedelta(days=self._terms.days):
            return True
        reason = f"the clock says {self._today():%Y-%m-%d}, and the newest job is of {newest:%Y-%m-%d}"
        self._say("nothing is removed from done/", reason, folder=last)
        return False

    def _remove(self, home: Path) -> None:
        """Remove what has had its time, unless it is another folder by now."""
        moment = finished(home)
        if moment is None or not over(moment, self._terms, self._today()):
            return
        try:
            if self._terms.inputs:
                self._clear(home, moment)
            elif strange := foreign(home, read(home / FILE_NAME)):
                self._say("left in done/", f"{strange} in it is not ours", folder=home.name)
            else:
                remove_all(self._journal.root, home)
                self._log.info("removed from done/, with its inputs", folder=home.name, made=moment.isoformat())
        except (OSError, JournalError) as error:
            self._say("cannot be removed from done/", str(error), folder=home.name)

    def _clear(self, home: Path, moment: datetime) -> None:
        job = read(home / FILE_NAME)
        if not has_results(home, job):
            return
        days = f"{self._terms.days} day{'' if self._terms.days == 1 else 's'}"
        note = f"The videos were removed on {self._today():%Y-%m-%d}, {days} after they were made (done.keep_days).\n"
        remove_results(home, job, note + "The papers and the dropped files are still here.\n")
        self._log.info("videos removed from done/", folder=home.name, made=moment.isoformat())

    def _say(self, event: str, reason: str, **facts: str) -> None:
        """Log something once."""
        if (text := f"{event} {reason} {facts}") not in self._said:
            self._said.add(text)
            self._log.warning(event, reason=reason, **facts)


def finished(home: Path) -> datetime | None:
    """Give when the job of a folder in done/ was finished; None where it is none, or says no time."""
    try:
        job = read(home / FILE_NAME)
        return _ended(job) if job.state is State.DONE else None
    except (JournalError, ValueError):
        return None


def over(moment: datetime, terms: Terms, today: datetime) -> bool:
    """Say whether what was finished at a moment has had its time."""
    return bool(terms.days) and today - moment > timedelta(days=terms.days)


def _folders(place: Path) -> Iterator[Path]:
    """Yield the folders in a place one by one, for thousands of them take their time; links are none."""
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield place / entry.name


def old(home: Path, terms: Terms, today: datetime) -> bool:
    """Say whether something of a folder in done/ would be removed today."""
    moment = finished(home)
    if moment is None or not over(moment, terms, today):
        return False
    with contextlib.suppress(JournalError):
        return not terms.inputs or has_results(home, read(home / FILE_NAME))
    return False


def _ended(job: Job) -> datetime:
    moment = datetime.fromisoformat(job.recorded or job.created)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
