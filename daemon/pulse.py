"""Pulse: what goes on while a take is rendered: the loop's own beat, the job's status, and who wants an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from daemon.errors import Cancelled, Stopped
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
        self._face = work.waiting.face if work.waiting else ""

    def __call__(self, progress: Progress | None) -> None:
        """Do what is due, for the daemon and for this step.

        Raises:
            Cancelled: Somebody cancelled the job.
            Stopped: The daemon is asked to end and the take would last too long.
        """
        self._turn()
        self.look(progress)

    def look(self, progress: Progress | None) -> None:
        """Do what is due for this step.

        Raises:
            Cancelled: Somebody cancelled the job.
            Stopped: The daemon is asked to end and the take would last too long.
        """
        work = self._work
        if progress is not None and self._face in work.making:
            work.making[self._face] = progress
        now = self._clock()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            if cancelled(work):
                raise Cancelled
        if self._face:
            shares = work.shares or {self._face: 0.0}
            left = work.estimate.job_left(shares, after(work.job, len(shares)))
            work.status.say(progress_line(work.job, shares, left, work.rivals))
        if self._stop.is_set():
            self._check_end(now)

    def _check_end(self, now: float) -> None:
        """Let a take that is nearly finished be finished; leave any other."""
        self._end = min(self._end, now + self._grace)
        left = self._work.estimate.take_left(self._face, self._work.share(self._face))
        if left is None or now + left > self._end:
            raise Stopped
