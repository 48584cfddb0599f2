"""Announcement: one run of the announcer, as the daemon sees it: what it was given, whom it reached, what failed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from daemon.settings import Settings

COMMAND = (sys.executable, "-m", "daemon.announcer")
PATIENCE = 120.0
"""Seconds after which an announcer is given up: services are slow, and Apprise spares them."""


@dataclass(frozen=True)
class Message:
    """One message, as it goes to every place that has not got it.

    Attributes:
        id: Anything; the answers name it.
        kind: "info", "success", "warning" or "failure".
        picture: Path under the root, or "".
        told: The places that have it already.
    """

    id: str
    title: str
    body: str
    kind: str = "info"
    root: str = ""
    picture: str = ""
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What became of one message at one place."""

    place: str
    id: str
    ok: bool
    why: str


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        places: All of them; None where the announcer could not even read them.
        answers: As far as they came.
        fault: Why not all came, or "".
    """

    places: tuple[str, ...] | None = None
    answers: tuple[Answer, ...] = ()
    fault: str = ""

    def reached(self, identity: str) -> tuple[str, ...]:
        """Give the places that have a message."""
        return tuple(answer.place for answer in self.answers if answer.id == identity and answer.ok)

    @property
    def complaints(self) -> dict[str, str]:
        """What each place that did not take a message said last."""
        return {answer.place: answer.why for answer in self.answers if not answer.ok}


@dataclass
class Announcement:
    """One run; ``stop`` ends it from another thread."""

    settings: Settings
    command: Sequence[str] = COMMAND
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _over: bool = field(default=False, init=False)
    _late: bool = field(default=False, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def run(self, messages: Sequence[Message], *, check: bool = False, patience: float = PATIENCE) -> Outcome:
        """Have the messages told; with ``check``, only see whether the addresses are understood."""
        order = {"urls": list(self.settings.notify.urls), "messages": [asdict(one) for one in messages], "check": check}
        try:
            process = self._started()
        except OSError as error:
            return Outcome(fault=f"it cannot be started ({error.strerror})")
        if process is None:
            return Outcome(fault="it was stopped")
        clock = threading.Timer(patience, self._too_late)
        clock.daemon = True
        clock.start()
        try:
            return self._outcome(process, list(_said(process, json.dumps(order).encode() + b"\n")), patience)
        finally:
            clock.cancel()
            self.stop()
            process.wait()

    def stop(self) -> None:
        """End it at once."""
        with self._lock:
            self._over = True
            if self._process is not None and self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _too_late(self) -> None:
        self._late = True
        self.stop()

    def _started(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._over:
                return None
            self._process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libraries name addresses there, with the passwords in them
                start_new_session=True,  # Ctrl-C on the terminal is for the daemon alone
                env={name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"},
            )
            return self._process

    def _outcome(self, process: subprocess.Popen[bytes], said: list[dict[str, Any]], patience: float) -> Outcome:
        places = next((tuple(line["places"]) for line in said if "places" in line), None)
        answers = tuple(Answer(**line) for line in said if "place" in line)
        fault = ""
        if self._late:
            fault = f"it took longer than {patience:g} s"
        elif (code := process.wait()) != 0:
            fault = f"the announcer ended with {code}"
        return Outcome(places, answers, fault)


def _said(process: subprocess.Popen[bytes], order: bytes) -> Iterator[dict[str, Any]]:
    """Give it the order, and yield what it says until its end."""
    if process.stdin is None or process.stdout is None:
        return
    with contextlib.suppress(OSError), process.stdin:
        process.stdin.write(order)
    with process.stdout:
        for line in process.stdout:
            with contextlib.suppress(ValueError):  # cut off, or said by some library
                if isinstance(said := json.loads(line), dict):
                    yield said
