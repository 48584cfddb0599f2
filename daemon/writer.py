"""Writer: whether somebody still has a dropped file open, and so may go on writing it after any pause.

On a file system of this machine the kernel knows: it grants a read lease only where nobody has the file open for
writing, be it a program here or an SMB or NFS server for a client elsewhere. On a share the server alone knows; there
only what refuses to be opened is known to be in use.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
from collections.abc import Iterable
from pathlib import Path

_IN_USE = (errno.EAGAIN, errno.EBUSY, errno.ETXTBSY)
"""What opening answers where another holds a lease, or an SMB server says that the file is not shared."""


def written(folder: Path, names: Iterable[str], leases: bool) -> str:
    """Give the first of these files that somebody has open for writing, as far as anybody can tell; or "".

    Args:
        folder: Where they lie.
        names: Regular files in it.
        leases: Ask the kernel, which tells about the file there and not about the network.
    """
    return next((name for name in names if _written(folder / name, leases)), "")


def _written(path: Path, leases: bool) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return error.errno in _IN_USE
    try:
        return leases and not _leased(handle)
    finally:
        os.close(handle)


def _leased(handle: int) -> bool:
    """Lease a file for a moment, and say whether that went; also where the kernel does not let us ask."""
    try:
        # somebody who opens it this very moment waits for us, and we are told by a signal: not by the one that kills
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno != errno.EAGAIN
    with contextlib.suppress(OSError):
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return True
