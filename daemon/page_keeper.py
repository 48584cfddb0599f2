"""Page keeper: the page's process, started with the daemon, started again where it ends, and ended with the daemon.

Nothing that happens to it concerns the work: it has a thread of its own here, which only listens and waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from structlog.typing import FilteringBoundLogger

from daemon.settings import Settings

COMMAND = (sys.executable, "-m", "daemon.page")
_FIRST, _LONGEST = 1.0, 60.0
"""Seconds until it is started again: twice as long each time, up to a minute."""
_WELL = 60.0
"""Seconds after which one that has ended was well before."""
_LAST = 3.0
"""Seconds that it has to end."""
_LINE = 64 * 1024
_FIRST_WORDS = 50
"""Lines of a process that are remembered, so that the next one need not say them again."""
_LACKING = 3
"""Exit code of a process that has said why it cannot show the page."""


class PageKeeper:
    """Keeps the page up until it is closed."""

    def __init__(self, settings: Settings, log: FilteringBoundLogger, command: Sequence[str] = COMMAND) -> None:
        """Start it, in a while: nobody waits for that.

        Args:
            settings: All of them; they go to the process by a pipe, where nobody else can read them.
            log: Takes what the process has to say.
            command: Another program.
        """
        self._settings = settings
        self._log = log
        self._command = command
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._said: set[str] = set()
        self._thread = threading.Thread(target=self._keep, name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._over.set()
        with self._lock:
            process = self._process
            if process is not None:
                self._let_go(process)
        self._thread.join(_LAST)
        if process is not None and process.poll() is None:
            process.kill()
            self._thread.join(_LAST)

    @staticmethod
    def _let_go(process: subprocess.Popen[bytes]) -> None:
        """Close the pipe whose end is the end of the page."""
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _keep(self) -> None:
        pause = _FIRST
        while not self._over.is_set():
            begun = time.monotonic()
            code = self._once()
            if self._over.is_set():
                return
            well = time.monotonic() - begun > _WELL
            pause = _FIRST if well else min(_LONGEST, 2 * pause)
            if code != _LACKING:
                self._log.warning("the page ended by itself and is started again", code=code, seconds=pause)
            self._over.wait(pause)

    def _once(self) -> int:
        """Start it, pass on what it says, and give its exit code."""
        try:
            process = self._started()
        except OSError as error:
            self._log.error("the page cannot be started", reason=error.strerror)
            return -1
        if process is None:
            return 0
        said: set[str] = set()
        if process.stderr is not None:
            with process.stderr as lines:
                while line := lines.readline(_LINE):
                    told = self._relay(line.decode("utf-8", "backslashreplace").strip())
                    if len(said) < _FIRST_WORDS:
                        said.add(told)
        code = process.wait()
        self._let_go(process)
        self._said = said
        return code

    def _started(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._over.is_set():
                return None
            environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
            process = self._process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C on the terminal is for the daemon alone
                env=environment,
            )
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.write(self._settings.model_dump_json().encode() + b"\n")
                    process.stdin.flush()
            return process

    def _relay(self, line: str) -> str:
        """Pass one line on, unless the process before this one said the same; and give what it says."""
        try:
            event = json.loads(line)
            level, text = str(event.pop("level")), str(event.pop("event"))
        except (ValueError, KeyError, TypeError, AttributeError):
            level, text, event = "warning", "the page says", {"text": line}
        facts = {name: value for name, value in event.items() if name not in ("timestamp", "job", "take")}
        said = json.dumps([text, facts], sort_keys=True)
        if said not in self._said and level in ("info", "warning", "error"):
            getattr(self._log, level)(text, **facts)
        return said


@contextlib.contextmanager
def showing(settings: Settings, log: FilteringBoundLogger, *, once: bool) -> Iterator[None]:
    """Show the page meanwhile, if that is wanted."""
    if once or not settings.page.listen:
        yield
        return
    with contextlib.closing(PageKeeper(settings, log)):
        yield
