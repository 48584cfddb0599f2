"""Examination: what the doctor found when the page last asked it; one at a time, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from daemon.doctor import Check
from daemon.settings import Settings

COMMAND = (sys.executable, "-m", "daemon.commands.doctor_process")
_PATIENCE = 120.0
"""Seconds after which it is ended: what it has found until then is shown."""
_LINE = 64 * 1024
_MOST = 500
"""Findings that are kept."""
_STATES = ("ok", "warn", "fail")


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        at: When the examination began, UTC, ISO 8601.
        checks: As far as it is.
        running: It goes on.
        end: How it ended: "whole", "slow" (it had to be ended), or "broken" (it ended by itself, too early).
    """

    at: str
    checks: tuple[Check, ...] = ()
    running: bool = True
    end: str = ""

    def like(self, *states: str) -> tuple[Check, ...]:
        """Give the findings of these states, in order."""
        return tuple(check for state in states for check in self.checks if check.state == state)


class Examination:
    """Has the doctor look, when it is asked to."""

    def __init__(self, settings: Settings, command: Sequence[str] = COMMAND, patience: float = _PATIENCE) -> None:
        """Look at nothing yet.

        Args:
            settings: Of the service.
            command: Another program than the doctor.
            patience: Seconds that it has.
        """
        self._settings = settings
        self._command = command
        self._patience = patience
        self._lock = threading.Lock()
        self.last: Report | None = None

    def begin(self) -> bool:
        """Begin one; False where one is under way."""
        with self._lock:
            if self.last is not None and self.last.running:
                return False
            self.last = Report(datetime.now(UTC).isoformat(timespec="seconds"))
        threading.Thread(target=self._run, args=(self.last,), name="doctor", daemon=True).start()
        return True

    def _run(self, report: Report) -> None:
        end = "broken"
        try:
            end = self._examined(report)
        except OSError:
            pass
        finally:
            self.last = replace(self.last or report, running=False, end=end)

    def _examined(self, report: Report) -> str:
        process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it can be ended with all it has started
        )
        slow = threading.Event()
        timer = threading.Timer(self._patience, self._stop, (process, slow))
        timer.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                if process.stdin is not None:
                    process.stdin.write(self._settings.model_dump_json().encode() + b"\n")
                    process.stdin.flush()
            while process.stdout is not None and (line := process.stdout.readline(_LINE)):
                if len(report.checks) < _MOST and (check := _check(line)):
                    self.last = report = replace(report, checks=(*report.checks, check))
            code = process.wait()
        finally:
            timer.cancel()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        return "slow" if slow.is_set() else "whole" if code == 0 and report.checks else "broken"

    @staticmethod
    def _stop(process: subprocess.Popen[bytes], slow: threading.Event) -> None:
        slow.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _check(line: bytes) -> Check | None:
    """Read one finding; what is none is passed over."""
    try:
        said = json.loads(line)
        state = said["state"]
        check = Check(str(said["name"]), state, str(said["found"]), str(said["advice"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return check if state in _STATES else None
