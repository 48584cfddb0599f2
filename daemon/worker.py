"""Worker: the daemon's handle on the render process. What crashes, hangs or raves in there stays in there."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from daemon.child import Child, RenderCrash, RenderMoved
from daemon.errors import Stopped
from daemon.job import Made
from daemon.message import Answer, Failure, Gpu, Request
from daemon.seat import Seat
from daemon.tally import Tally
from lipsync import Progress, StorageError

Result = TypeVar("Result")
COMMAND = (sys.executable, "-m", "daemon.render_process")

Pulse = Callable[[Progress | None], None]
"""Called several times a second while something lasts; what it raises stops that."""

Looks = Generator[Progress | None, None, Result]
"""Something that lasts, look by look: each gives the last word on how far it is, if there is a new one. What is thrown
in there stops it, and so does closing it."""


class RenderError(Exception):
    """The renderer says that it cannot make this take, and why."""

    def __init__(self, failure: Failure, heard: int) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.heard = heard


@dataclass(frozen=True)
class Rendered:
    """A finished take. ``heard`` counts the speeches that this render process has really listened to."""

    made: Made
    heard: int
    gpu: Gpu | None = None


@dataclass(frozen=True)
class Patience:
    """What the render process may take; 0 for any amount.

    Attributes:
        take: Seconds for one take.
        silence: Seconds without a sign of life.
        memory: Bytes beyond what the process has when it begins to draw.
        takes: How many, until the process is started afresh: a slow leak in some library cannot add up.
    """

    take: float = 0.0
    silence: float = 0.0
    memory: int = 0
    takes: int = 200


class Worker:
    """Starts the render process when it is needed, keeps it warm, and kills it when it must be.

    Attributes:
        seat: Where the process runs.
        gpu: What it said last of the GPU's memory; all 0 where it uses none, None before it has said anything.
    """

    def __init__(
        self,
        log: FilteringBoundLogger,
        *,
        command: Sequence[str] = COMMAND,
        apart: Mapping[str, Sequence[str]] | None = None,
        seat: Seat = Seat(),  # noqa: B008 - it never changes
        patience: Patience | None = None,
        tally: Tally | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            log: For what the process says on standard error, and for its starts and ends.
            command: The program; our process id is added as its last argument.
            apart: Other programs for engines that need other walls; one process never serves both.
            seat: Where the process runs.
            patience: How much time and memory it is given.
            tally: Is told when it starts, and why it ends.
            clock: Monotonic seconds.
        """
        self._log = log
        self._command = tuple(command)
        self._apart = {engine: tuple(other) for engine, other in (apart or {}).items()}
        self._running: tuple[str, ...] = ()
        self._patience = patience or Patience()
        self._tally = tally or Tally()
        self._clock = clock
        self._process: Child | None = None
        self._ended: Child | None = None
        self._takes = 0
        self._last: Request | None = None
        self.seat = seat
        self.gpu: Gpu | None = None

    @property
    def pid(self) -> int:
        """The render process; 0 where none is running."""
        return self._process.pid if self._process is not None and self._process.alive else 0

    def strangeness(self, request: Request) -> int:
        """Say how much has to be made ready here for a take: 0 where the process has just had its engine and speech."""
        if self._last is None or not self.pid:
            return 2
        if self._last.options != request.options:
            return 3  # its engine would have to go
        return int(self._last.speech != request.speech)

    def fileno(self) -> int:
        """Give what becomes readable when the process, which is at work, has something to say."""
        return self._process.fileno() if self._process is not None else -1

    def render(self, request: Request, log: FilteringBoundLogger) -> Looks[Rendered]:
        """Render one take, look by look; none of them waits.

        Args:
            request: What to render and where to put it.
            log: The log of this take.

        Raises:
            RenderError: The renderer refused; the process stays warm.
            RenderCrash: The process died or hung, and is gone now.
        """
        try:
            answer = yield from self._answered(request, log)
            self._takes += 1
            self._last = request
        except Stopped:
            self.kill("stopped")  # so are all others, and what they leave behind is waited for together: see the crew
            raise
        except BaseException as error:
            self.close(error.kind if isinstance(error, RenderCrash) else "interrupted")
            raise
        if answer.failed is not None:
            if answer.failed.passing and answer.failed.type != StorageError.__name__:
                self.close("exhausted")  # it ran out of something: the next try shall find none of what is used up
            raise RenderError(answer.failed, answer.speeches_heard)
        if answer.done is None or not (_whole(request.video) and _whole(request.poster)):
            self.close("unfinished")
            raise RenderCrash("said that it was finished, and was not", "unfinished")
        self.gpu = answer.gpu or Gpu(0, 0, 0)
        self._tally.gpu(answer.gpu, self.pid, self.seat.gpu)
        if self._worn(log):
            self.close("worn")
        return Rendered(answer.done, answer.speeches_heard, answer.gpu)

    def close(self, why: str = "stopped") -> None:
        """End the render process, whatever it is doing, and wait for what it leaves behind."""
        self.kill(why)
        self.bury()

    def kill(self, why: str = "stopped") -> None:
        """End the render process, whatever it is doing; :meth:`bury` is still to come."""
        if self._process is not None:
            self._process.kill()
            self._tally.renderer_ended(why, self._process.pid)
            self._ended, self._process = self._process, None
        self._takes = 0

    def bury(self, end: float = math.inf) -> None:
        """Wait until nothing of a process that was killed is left, not for long.

        Args:
            end: No longer than until then, in monotonic seconds.
        """
        if self._ended is not None:
            self._ended.bury(end)
        self._ended = None

    def _worn(self, log: FilteringBoundLogger) -> bool:
        """Say whether the process has done its takes, or holds half of what it may grow by after one."""
        grown = self._process.grown() if self._process else 0
        if self._patience.memory and grown > self._patience.memory / 2:
            log.info("renderer has grown", megabytes=grown >> 20)
            return True
        return 0 < self._patience.takes <= self._takes

    def _started(self, engine: str, log: FilteringBoundLogger) -> Child:
        command = self._apart.get(engine, self._command)
        if self._process and command != self._running:
            self.close("walls")
        if self._process is None or not self._process.alive:
            self.close("died")
            self._process, self._running = Child((*command, str(os.getpid())), self.seat.environment()), command
            self._tally.renderer_began(self._process.pid)
            log.info("renderer started", pid=self._process.pid)
        return self._process

    def _answered(self, request: Request, log: FilteringBoundLogger) -> Looks[Answer]:
        """Have a request answered, by a process that can see the share as it is mounted now."""
        try:
            return (yield from self._converse(self._started(request.options.engine, log), request, log))
        except RenderMoved:
            log.info("renderer starts afresh", reason="the share was mounted anew")
            self.close("moved")
            return (yield from self._converse(self._started(request.options.engine, log), request, log))

    def _converse(self, process: Child, request: Request, log: FilteringBoundLogger) -> Looks[Answer]:
        """Send the request and listen until the last word, the end of our patience or that of the process."""
        begun = heard = self._clock()
        process.send(request.line())
        while True:
            progress: Progress | None = None
            for kind, line in process.lines(0.0):
                heard = self._clock()
                if kind == "said":
                    log.info("renderer says", text=line.decode("utf-8", "backslashreplace"))
                    continue
                answer = _read(line)
                if answer.progress is None:
                    return answer
                progress = answer.progress
            yield progress
            process.weigh(self._clock(), drawing=progress is not None)
            self._bear(process, self._clock() - begun, self._clock() - heard)

    def _bear(self, process: Child, spent: float, silent: float) -> None:
        """Put up with the process, or not.

        Raises:
            RenderCrash: It has taken too much.
        """
        given = self._patience
        if given.take and spent > given.take:
            raise RenderCrash(f"was not finished after {given.take:g} s", "hung")
        if given.silence and silent > given.silence:
            raise RenderCrash(f"gave no sign of life for {given.silence:g} s", "hung")
        if given.memory and process.grown() > given.memory:
            raise RenderCrash(f"took more than {given.memory / 1e9:.1f} GB of memory", "memory")


def _read(line: bytes) -> Answer:
    try:
        return Answer.of(line)
    except ValueError as error:
        raise RenderCrash("talked nonsense", "nonsense") from error


def _whole(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size > 0
