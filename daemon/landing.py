"""Landing: a folder that is whole comes into the inbox by one rename, under a name that nobody has."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from daemon import durable
from daemon.name import numbered

_LIBC = ctypes.CDLL(None, use_errno=True)
_HERE = -100
_NO_REPLACE = 1
_UNKNOWN = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""What file systems answer that cannot promise it (some shares)."""
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


def land(folder: Path, inbox: Path, name: str) -> Path:
    """Move a folder into the inbox; where the name is taken, under the next with a number. It never joins another.

    Raises:
        OSError: It cannot be moved; it is where it was.
    """
    number = 1
    while True:
        target = inbox / numbered(name, number)
        try:
            _move(folder, target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            number += 1
        else:
            durable.flush_folder(inbox)
            return target


def _move(folder: Path, target: Path) -> None:
    """Rename, unless there is something of that name: a plain rename would take the place of an empty folder."""
    source, aim = os.fsencode(folder), os.fsencode(target)
    rename = getattr(_LIBC, "renameat2", None)
    if rename is not None:
        if rename(_HERE, source, _HERE, aim, _NO_REPLACE) == 0:
            return
        code = ctypes.get_errno()
        if code not in _UNKNOWN:
            raise OSError(code, os.strerror(code), str(target))
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    folder.rename(target)
