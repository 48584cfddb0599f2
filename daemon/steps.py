"""Steps: each takes a job a bit further. Most are over at once; takes are rendered side by side, look by look."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.crew import Crew
from daemon.errors import DiskError, Interruption, LaterError, Stopped, Underway
from daemon.footing import waits
from daemon.job import State, TakeState
from daemon.pipeline import Pipeline
from daemon.pulse import Pulse
from daemon.schedule import Schedule, Spell
from daemon.work import Work
from daemon.worker import Looks

_FIRST_WAIT, _LONGEST_WAIT = 5.0, 300.0


@dataclass(eq=False)
class Step:
    """A step of a job.

    Attributes:
        looks: Goes on at each look; gives in the end whether the job is over.
        spell: The time it takes.
    """

    work: Work
    looks: Looks[bool]
    pulse: Pulse
    spell: Spell

    def look(self) -> bool | None:
        """Go on a bit; None where it is not over then, else whether the whole job is.

        Raises:
            LaterError: It cannot be taken just now.
            Stopped: The daemon is asked to end.
        """
        try:
            progress = next(self.looks)
            try:
                self.pulse.look(progress)
            except (Interruption, OSError) as reason:
                self.looks.throw(reason)
        except StopIteration as end:
            return bool(end.value)
        return None


class Steps:
    """Takes the steps of all jobs, in one thread.

    Attributes:
        current: The job whose step is just being taken, or at which a bug has just shown.
        failed: Some take or job has failed.
    """

    def __init__(
        self,
        works: dict[Path, Work],
        pipeline: Pipeline,
        crew: Crew,
        schedule: Schedule,
        stop: threading.Event,
        *,
        tries: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take none yet.

        Args:
            works: The jobs in hand; one that is over is taken out.
            pipeline: Knows what comes next in a job.
            crew: Who renders.
            schedule: Is told who has had how much of the crew's time.
            stop: Set when the daemon is asked to end.
            tries: How often in a row a step may have to wait before its job is left; 0 for any number.
            clock: Monotonic seconds.
        """
        self._works = works
        self._pipeline = pipeline
        self._crew = crew
        self._schedule = schedule
        self._stop = stop
        self._tries = tries
        self._clock = clock
        self._going: list[Step] = []
        self._inside: list[Work] = []
        self.current: Work | None = None
        self.failed = False

    @property
    def lasting(self) -> bool:
        """Whether some go on."""
        return bool(self._going)

    @property
    def at_work(self) -> list[Work]:
        """The jobs of which steps go on; those that were begun first come first."""
        return list(dict.fromkeys(step.work for step in self._going))

    @property
    def deep(self) -> bool:
        """Whether a step is taken within one that is taken within another: no more is to be done there than must be."""
        return len(self._inside) > 1

    def take(self, work: Work, beat: Callable[[], None]) -> None:
        """Take the next step of a job.

        Args:
            work: The job.
            beat: What must go on meanwhile, where the step cannot be left and come back to.
        """
        pulse = Pulse(work, beat, self._stop)
        step = Step(work, self._pipeline.advance(work, pulse), pulse, self._schedule.begin(work))
        self._going.append(step)
        self._look(step)

    def look(self, seconds: float) -> bool:
        """Go on with all that go on, after waiting until one has something to say; say whether one is over."""
        if seconds:
            self._crew.wait(seconds)
        before = list(self._going)
        for step in before:
            if step in self._going and step.work not in self._inside:
                self._look(step)
        return any(step not in self._going for step in before)

    def spend(self) -> None:
        """Count the time that has gone by."""
        for step in self._going:
            self._schedule.beat(step.work, step.spell)

    def leave(self, work: Work) -> None:
        """Give up all that goes on for a job; what is being rendered is not wanted any more."""
        for step in [step for step in self._going if step.work is work and work not in self._inside]:
            self._going.remove(step)
            step.looks.close()

    def close(self) -> None:
        """Give up everything."""
        for work in self.at_work:
            self.leave(work)

    def _look(self, step: Step) -> None:
        work, over = step.work, True
        with self._within(work):
            try:
                over = self._advanced(step)
            finally:
                if over:
                    step.looks.close()
                    self._going.remove(step)
        if not over:
            return
        self._schedule.end(work, step.spell)
        if work.home not in self._works or work.job.state is not State.QUEUED or not work.job.inputs:
            self.leave(work)  # it was cancelled or has failed, or all is to be hashed anew

    @contextlib.contextmanager
    def _within(self, work: Work) -> Iterator[None]:
        """A bug that shows in there is that of this job."""
        before, self.current = self.current, work
        self._inside.append(work)
        try:
            yield
        finally:
            self._inside.pop()
        self.current = before

    def _advanced(self, step: Step) -> bool:
        """Go on with a step and say whether it is over, one way or another."""
        work = step.work
        try:
            over = step.look()
            if over is None:
                return False
            if over:
                self.failed |= work.job.state is State.FAILED or bool(work.job.in_state(TakeState.FAILED))
                del self._works[work.home]
            work.misses, work.waits_for, work.missing = 0, "", ""
        except Underway as going:
            work.retry_at = self._clock() + (going.wait or 0.0)
            work.status.say(going.message)
        except LaterError as reason:
            self._wait(work, reason)
        except Stopped:
            work.log.info("take left for the next start")
        return True

    def _wait(self, work: Work, reason: LaterError) -> None:
        """Try the step again after a while, longer each time."""
        pause = min(_FIRST_WAIT * 2**work.misses, _LONGEST_WAIT) if reason.wait is None else reason.wait
        work.misses += int(reason.miss)
        self.failed |= bool(self._tries and work.misses > self._tries)
        work.retry_at = self._clock() + pause
        said = f"Waiting: {reason}" if reason.miss else str(reason)
        if (kind := reason.kind if isinstance(reason, DiskError) else said) != work.waits_for:
            (work.log.warning if reason.miss else work.log.info)("waiting", reason=str(reason))
        work.waits_for = kind
        work.status.say(said, now=True)
        waits(work, reason, self._clock())
