"""Rounds: what is left to do for a job at its publishers is done, each publisher on its own, and nobody waits for it.

Each call is an errand in a thread; the main loop looks in, takes what came back, writes it down and sends the next.
One publisher that is away delays nothing but its own files, and one file there delays no other.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from daemon.errors import Interruption, LaterError, Underway
from daemon.job import Job, Note
from daemon.messenger import Messenger, Office
from daemon.name import shown
from daemon.status import span
from daemon.task import HOME, Delay, Task
from daemon.work import Work
from publishers import Pending, PublishError, Receipt, Unreachable

_FIRST_DELAY, _LONGEST_DELAY = 30.0, 600.0
_OPTIONAL_TRIES = 6
_DISK_DELAY = 10.0
_GRACE = 4.0
"""Seconds that calls are given to end when nobody needs them any more."""
_DEAF = 1800.0
"""Seconds after which a call that gives no sign of life is left behind; the ledger knows what it may still do."""
_LONGEST_WISH = 3600.0
"""Seconds at most that a publisher can ask to be left alone."""

Plan = Callable[[Work], Sequence[Task]]
"""Gives what is left to do for a job now, the most urgent first."""


class Rounds:
    """The messengers of all publishers, and what they are sent for."""

    def __init__(
        self, build: Callable[[str], Office], wake: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare; no thread is started yet.

        Args:
            build: Gives the publisher of a name; raises PublisherError.
            wake: Called, in another thread, when something has come back.
            clock: Monotonic seconds.
        """
        self._build = build
        self._wake = wake
        self._clock = clock
        self._messengers: dict[str, Messenger] = {}

    def office(self, place: str) -> Office:
        """Give a publisher as far as it was ever sent to, else None. Ask what it is; call nothing but by a task."""
        return self._messenger(place).office

    def drive(self, work: Work, plan: Plan) -> None:
        """Do what can be done of a plan now; return when nothing is left of it.

        Raises:
            Underway: Calls are under way.
            LaterError: What is left has to wait.
            PublishError: A publisher refused for good; nothing is under way any more.
            OSError: A file cannot be read, or nothing can be written down.
        """
        self._collect(work)
        self._leave_deaf(work)
        if work.fault is not None:
            self.recall(work)
            fault, work.fault = work.fault, None
            raise fault
        left = plan(work)
        now = self._clock()
        for task in left:
            self._send(work, task, now)
        if left or work.errands:
            raise self._reason(work, left, now)

    def recall(self, work: Work) -> None:
        """End what is under way for a job; return when nothing is.

        Raises:
            Underway: It has been asked to, and a little time is left for it.
        """
        now = self._clock()
        if work.asked is None:
            work.asked = now
            for _, errand in work.errands.values():
                errand.ask()
        self._collect(work)
        if work.errands and now - work.asked < _GRACE:
            raise Underway("ending " + ", ".join(task.doing for task, _ in work.errands.values()))
        for place in list(work.errands):
            self._leave(work, place)
        work.asked = None

    def close(self, works: Iterable[Work]) -> None:
        """Ask for the end of everything, and wait for it a little; what then still goes on dies with the process."""
        errands = [errand for work in works for _, errand in work.errands.values()]
        for errand in errands:
            errand.ask()
        end = self._clock() + _GRACE
        for errand in errands:
            errand.wait(end - self._clock())
        for messenger in self._messengers.values():
            messenger.dismiss()

    def _messenger(self, place: str) -> Messenger:
        if place not in self._messengers:
            build = _nobody if place == HOME else lambda: self._build(place)
            self._messengers[place] = Messenger(place, build, self._wake)
        return self._messengers[place]

    def _send(self, work: Work, task: Task, now: float) -> None:
        """Begin a task, unless its time has not come or its publisher is at something else."""
        delay = work.delays.get(task.doing)
        messenger = self._messenger(task.place)
        if task.place in work.errands or not messenger.free or (delay and delay.until > now):
            return
        work.log.debug("sent for", publisher=task.place, doing=task.doing)
        work.errands[task.place] = (task, messenger.send(task.call))

    def _collect(self, work: Work) -> None:
        """Write down what came back; what went wrong for good ends the job, once nothing is under way."""
        for place, (task, errand) in list(work.errands.items()):
            if not errand.over:
                continue
            del work.errands[place]
            try:
                change = errand.answer()
            except Interruption:
                work.cut_short.append(task.doing)
            except PublishError as error:
                self._missed(work, task, error)
            except OSError as error:
                self._refused(work, task, error)
            else:
                work.tally.spent(task.stage, errand.seconds, place)
                self._keep(work, task, change(work.job))

    def _refused(self, work: Work, task: Task, error: OSError) -> None:
        """Note that a disk was in the way."""
        if isinstance(error, FileNotFoundError):
            work.fault = work.fault or error
        elif task.place == HOME:
            raise error
        else:
            self._missed(work, task, _refusing(task.place, error))

    def _leave(self, work: Work, place: str) -> Task:
        """Go on without a call that does not end; what it still does, it does alone."""
        task, _ = work.errands.pop(place)
        work.cut_short.append(task.doing)
        work.log.warning("a call was left behind", publisher=place, doing=task.doing)
        self._messengers.pop(place).dismiss()
        return task

    def _leave_deaf(self, work: Work) -> None:
        """Leave calls behind that gave no sign of life for very long."""
        now = time.monotonic()
        for place, (_, errand) in list(work.errands.items()):
            if place != HOME and not errand.over and now - errand.heard > _DEAF:
                task = self._leave(work, place)
                self._missed(work, task, Unreachable(f"{place} has given no sign of life for {span(_DEAF)}"))

    def _keep(self, work: Work, task: Task, job: Job) -> None:
        before = set(work.job.receipts) | {gathered.receipt for gathered in work.job.gathered}
        if job != work.job:
            work.save(job)
        for receipt in [*job.receipts, *(gathered.receipt for gathered in job.gathered)]:
            if receipt not in before:
                _log(work, "published", receipt)
        work.delays.pop(task.doing, None)
        work.unanswered.pop(task.doing, None)
        work.finished.add(task.doing)
        work.cut_short = [doing for doing in work.cut_short if doing != task.doing]

    def _missed(self, work: Work, task: Task, error: PublishError) -> None:
        """Note that a call did not succeed: it is made again later, or never."""
        work.tally.unanswered(task.place, error)
        if task.optional and (not error.passing or work.unanswered[task.doing] >= _OPTIONAL_TRIES):
            work.log.warning("left undone", publisher=task.place, doing=task.doing, reason=str(error))
            note = Note(task.place, error.message, error.hint)
            work.save(replace(work.job, notes=(*work.job.notes, note)))
        elif not error.passing:
            work.fault = work.fault or error
        else:
            self._delay(work, task, error)

    def _delay(self, work: Work, task: Task, error: PublishError) -> None:
        if isinstance(error, Pending):
            work.unanswered.pop(task.doing, None)
            if error.receipt not in work.job.sent:
                _log(work, "sent", error.receipt)
                work.save(work.job.with_sent(error.receipt))
        else:
            said = {str(delay.error) for delay in work.delays.values() if delay.task.place == task.place}
            if str(error) not in said:
                work.log.warning("publisher did not answer", publisher=task.place, doing=task.doing, reason=str(error))
            work.unanswered[task.doing] += 1
        longer = min(_FIRST_DELAY * 2 ** max(0, work.unanswered[task.doing] - 1), _LONGEST_DELAY)
        wait = longer if error.wait is None else min(error.wait, _LONGEST_WISH)
        work.delays[task.doing] = Delay(task, self._clock() + wait, error)

    def _reason(self, work: Work, left: Sequence[Task], now: float) -> LaterError:
        """Say what the job waits for."""
        if work.errands:
            return Underway("; ".join(_progress(task, errand.share) for task, errand in work.errands.values()))
        delays = [delay for task in left if (delay := work.delays.get(task.doing)) and delay.until > now]
        if len(delays) < len(left):
            return Underway(f"waiting for its turn: {left[0].doing}")
        wait = min(delay.until for delay in delays) - now
        pending = [delay for delay in delays if isinstance(delay.error, Pending)]
        if pending:
            return LaterError(_waiting(pending), wait=wait, miss=False)
        error = delays[0].error
        said = f"{delays[0].task.place} did not answer ({error.message})"
        return LaterError(said, error.hint or "It is asked again by itself.", wait=wait)


def _nobody() -> None:
    return None


def _refusing(place: str, error: OSError) -> Unreachable:
    """Say that a disk of this machine is in the way, and which file of it."""
    of = f" over {shown(Path(os.fsdecode(error.filename)).name)}" if error.filename else ""
    said = f"{place}: the disk of this machine refuses{of} ({error.strerror or error})"
    return Unreachable(said, "Look at the space and the rights of the state directory and of /tmp.", _DISK_DELAY)


def _progress(task: Task, share: float) -> str:
    return f"{task.doing}, {int(share * 100)} %" if share else task.doing


def _waiting(pending: Sequence[Delay]) -> str:
    first = pending[0]
    others = f", and {len(pending) - 1} more" if len(pending) > 1 else ""
    every = f"looked at again every {span(first.error.wait or 0.0).removesuffix(' 0 s')}"
    return f"waiting for {first.task.place}: {first.error.message}{others}; {every}"


def _log(work: Work, event: str, receipt: Receipt) -> None:
    work.log.info(event, publisher=receipt.publisher, file=receipt.name, address=receipt.address, state=receipt.state)
