"""Room: what a disk refuses, in words for people, and whether it would take by now what it refused.

Asking is cheap, so a job that waits for its disk is looked at every few seconds, and a large file is not made again and
again only to find at its end that there still is no room for it.
"""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import DiskError
from daemon.journal import OURS
from daemon.name import shown
from daemon.plain import write_plain

TRIAL = ".room"
"""A file that is written and removed at once, to see whether that can be done."""
_SAMPLE = bytes(64 * 1024)
_ALMOST = 1 << 20
"""Bytes below which a disk that refuses to hold more is called full."""
_MUCH = 1 << 30
_FEW = 64
_ROOM = "Make room; it goes on by itself."
_RIGHTS = "Give lipsyncd the right to read and write there; it goes on by itself."
_CHECK = "Check the disk and that the share is there; it goes on by itself."
_SAID = {
    errno.EDQUOT: ("the quota of the share is used up", _ROOM),
    errno.EROFS: ("the share is read-only", "Make it writable; it goes on by itself."),
    errno.EIO: ("the disk of the share has a fault", _CHECK),
}
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENODEV)
_UNITS = ("kB", "MB", "GB", "TB")
_FULL = (errno.ENOSPC, errno.EDQUOT)
PASSING = frozenset({*_FULL, *_SAID, *_GONE, errno.ETIMEDOUT, errno.ENXIO})
"""What a disk or a share answers for a while, whoever asks and whatever for."""


@dataclass(frozen=True)
class Space:
    """What is free on a disk: bytes, and files that can still be made (None where there is no such limit)."""

    bytes: int
    files: int | None


def space(folder: Path) -> Space:
    """Give what is free for us on the disk that a folder lies on.

    Raises:
        OSError: It does not tell.
    """
    found = os.statvfs(folder)
    return Space(found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)


def check(folder: Path, spare: int, needed: int = 0) -> None:
    """See that there is room to write.

    Args:
        folder: Where.
        spare: Bytes that are to stay free; 0 for none.
        needed: Bytes that will be written, as far as that is known.

    Raises:
        DiskError: There is none.
        OSError: The disk does not tell.
    """
    free = space(folder).bytes
    if spare and free < spare + needed:
        copies = f", and copies take {size(needed)}" if needed else ""
        message = f"the disk of the share is nearly full ({size(free)} free; {size(spare)} are kept free{copies})"
        raise DiskError(message, _ROOM, kind="spare", wanted=spare + needed)


def refusal(error: OSError, folder: Path) -> DiskError:
    """Say what a disk refused, and what to do about it.

    Args:
        error: What it answered.
        folder: Where the work was going on.
    """
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    message, hint = _words(error, folder, path)
    return DiskError(message, hint, kind=str(error.errno), path=path)


def _words(error: OSError, folder: Path, path: Path | None) -> tuple[str, str]:
    if error.errno == errno.ENOSPC:
        return _full(folder, path), _ROOM
    if error.errno in (errno.EACCES, errno.EPERM):
        name = shown(path.name.removesuffix(".part").removeprefix(".")) if path else "a file"
        return f"{name} may not be read or written", _RIGHTS
    if error.errno in _SAID:
        return _SAID[error.errno]
    if error.errno in _GONE:
        return f"the share, or {shown(path.name) if path else 'a file'} on it, is not there", _CHECK
    return f"the disk refuses ({error.strerror or error})", "Check its space and the rights; it goes on by itself."


def _full(folder: Path, path: Path | None) -> str:
    """Say what there is no more room for; the disk may be another one than that of the share."""
    with contextlib.suppress(OSError):
        found = space(folder)
        if found.files == 0:
            return "the disk of the share is full (there is no room for one more file, however small)"
        if path is not None and not path.is_relative_to(folder) and found.bytes > _ALMOST:
            return f"the disk that {shown(path.name)} lies on is full"
        if found.bytes > _MUCH:
            return f"the share says that it is full, though {size(found.bytes)} are free: is there a quota?"
        return f"the disk of the share is full ({size(found.bytes)} free)"
    return "the disk of the share is full"


@dataclass(frozen=True)
class Shortage:
    """How things were when a disk refused something.

    Attributes:
        home: The folder of the job that waits, or another on the disk in question.
        wanted: Bytes that must be free; 0 where nobody knows.
        path: What was refused, or None.
        free: What was free then; None where the disk did not tell.
        takes: Whether something small could be written all the same.
        rights: What we were permitted to do with what was refused.
    """

    home: Path
    wanted: int
    path: Path | None
    free: Space | None
    takes: bool
    rights: tuple[bool, ...]

    @classmethod
    def of(cls, home: Path, reason: DiskError) -> Shortage:
        """Look how things are."""
        home = reason.where or home
        return cls(home, reason.wanted, reason.path, _space(home), tried(_hidden(home)), _rights(reason.path))

    def over(self) -> bool:
        """Say whether it is worth another try by now."""
        free = _space(self.home)
        if self.wanted:
            return free is not None and free.bytes >= self.wanted
        if _rights(self.path) != self.rights:
            return True
        if not tried(_hidden(self.home)):
            return False
        return not self.takes or _grown(self.free, free)


def tried(folder: Path) -> bool:
    """Say whether a folder takes a small file; nothing is left of it."""
    try:
        probe(folder)
    except OSError:
        return False
    return True


def probe(folder: Path) -> None:
    """See that a folder takes a small file; nothing is left of it.

    Raises:
        OSError: It does not.
    """
    trial = folder / TRIAL
    try:
        write_plain(trial, _SAMPLE, lasting=True)
    finally:
        with contextlib.suppress(OSError):
            trial.unlink(missing_ok=True)


def size(count: int) -> str:
    """Give a number of bytes for people: "0 bytes", "3.4 MB"."""
    if count < 1000:
        return f"{count} bytes"
    power = min((len(str(count)) - 1) // 3, len(_UNITS))
    return f"{count / 1000**power:.1f} {_UNITS[power - 1]}"


def _hidden(home: Path) -> Path:
    hidden = home / OURS
    return hidden if hidden.is_dir() else home


def _grown(before: Space | None, now: Space | None) -> bool:
    """Say whether there is clearly more room than there was."""
    if before is None or now is None:
        return now is not None
    more_files = before.files is not None and now.files is not None and before.files < _FEW and now.files > before.files
    return more_files or now.bytes - before.bytes >= max(len(_SAMPLE), before.bytes // 8)


def _space(folder: Path) -> Space | None:
    try:
        return space(folder)
    except OSError:
        return None


def _rights(path: Path | None) -> tuple[bool, ...]:
    """Give what we may do with a file and in the folder that it lies in."""
    if path is None:
        return ()
    return tuple(os.access(one, mode) for one in (path, path.parent) for mode in (os.F_OK, os.R_OK, os.W_OK, os.X_OK))
