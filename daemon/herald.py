"""Herald: hears what becomes of jobs, and has it told. Nothing that goes wrong here concerns a job.

Each notice is told at least once: it is written down before anybody is told, crossed out place by place, and what a
crash leaves is told after the next start, perhaps for the second time.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from daemon import tidings
from daemon.announcement import COMMAND, Announcement, Message, Outcome
from daemon.notice import Event, Notice, ending, event_of
from daemon.outbox import FOLDER, Outbox
from daemon.places import wanted
from daemon.settings import Settings
from daemon.tallies import Tallies
from daemon.tally import Tally

if TYPE_CHECKING:
    from daemon.job import Job

PAUSES = (15.0, 120.0, 900.0, 3600.0)
"""Seconds until it is tried again; after the last one it is given up."""
GATHER = 1.0
"""Seconds for which a notice waits for others: jobs often end together."""
_SINGLE = 5
"""Notices that get a message each; more at once are put into one."""
_DIGEST = 50
_LAST = {False: 3.0, True: 30.0}
"""Seconds at the end for what is under way; where the daemon was to run once, for everything that was not tried yet."""
_KINDS = {Event.DONE: "success", Event.FAILED: "failure", Event.REVIEW: "warning", Event.PUBLISHED: "success"}


class Herald(Tally):
    """Has it told, in a thread of its own and by a process that ends afterwards."""

    def __init__(self, settings: Settings, log: FilteringBoundLogger, command: Sequence[str] = COMMAND) -> None:
        """Begin with what an earlier daemon left.

        Args:
            settings: All of them.
            log: Told what could not be told.
            command: Another program for the announcer.
        """
        self._settings = settings
        self._log = log
        self._command = command
        self._outbox = Outbox(settings.paths.state / FOLDER, log)
        self._outbox.load(settings.paths.root / "working")
        self._stirred = threading.Condition()
        self._over = self._idle = False
        self._under_way: Announcement | None = None
        self._thread = threading.Thread(target=self._serve, name="herald", daemon=True)
        self._thread.start()

    def saved(self, before: Job, after: Job, home: Path) -> None:
        """Note what there is to tell; of a job that has ended only once it has left its folder."""
        if (event := event_of(before, after)) is None or not self._wanted(event, after):
            return
        notice = Notice.of(event, after, home, time.time())
        self._outbox.put(replace(notice, held=home.name) if ending(after) else notice)
        self._stir()

    def over(self, job: Job, home: Path) -> None:
        """Note that a job has ended, and where it lies."""
        if (event := ending(job)) is not None and self._wanted(event, job):
            self._outbox.put(Notice.of(event, job, home, time.time()))
            self._stir()

    def close(self, *, once: bool = False) -> None:
        """End: what is under way gets a moment, what is left is told after the next start."""
        limit = time.monotonic() + _LAST[once]
        with self._stirred:
            if once:
                self._stirred.wait_for(lambda: self._idle and not self._fresh(), limit - time.monotonic())
            self._over = True
            self._stirred.notify_all()
        self._thread.join(max(0.0, limit - time.monotonic()))
        if (run := self._under_way) is not None:
            run.stop()
        self._thread.join(_LAST[False])
        if left := len(self._outbox.waiting()):
            self._log.info("notices left for the next start", count=left)

    def _wanted(self, event: Event, job: Job) -> bool:
        on = self._settings.notify.on
        return event in on or (event is Event.DONE and "failed" in on and any(take.error for take in job.takes))

    def _stir(self) -> None:
        with self._stirred:
            self._idle = False
            self._stirred.notify_all()

    def _fresh(self) -> bool:
        return any(notice.tries == 0 for notice in self._outbox.waiting())

    def _serve(self) -> None:
        while not self._over:
            batch = self._batch(time.time())
            if batch:
                self._tell(batch)
                continue
            with self._stirred:
                self._idle = True
                self._stirred.notify_all()
                if not self._over:
                    self._stirred.wait(self._pause(time.time()))

    def _batch(self, now: float) -> list[Notice]:
        """Give the notices that are told now: all have reached the same places. Where one is due, new ones go along."""
        waiting = self._outbox.waiting()
        first = next((notice for notice in waiting if _left(notice, now) <= 0), None)
        if first is None:
            return []
        ripe = [notice for notice in waiting if not notice.tries or _left(notice, now) <= 0]
        return [notice for notice in ripe if notice.told == first.told][:_DIGEST]

    def _pause(self, now: float) -> float:
        """Give the seconds until the next one is due; no longer than an hour, for clocks are set."""
        return max(0.05, min([3600.0, *(_left(notice, now) for notice in self._outbox.waiting())]))

    def _tell(self, batch: list[Notice]) -> None:
        run = self._under_way = Announcement(self._settings, self._command)
        try:
            outcome = run.run(self._messages(batch))
        finally:
            self._under_way = None
        self._settle(batch, outcome, stopped=self._over and bool(outcome.fault))

    def _messages(self, batch: list[Notice]) -> list[Message]:
        language = self._settings.notify.language
        if len(batch) > _SINGLE:
            said = tidings.digest(batch, language)
            return [Message("all", said.title, said.body, told=batch[0].told)]
        return [self._message(notice, language) for notice in batch]

    def _message(self, notice: Notice, language: str) -> Message:
        said = tidings.told(notice, language, self._settings.page.url if self._settings.page.listen else "")
        kind = "warning" if notice.event is Event.DONE and notice.lost else _KINDS[notice.event]
        # Some services refuse pictures: then it is better to do without.
        pictured = notice.poster and self._settings.notify.posters and notice.tries < 2
        picture = f"{notice.folder}/{notice.poster}" if pictured else ""
        return Message(notice.id, said.title, said.body, kind, str(self._settings.paths.root), picture, notice.told)

    def _settle(self, batch: list[Notice], outcome: Outcome, *, stopped: bool) -> None:
        """Cross out what was told, put off the rest, and give up what was tried often enough."""
        lost = []
        for notice in batch:
            reached = outcome.reached("all" if len(batch) > _SINGLE else notice.id)
            missed = None if outcome.places is None else set(outcome.places) - {*notice.told, *reached}
            if missed is not None and not missed:
                self._outbox.remove([notice])
            elif stopped:  # by us: that was no try
                self._outbox.put_off(notice, replace(notice, told=(*notice.told, *reached)))
            elif notice.tries >= len(PAUSES):
                self._outbox.remove([notice])
                lost.append(notice)
            else:
                self._outbox.put_off(notice, notice.put_off(reached, time.time() + PAUSES[notice.tries]))
        reason = [f"{place}: {why}" for place, why in outcome.complaints.items()] or [outcome.fault or "no answer"]
        if lost:
            self._log.warning("notices given up", count=len(lost), jobs=[one.job for one in lost], reason=reason)


def _left(notice: Notice, now: float) -> float:
    """Give the seconds until a notice is due; what is due years from now was written down by a wrong clock."""
    left = notice.due + GATHER * (not notice.tries) - now
    return left if left <= 2 * max(PAUSES) else 0.0


@contextlib.contextmanager
def heralded(
    settings: Settings, log: FilteringBoundLogger, tally: Tally, stop: threading.Event, *, once: bool
) -> Iterator[Tally]:
    """Give a tally that has told what the other one is told, too; only that one where nobody wants to know."""
    if not wanted(settings.notify.urls) or not settings.notify.on:
        yield tally
        return
    herald = Herald(settings, log, COMMAND)
    try:
        yield Tallies(tally, herald)
    finally:
        herald.close(once=once and not stop.is_set())
