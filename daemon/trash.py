"""Trash: the folder of a job that is over, moved into ``trash/`` under the root because a person does not want it.

It is moved by one rename, whole or not at all. Nothing of ours looks into ``trash/`` or empties it; moved back, the
folder is what it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon import durable, ownership
from daemon.errors import JobError, JournalError
from daemon.journal import Journal
from daemon.name import numbered, shown

FOLDER = "trash"
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
_OVER = ("done", "failed")


@dataclass(frozen=True)
class Discarded:
    """A folder that was moved away: where it was, its job's id or "", and where it is now."""

    place: str
    folder: str
    id: str
    target: Path


def discard(root: Path, text: str) -> Discarded:
    """Move a job that is over to trash/.

    Args:
        root: The share.
        text: Its id, the name of its folder, or "done/NAME", which names damaged ones, too.

    Raises:
        JobError: There is no such job, or it is not over.
        OSError: Its folder cannot be moved.
    """
    place, _, folder = text.partition("/")
    if place in Journal.PLACES and folder:
        return move(root, place, folder)
    filed = Journal(root).find(text)
    return move(root, filed.place, filed.home.name)


def move(root: Path, place: str, folder: str) -> Discarded:
    """Move one folder in a place to trash/.

    Raises:
        JobError: It is not there (any more), or not over.
        OSError: It cannot be moved.
    """
    if place not in _OVER:
        raise JobError(f"{shown(folder)} is being worked on", "Cancel it first; then it is in failed/.")
    try:
        with _opened(root / place) as source:
            if folder not in _names(source):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
            with _opened(Path(folder), source):
                identity = _identity(root / place / folder)
            return Discarded(place, folder, identity, _moved(root, source, folder))
    except FileNotFoundError as error:
        raise JobError(f"there is no {place}/{shown(folder)} any more", "`lipsyncd jobs` lists them all.") from error


def _moved(root: Path, source: int, folder: str) -> Path:
    trash = root / FOLDER
    with contextlib.suppress(FileExistsError):
        trash.mkdir()
        ownership.give(trash, root / "done", away=False)
    with _opened(trash) as target:
        number = 1
        while True:
            name = numbered(folder, number)
            if name not in _names(target):
                try:
                    os.rename(folder, name, src_dir_fd=source, dst_dir_fd=target)
                except OSError as error:
                    if error.errno not in _TAKEN:
                        raise
                else:
                    break
            number += 1
    durable.flush_folder(trash)
    return trash / name


def _identity(home: Path) -> str:
    try:
        return Journal(home.parent.parent).load(home).id
    except JournalError:
        return ""


def _names(folder: int) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries}


@contextlib.contextmanager
def _opened(folder: Path, within: int | None = None) -> Iterator[int]:
    """Open a folder that is no link.

    Raises:
        JobError: It is a link, or no folder.
        FileNotFoundError: It is not there.
    """
    try:
        handle = os.open(folder, _OPEN, dir_fd=within)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise JobError(f"{shown(folder.name)} is no folder", "Links are left alone.") from error
        raise
    try:
        yield handle
    finally:
        os.close(handle)
