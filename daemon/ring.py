"""Ring: the last lines of the service's log, in the state folder, for the page; systemd's journal has all of them."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from daemon.settings import Settings

FILE_NAME = "service.log"
OLDER = f"{FILE_NAME}.1"
"""What was in it before it was full."""
LARGEST = 1_000_000
"""Bytes of each of the two."""
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Ring:
    """Keeps lines; where that fails nobody is kept from work."""

    def __init__(self, folder: Path, largest: int = LARGEST) -> None:
        self._path = folder / FILE_NAME
        self._older = folder / OLDER
        self._largest = largest
        self._lock = threading.Lock()

    def append(self, line: bytes) -> None:
        """Add one line, whole or not at all."""
        with self._lock, contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._size() + len(line) > self._largest:
                self._path.replace(self._older)
            write_whole(self._path, line, 0o600)

    def _size(self) -> int:
        try:
            return os.lstat(self._path).st_size
        except FileNotFoundError:
            return 0


def write_whole(path: Path, line: bytes, mode: int = 0o666) -> None:
    """Append a line to a file, whole or not at all; a disk that has no room for it is no error.

    Raises:
        OSError: The file cannot be opened.
    """
    handle = os.open(path, _APPEND, mode)
    try:
        before = os.fstat(handle).st_size
        if _written(handle, line) < len(line):
            os.ftruncate(handle, before)
    finally:
        os.close(handle)


def ring_of(settings: Settings, *, once: bool) -> Ring | None:
    """Give the ring of a service that shows a page."""
    return Ring(settings.paths.state) if settings.page.listen and not once else None


def _written(handle: int, line: bytes) -> int:
    """Write what there is room for, and say how much that was."""
    try:
        return os.write(handle, line)
    except OSError:
        return 0
