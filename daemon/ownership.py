"""Ownership: what we make on a share belongs to the person who dropped the folder, as far as we may give it away.

Whoever could change the dropped folder can change and delete what was made of it: owner, group and rights follow the
drop. A folder in which we still have work stays ours where we are not root: in one that is given away we may not write.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from daemon.journal import INPUTS

_FOLDER = stat.S_ISGID | stat.S_IRWXG | stat.S_IRWXO
_FILE = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


def give(path: Path, like: Path, *, away: bool = True) -> None:
    """Give a file or folder to whom another one belongs; where that is not permitted, leave it.

    Args:
        path: What we have made.
        like: The dropped folder.
        away: Give up the ownership, too; otherwise only its group and rights follow the drop.
    """
    with contextlib.suppress(OSError):
        model = like.lstat()
        # by handle: others may write here, and could put a link in its place meanwhile
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _give(handle, model, away or os.geteuid() == 0)
        finally:
            os.close(handle)


def give_home(home: Path, *, away: bool = True) -> None:
    """Give a job's folder, and what we made in it, to the owner of the dropped files; the folder itself last."""
    inputs = home / INPUTS
    for path in (*home.iterdir(), home):
        if path != inputs:
            give(path, inputs, away=away)


def _give(handle: int, model: os.stat_result, away: bool) -> None:
    mine = os.fstat(handle)
    folder = stat.S_ISDIR(mine.st_mode)
    if not folder and (not stat.S_ISREG(mine.st_mode) or mine.st_nlink > 1):
        return  # nothing that we have made
    before = stat.S_IMODE(mine.st_mode)
    wanted = before | (model.st_mode & (_FOLDER if folder else _FILE))
    if wanted != before:
        with contextlib.suppress(OSError):
            os.fchmod(handle, wanted)
    owner = model.st_uid if away else mine.st_uid
    if (owner, model.st_gid) == (mine.st_uid, mine.st_gid):
        return
    try:
        os.fchown(handle, owner, model.st_gid)
    except OSError:
        os.fchown(handle, -1, model.st_gid)  # to a group of ours it may be permitted
