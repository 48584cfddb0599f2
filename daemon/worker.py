"""Worker: the daemon's handle on the render process. What crashes, hangs or raves in there stays in there."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from daemon.job import Made
from daemon.message import MOVED, Answer, Failure, Request
from lipsync import Progress

COMMAND = (sys.executable, "-m", "daemon.render_process")
_TURN = 0.25
"""Seconds between two pulses at most."""
_LONGEST_LINE = 1 << 20

Pulse = Callable[[Progress | None], None]
"""Called several times a second while a take is rendered; what it raises stops the take."""


class RenderError(Exception):
    """The renderer says that it cannot make this take, and why."""

    def __init__(self, failure: Failure, heard: int) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.heard = heard


class RenderCrash(Exception):
    """The render process died, hung or talked nonsense; the message completes "the renderer …"."""


class RenderMoved(RenderCrash):
    """The render process has ended of itself: what it may see is not what is mounted there now."""


@dataclass(frozen=True)
class Rendered:
    """A finished take. ``heard`` counts the speeches that this render process has really listened to."""

    made: Made
    heard: int


class Worker:
    """Starts the render process when it is needed, keeps it warm, and kills it when it must be."""

    def __init__(
        self,
        log: FilteringBoundLogger,
        *,
        command: Sequence[str] = COMMAND,
        timeout: float = 0.0,
        recycled_after: int = 200,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            log: For what the process says on standard error, and for its starts and ends.
            command: The program; our process id is added as its last argument.
            timeout: Seconds a take may last; 0 for any time.
            recycled_after: Takes after which the process is started afresh: a slow leak in some library cannot add up.
            clock: Monotonic seconds.
        """
        self._log = log
        self._command = tuple(command)
        self._timeout = timeout
        self._recycled_after = recycled_after
        self._clock = clock
        self._process: _Process | None = None
        self._takes = 0

    def render(self, request: Request, pulse: Pulse, log: FilteringBoundLogger) -> Rendered:
        """Render one take.

        Args:
            request: What to render and where to put it.
            pulse: Called all the while; what it raises stops the take and is passed on.
            log: The log of this take.

        Raises:
            RenderError: The renderer refused; the process stays warm.
            RenderCrash: The process died or hung, and is gone now.
        """
        try:
            answer = self._answered(request, pulse, log)
            self._takes += 1
        except BaseException:
            self.close()
            raise
        if answer.failed is not None:
            raise RenderError(answer.failed, answer.speeches_heard)
        if answer.done is None or not (_whole(request.video) and _whole(request.poster)):
            self.close()
            raise RenderCrash("said that it was finished, and was not")
        if self._takes >= self._recycled_after:
            self.close()
        return Rendered(answer.done, answer.speeches_heard)

    def close(self) -> None:
        """End the render process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
        self._process = None
        self._takes = 0

    def _started(self, log: FilteringBoundLogger) -> _Process:
        if self._process is None or not self._process.alive:
            self.close()
            self._process = _Process((*self._command, str(os.getpid())))
            log.info("renderer started", pid=self._process.pid)
        return self._process

    def _answered(self, request: Request, pulse: Pulse, log: FilteringBoundLogger) -> Answer:
        """Have a request answered, by a process that can see the share as it is mounted now."""
        try:
            return self._converse(self._started(log), request, pulse, log)
        except RenderMoved:
            log.info("renderer starts afresh", reason="the share was mounted anew")
            self.close()
            return self._converse(self._started(log), request, pulse, log)

    def _converse(self, process: _Process, request: Request, pulse: Pulse, log: FilteringBoundLogger) -> Answer:
        """Send the request and listen until the last word, the time-out or the end of the process."""
        end = self._clock() + self._timeout if self._timeout else float("inf")
        process.send(request.line())
        while True:
            progress: Progress | None = None
            for kind, line in process.lines(_TURN):
                if kind == "said":
                    log.info("renderer says", text=line.decode("utf-8", "backslashreplace"))
                    continue
                answer = _read(line)
                if answer.progress is None:
                    return answer
                progress = answer.progress
            pulse(progress)
            if self._clock() > end:
                raise RenderCrash(f"was not finished after {self._timeout:g} s")


class _Process:
    """One render process with its pipes."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C on the terminal is for the daemon alone
        )
        self.pid = self._process.pid
        self._selector = selectors.DefaultSelector()
        self._rest = {"answered": b"", "said": b""}
        for kind, pipe in (("answered", self._process.stdout), ("said", self._process.stderr)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ, kind)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, line: str) -> None:
        """Send one line; a process that is gone is noticed when it is listened to."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line.encode("ascii"))
                self._process.stdin.flush()

    def lines(self, seconds: float) -> Iterator[tuple[str, bytes]]:
        """Yield the lines that come within a time: ("answered", …) from the protocol, ("said", …) from the rest.

        Raises:
            RenderCrash: The process has ended, after its last lines, or a line has no end.
        """
        for selected, _ in self._selector.select(seconds):
            kind = str(selected.data)
            data = os.read(selected.fd, 1 << 16)
            *whole, self._rest[kind] = (self._rest[kind] + data).split(b"\n")
            for line in whole:
                yield kind, line
            if len(self._rest[kind]) > _LONGEST_LINE:
                raise RenderCrash("talked nonsense")
            if not data:
                self._selector.unregister(selected.fileobj)
                if self._rest[kind]:
                    yield kind, self._rest[kind]
        if not self._selector.get_map() or (not self.alive and not self._pending()):
            raise self._end()

    def kill(self) -> None:
        """Kill the process and everything it started, and wait for its end."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _pending(self) -> bool:
        return bool(self._selector.select(0))

    def _end(self) -> RenderCrash:
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return RenderCrash("closed its mouth")
        if code == MOVED:
            return RenderMoved("cannot see the share any more")
        if code >= 0:
            return RenderCrash(f"ended unexpectedly with exit code {code}")
        if code == -signal.SIGKILL:
            return RenderCrash("was killed, as happens when the machine runs out of memory")
        name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
        return RenderCrash(f"was ended by the signal {name}")


def _read(line: bytes) -> Answer:
    try:
        return Answer.of(line)
    except ValueError as error:
        raise RenderCrash("talked nonsense") from error


def _whole(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size > 0
