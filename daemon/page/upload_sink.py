"""Sink: where uploaded bytes go, straight to their place on the disk. Memory holds a piece of one MiB, never a file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from daemon import room
from daemon.errors import DiskError
from daemon.page.upload_refusal import Refusal

_PIECE = 1 << 20
_FLUSH = 64 << 20
"""Bytes after which the disk is asked to keep up, so that the end of a file does not take long."""


class Sink:
    """Writes one file from some offset on.

    Attributes:
        position: Bytes that the file has.
    """

    def __init__(self, path: Path, position: int, spare: int) -> None:
        """Open it.

        Args:
            path: The file; it is there.
            position: Where to go on.
            spare: Bytes that stay free on the disk; 0 for none.

        Raises:
            OSError: It cannot be opened, or is a link.
        """
        self._path = path
        self._spare = spare
        self._handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._held = bytearray()
        self._flushed = position
        self.position = position

    async def take(self, data: bytes) -> None:
        """Take some bytes.

        Raises:
            Refusal: The disk has no room for them.
        """
        self._held += data
        if len(self._held) >= _PIECE:
            await self.flush()

    async def flush(self) -> None:
        """Write what is held.

        Raises:
            Refusal: The disk has no room for it.
        """
        if self._held:
            held, self._held = self._held, bytearray()
            await run_in_threadpool(self._write, held)

    @property
    def held(self) -> int:
        """Bytes that are not written yet."""
        return len(self._held)

    def size(self) -> int:
        """Give how long the file is."""
        return os.fstat(self._handle).st_size

    def close(self) -> None:
        """Let go."""
        os.close(self._handle)

    def _write(self, data: bytearray) -> None:
        with room_for(self._path.parent, self._spare):
            view = memoryview(data)
            while view:
                count = os.pwrite(self._handle, view, self.position)
                self.position += count
                view = view[count:]
            if self.position - self._flushed >= _FLUSH:
                os.fdatasync(self._handle)
                self._flushed = self.position


@contextlib.contextmanager
def room_for(folder: Path, spare: int = 0, needed: int = 0) -> Iterator[None]:
    """See that there is room, and say what the disk refuses while something is written.

    Args:
        folder: Where.
        spare: Bytes that stay free; 0 for none.
        needed: Bytes that will be written.

    Raises:
        Refusal: 507: it does.
    """
    try:
        room.check(folder, spare, needed)
        yield
    except DiskError as error:
        raise Refusal.of(error, 507) from error
    except OSError as error:
        raise Refusal.of(room.refusal(error, folder), 507) from error
