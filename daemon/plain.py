"""Plain files: what strangers may have put where we read or write is never followed, waited for, or written through."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def read_plain(path: Path, most: int) -> bytes:
    """Read the beginning of a regular file.

    A link is not followed, and a pipe, which would keep its reader waiting for ever, not read.

    Args:
        path: The file; its folder is trusted.
        most: Bytes that are read at most.

    Raises:
        OSError: It is no regular file, or cannot be read.
    """
    file, status = open_plain(path)
    with file:
        return file.read(min(most, status.st_size))  # room is made for all that is asked for


def open_plain(path: Path) -> tuple[BinaryIO, os.stat_result]:
    """Open a regular file, likewise, and say how it was found.

    Raises:
        OSError: It is no regular file, or cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(handle, "rb"), status


def write_plain(path: Path, data: bytes, *, lasting: bool = False) -> None:
    """Write a file of our own, new: whatever had its name is gone first, and a link leads nowhere.

    Args:
        path: The file.
        data: What will be in it.
        lasting: Have it on the disk itself; some disks say only then that they are full.

    Raises:
        OSError: It cannot be written; nothing is left of it.
    """
    path.unlink(missing_ok=True)
    try:
        with path.open("xb") as file:
            file.write(data)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def put_plain(path: Path, beside: Path, data: bytes) -> None:
    """Have a small file of our own hold this; it need not last a power cut.

    It is written beside and renamed, so that a reader sees the old one or the new one. Where the disk has no room for
    that, it is written over the old one, which has its place on the disk already.

    Raises:
        OSError: It cannot be written.
    """
    try:
        write_plain(beside, data)
        beside.replace(path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        if not _written_over(path, data):
            raise


def _written_over(path: Path, data: bytes) -> bool:
    """Say whether a file that is there and is our own could be written over."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            return False
        old = found.st_size
        written = os.pwrite(handle, data.ljust(old), 0)  # at once: blanks, not the end of what stood there before
        os.ftruncate(handle, min(written, len(data)))
        return written >= len(data)
    except OSError:
        return False
    finally:
        os.close(handle)


def untouched(folder: Path, passed_over: Callable[[str], bool]) -> bool:
    """Say whether there is nothing in a folder but regular files of its own.

    Args:
        folder: What is in its folders is not looked at.
        passed_over: Says of a name that it does not count.
    """
    with os.scandir(folder) as found:
        kinds = [entry.stat(follow_symlinks=False) for entry in found if not passed_over(entry.name)]
    return all(stat.S_ISREG(status.st_mode) and status.st_nlink == 1 for status in kinds)
