"""Shrinker: the process that makes posters small; started when it is needed, and ended when it no longer is."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Sequence

from daemon.page.thumbnail_process import ANSWER, REQUEST

COMMAND = (sys.executable, "-m", "daemon.page.thumbnail_process")
_PATIENCE = 20.0
"""Seconds after which it is ended, whatever it does; it gives itself less, but may be kept from running."""
_IDLE = 15.0
"""Seconds without a picture after which it is let go: it takes some memory."""
_LAST = 0.5
"""Seconds that the picture under way has when the page ends."""
_LARGEST = 1 << 20
"""Bytes of a small one."""


class Shrinker:
    """Gives pictures to the process, one at a time."""

    def __init__(self, command: Sequence[str] = COMMAND, patience: float = _PATIENCE, idle: float = _IDLE) -> None:
        self._command = command
        self._patience = patience
        self._idle = idle
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._timer: threading.Timer | None = None

    def shrink(self, data: bytes, width: int, height: int) -> bytes:
        """Give a JPEG of this size; b"" where none can be made."""
        with self._lock:
            self._calm()
            try:
                process = self._running()
                made = self._asked(process, REQUEST.pack(width, height, len(data)) + data)
            except OSError:
                made = b""
            if not made and self._process is not None and self._process.poll() is not None:
                self._end()
            self._timer = threading.Timer(self._idle, self._rest)
            self._timer.daemon = True
            self._timer.start()
            return made

    def close(self) -> None:
        """End it, whatever it does."""
        if not self._lock.acquire(timeout=_LAST):
            process = self._process
            if process is not None:
                process.kill()
            self._lock.acquire()
        try:
            self._calm()
            self._end()
        finally:
            self._lock.release()

    def _rest(self) -> None:
        with self._lock:
            self._end()

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return self._process

    def _asked(self, process: subprocess.Popen[bytes], words: bytes) -> bytes:
        """Send a picture and wait for the small one; a process that takes too long or breaks off is ended."""
        watch = threading.Timer(self._patience, process.kill)
        watch.daemon = True
        watch.start()
        try:
            if process.stdin is None or process.stdout is None:
                return b""
            process.stdin.write(words)
            process.stdin.flush()
            head = process.stdout.read(ANSWER.size)
            length = ANSWER.unpack(head)[0] if len(head) == ANSWER.size else _LARGEST + 1
            made = process.stdout.read(length) if length <= _LARGEST else b""
            if length > _LARGEST or len(made) < length:
                process.kill()
                process.wait()
            return made if len(made) == length else b""
        except OSError:
            process.kill()
            process.wait()
            raise
        finally:
            watch.cancel()

    def _end(self) -> None:
        """End it: at the end of its input it goes by itself."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
