"""Pause: no take is begun while a file called PAUSE is in the root; what is being made is finished, and published.

A file beside inbox/, like CANCEL and APPROVE in a job's folder: whoever can write there may put it there by hand, it
works on a running daemon and outlives it, and all daemons of a share heed it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from daemon.errors import JobError
from daemon.mount import Ground
from daemon.plain import write_plain

FILE_NAME = "PAUSE"
_LOOK_EVERY = 0.5


class Pause:
    """Looks whether there is one, twice a second at most: the root may be far away."""

    def __init__(self, root: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Look at nothing yet.

        Args:
            root: The share; None for a daemon that does not heed it.
            clock: Monotonic seconds.
        """
        self._root = root
        self._clock = clock
        self._looked = float("-inf")
        self._on = False

    @property
    def on(self) -> bool:
        """Whether no take is to be begun."""
        now = self._clock()
        if self._root is not None and now - self._looked >= _LOOK_EVERY:
            self._looked, self._on = now, paused(self._root)
        return self._on


def paused(root: Path) -> bool:
    """Say whether somebody asked for a pause."""
    return os.path.lexists(root / FILE_NAME)


def pause(root: Path, *, guarded: bool = False) -> bool:
    """Have no take begun from now on; say whether that is new.

    Args:
        root: The share.
        guarded: It must be mounted; a file beneath it would be seen by nobody.

    Raises:
        JobError: The root is not there.
        OSError: It cannot be written.
    """
    if not (root.is_dir() and Ground(root, guarded).firm()):
        raise JobError(f"the root {root} is not there", "Mount it, or let `lipsyncd watch` make it.")
    if paused(root):
        return False
    write_plain(root / FILE_NAME, b"No video is begun while this file is here: `lipsyncd resume` removes it.\n")
    return True


def resume(root: Path) -> bool:
    """Have takes begun again; say whether that is new.

    Raises:
        OSError: The file cannot be removed.
    """
    path = root / FILE_NAME
    if not os.path.lexists(path):
        return False
    with contextlib.suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():  # made by hand, where a file was meant
            path.rmdir()
        else:
            path.unlink()
    return True
