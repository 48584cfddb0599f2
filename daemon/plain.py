"""Plain files: what strangers may have put where we read or write is never followed, waited for, or written through."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_plain(path: Path, most: int) -> bytes:
    """Read the beginning of a regular file.

    A link is not followed, and a pipe, which would keep its reader waiting for ever, not read.

    Args:
        path: The file; its folder is trusted.
        most: Bytes that are read at most.

    Raises:
        OSError: It is no regular file, or cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return file.read(most)


def write_plain(path: Path, data: bytes) -> None:
    """Write a file of our own, new: whatever had its name is gone first, and a link leads nowhere.

    Raises:
        OSError: It cannot be written.
    """
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(data)


def untouched(folder: Path) -> bool:
    """Say whether there is nothing in a folder but regular files and folders: no links, pipes or devices."""
    for place, inner, names in os.walk(folder):
        for name in (*inner, *names):
            status = os.lstat(Path(place, name))
            if not (stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)):
                return False
    return True
