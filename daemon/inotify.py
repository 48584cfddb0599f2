"""Inotify: whether the kernel still has events for us. Each user has only so many, and other programs use them up."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

_IN_CREATE = 0x100
LIMIT = "fs.inotify.max_user_watches"
"""The kernel's setting that says how many there are."""


def lacking(folder: Path) -> str:
    """Try to watch one more folder; give the reason where that is not possible, or "".

    By the kernel itself: a watcher of a library that fails to start leaves threads and handles behind.
    """
    kernel = ctypes.CDLL(None, use_errno=True)
    handle = kernel.inotify_init1(os.O_CLOEXEC)
    if handle < 0:
        return f"no further inotify instance ({os.strerror(ctypes.get_errno())})"
    try:
        if kernel.inotify_add_watch(handle, os.fsencode(folder), ctypes.c_uint32(_IN_CREATE)) >= 0:
            return ""
        error = ctypes.get_errno()
    finally:
        os.close(handle)
    return f"{LIMIT} is used up" if error == errno.ENOSPC else os.strerror(error)
