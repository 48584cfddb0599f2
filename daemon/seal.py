"""Seal: what a dropped file was when it was hashed, so that one which is swapped while it is worked on is found out."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from daemon.job import Input
from daemon.worker import Pulse

_PIECE = 32 << 20


@dataclass(frozen=True)
class Seal:
    """A file as the system shows it. As long as this stays the same, so does what is in it."""

    device: int
    number: int
    size: int
    written: int
    changed: int


def seal(path: Path) -> Seal | None:
    """Look at a file, links not followed; None where it is no regular file of its own."""
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        return None
    return Seal(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def hashed(path: Path, pulse: Pulse) -> Input:
    """Hash a dropped file; gigabytes of it take their time, and the daemon must be seen to live meanwhile.

    Raises:
        OSError: It is gone, no regular file, or cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    digest = hashlib.sha256()
    with os.fdopen(handle, "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            pulse(None)
        return Input(path.name, digest.hexdigest(), file.tell())


def sealed(path: Path, seals: dict[str, Seal], pulse: Pulse) -> Input:
    """Hash a dropped file and remember how it looks.

    Raises:
        FileNotFoundError: It is gone, or something else has its name by now.
        OSError: It cannot be read.
    """
    now = seal(path)
    if now is None:
        raise FileNotFoundError(errno.ENOENT, "something else has its name", str(path))
    known = hashed(path, pulse)
    seals[path.name] = now
    return known


def broken(path: Path, known: Input, seals: dict[str, Seal], pulse: Pulse) -> bool:
    """Say whether a file is another one than that which was hashed, and remember how it looks if it is not.

    Raises:
        OSError: It cannot be looked at.
    """
    now = seal(path)
    if now is None:
        return True
    # systems on the network change these numbers for no reason: what is in the file decides
    if now != seals.get(path.name) and hashed(path, pulse) != known:
        return True
    seals[path.name] = now
    return False


def grown(path: Path, seals: dict[str, Seal]) -> bool:
    """Say whether a file is the one that was hashed and has only become longer."""
    now, before = seal(path), seals.get(path.name)
    if now is None or before is None:
        return False
    return (now.device, now.number) == (before.device, before.number) and now.size > before.size
