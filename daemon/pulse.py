"""Pulse: what goes on while a take is rendered: the loop's own beat, the job's status, and who wants an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from daemon.errors import Cancelled, Stopped
from daemon.job import JobTake, TakeState
from daemon.pipeline import cancelled
from daemon.status import after, progress_line
from daemon.work import Work
from lipsync import Progress

_GRACE = 6.0
"""Seconds that a take which is nearly finished is given when the daemon is asked to end."""
_LOOK_EVERY = 0.5


class Pulse:
    """Called several times a second while a step of a job is taken."""

    def __init__(
        self,
        work: Work,
        turn: Callable[[], None],
        stop: threading.Event,
        *,
        grace: float = _GRACE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch over one step.

        Args:
            work: The job.
            turn: What the main loop does each time it turns.
            stop: Set when the daemon is asked to end.
            grace: Seconds that remain then.
            clock: Monotonic seconds.
        """
        self._work = work
        self._turn = turn
        self._stop = stop
        self._grace = grace
        self._clock = clock
        self._end = float("inf")
        self._looked = float("-inf")
        self._share = 0.0

    def __call__(self, progress: Progress | None) -> None:
        """Do what is due.

        Raises:
            Cancelled: Somebody cancelled the job.
            Stopped: The daemon is asked to end and the take would last too long.
        """
        self._turn()
        take = self._take()
        if progress is not None:
            self._share = progress.share
            self._work.tally.progress(progress.share)
            if take is not None and take.face in self._work.making:
                self._work.making[take.face] = progress
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            if cancelled(self._work):
                raise Cancelled
        if take is not None:
            left = self._work.estimate.job_left(self._share, after(self._work.job))
            self._work.status.say(progress_line(self._work.job, take, self._share, left, self._work.rivals))
        if self._stop.is_set():
            self._check_end(now)

    def _take(self) -> JobTake | None:
        return next(iter(self._work.job.in_state(TakeState.WAITING)), None)

    def _check_end(self, now: float) -> None:
        """Let a take that is nearly finished be finished; leave any other."""
        self._end = min(self._end, now + self._grace)
        left = self._work.estimate.take_left(self._share)
        if left is None or now + left > self._end:
            raise Stopped
