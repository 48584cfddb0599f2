"""What it takes for a change to last: written beside, flushed, renamed, and the folder flushed too."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

_NOT_FOR_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF)
"""What file systems answer that cannot flush a folder (SMB, some FUSE); their servers decide."""


def replace(path: Path, text: str) -> None:
    """Make ``path`` hold ``text``: a reader sees the old file or the new one, whole, whatever happens meanwhile.

    Raises:
        OSError: It cannot be written; the old file is untouched.
    """
    beside = _beside(path)
    try:
        with beside.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def _beside(path: Path) -> Path:
    """Give a name to write under that is free: torn by a crash, or a link put there to be written through, goes first.

    Raises:
        OSError: What has the name cannot be removed.
    """
    beside = path.with_name(f".{path.name}.part")
    if beside.is_dir() and not beside.is_symlink():
        return path.with_name(f".{secrets.token_hex(8)}.part")
    beside.unlink(missing_ok=True)
    return beside


def rename(source: Path, target: Path) -> None:
    """Move a file or folder on one file system and make both folders remember it.

    Where a disk fails at the very last, it is moved all the same: whoever catches the error looks where it is.

    Raises:
        OSError: It cannot be moved; a folder is never moved onto one that holds something.
    """
    source.rename(target)
    flush_folder(target.parent)
    if source.parent != target.parent:
        flush_folder(source.parent)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder last a power cut.

    Raises:
        OSError: The disk failed.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NOT_FOR_FOLDERS:
            raise
    finally:
        os.close(handle)
