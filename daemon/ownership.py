"""Ownership: what we make on a share belongs to the person who dropped the folder, as far as we may give it away."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from daemon.journal import INPUTS


def give(path: Path, like: Path) -> None:
    """Give a file or folder the owner and group that another one has; where that is not permitted, leave it."""
    with contextlib.suppress(OSError):
        model, mine = like.lstat(), path.lstat()
        if (model.st_uid, model.st_gid) != (mine.st_uid, mine.st_gid):
            os.chown(path, model.st_uid, model.st_gid, follow_symlinks=False)


def give_home(home: Path) -> None:
    """Give a job's folder, and what we made in it, to the owner of the dropped files."""
    inputs = home / INPUTS
    for path in (home, *home.iterdir()):
        if path != inputs:
            give(path, inputs)
