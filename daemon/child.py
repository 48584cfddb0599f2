"""Child: one render process with its pipes, as the daemon sees it: what it says, what it holds, how it ended."""

from __future__ import annotations

import contextlib
import math
import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

from daemon import memory
from daemon.message import MOVED

_LONGEST_LINE = 1 << 20
LAST_MOMENT = 5.0
"""Seconds that what it has started is given to end."""
_WEIGHED_EVERY = 1.0
"""Seconds between two looks at the memory of the process."""


_CLOSED = ("LIPSYNCD_", "CREDENTIALS_", "NOTIFY_")
"""Beginnings of variables that hold secrets, or the way to them: it decodes what strangers have made."""


class RenderCrash(Exception):
    """The render process died, hung or talked nonsense; the message completes "the renderer …".

    Attributes:
        kind: "died", "killed", "hung", "memory", "nonsense" or "unfinished".
    """

    def __init__(self, message: str, kind: str = "died") -> None:
        super().__init__(message)
        self.kind = kind


class RenderMoved(RenderCrash):
    """The render process has ended of itself: what it may see is not what is mounted there now."""


class Child:
    """One render process with its pipes."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start it.

        Args:
            command: The program.
            environment: What its environment says beyond ours, of which no secret is passed on.
        """
        self._process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
            command,
            env=_inherited(os.environ) | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C on the terminal is for the daemon alone
        )
        self.pid = self._process.pid
        self._selector = selectors.DefaultSelector()
        self._rest = {"answered": b"", "said": b""}
        self._weighed, self._holds, self._held_first = float("-inf"), 0, 0
        for kind, pipe in (("answered", self._process.stdout), ("said", self._process.stderr)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ, kind)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def fileno(self) -> int:
        """Give what becomes readable when it says something, or has ended."""
        return self._selector.fileno()

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
                raise RenderCrash("talked nonsense", "nonsense")
            if not data:
                self._selector.unregister(selected.fileobj)
                if self._rest[kind]:
                    yield kind, self._rest[kind]
        if not self._selector.get_map() or (not self.alive and not self._pending()):
            raise self._end()

    def weigh(self, now: float, *, drawing: bool) -> None:
        """Look at how much memory it holds, now and then; what it had when it first drew is its own."""
        first = drawing and not self._held_first
        if first or now - self._weighed >= _WEIGHED_EVERY:
            self._weighed, self._holds = now, memory.held(self.pid)
            self._held_first = self._holds if first else self._held_first

    def grown(self) -> int:
        """Give the bytes that it held beyond that when it was weighed last."""
        return self._holds - self._held_first if self._held_first else 0

    def kill(self) -> None:
        """Kill the process and everything it started, and wait for its end."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def bury(self, end: float = math.inf) -> None:
        """Wait for what it left behind after its end, not for long, and let go of it.

        Args:
            end: No longer than until then, in monotonic seconds.
        """
        self._outlast(min(end, time.monotonic() + LAST_MOMENT))
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _outlast(self, end: float) -> None:
        """Wait until nobody holds its pipe any more: the keeper of an external program takes a moment to end that."""
        pipe = self._process.stderr
        while pipe and (left := end - time.monotonic()) > 0 and select.select([pipe], [], [], left)[0]:
            if not os.read(pipe.fileno(), 1 << 16):
                return

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
            return RenderCrash("was killed, as happens when the machine runs out of memory", "killed")
        name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
        return RenderCrash(f"was ended by the signal {name}")


def _inherited(ours: Mapping[str, str]) -> dict[str, str]:
    """Give what the process may know of our environment; its settings come with each request."""
    return {name: value for name, value in ours.items() if not name.startswith(_CLOSED)}
