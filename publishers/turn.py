"""Whose turn it is: of all processes and threads on this machine, one at a time does a certain thing.

The kernel lets go of the lock when its holder dies, however it dies. On NFS the lock only holds between machines where
the server's lock service runs; the state directory belongs on a local disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from publishers.errors import Unreachable

WAIT = 2.0
"""Seconds after which whoever came second looks again."""
_DISK_WAIT = 10.0
_TRIES = 20


@contextmanager
def turn(folder: Path, *names: str) -> Iterator[None]:
    """Hold the lock of that name while the block runs; never waits for it.

    Args:
        folder: Where the locks lie; made if missing.
        names: What they are for, in any characters.

    Raises:
        Unreachable: Somebody else is at it, or the folder cannot be written to.
    """
    token = hashlib.sha256("\0".join(names).encode()).hexdigest()[:32]
    path = folder / f"{token}.lock"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = _held(path)
    except OSError as error:
        raise Unreachable(
            f"the state directory cannot be written to ({error.strerror or error})",
            "Look at its rights and space; nothing is published until then.",
            _DISK_WAIT,
        ) from error
    if handle is None:
        raise Unreachable(
            "these bytes are being published by somebody else on this machine at this moment",
            "Once they are done, it goes on and nothing is paid again.",
            WAIT,
        )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is still held: who opened it meanwhile sees that it is gone
        os.close(handle)


def _held(path: Path) -> int | None:
    """Return a handle that holds the lock, or None if another has it.

    The file that is locked must still be the one of that name: its last holder may have removed it just now.
    """
    for _ in range(_TRIES):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same(handle, path):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError:
            os.close(handle)
            raise
        os.close(handle)
    return None


def _same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
