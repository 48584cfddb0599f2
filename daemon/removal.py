"""Removal: what had its time goes from done/: renamed into ``.removed/`` first, deleted then, and no link is followed.

Everything is reached by open folders and bare names, so that a path that somebody turns into a link meanwhile leads
nowhere.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from daemon import log, review, status, why
from daemon.job import Job, TakeState
from daemon.journal import FILE_NAME, INPUTS, OURS
from daemon.listing import ignorable
from daemon.papers import written

TRASH = ".removed"
"""In the root: folders that are being deleted."""
NOTE = "REMOVED.txt"
"""In a job's folder: says that its videos were removed, and when."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OURS = (FILE_NAME, INPUTS, OURS, NOTE, log.FILE_NAME, status.FILE_NAME, why.FILE_NAME, review.FILE_NAME)


def results(job: Job) -> list[str]:
    """Give the names of a job's videos and posters; none that leads out of its folder."""
    names = [f"{take.name}{suffix}" for take in job.in_state(TakeState.RENDERED) for suffix in (".mp4", ".jpg")]
    return [name for name in names if "/" not in name and "\0" not in name]


def has_results(home: Path, job: Job) -> bool:
    """Say whether there is a video or a poster left to remove."""
    return any(os.path.lexists(home / name) for name in results(job))


def foreign(home: Path, job: Job) -> str:
    """Give the name of something in a job's folder that neither we made nor a file manager left there, or ""."""
    known = {*_OURS, *results(job), *written(job)}
    names = sorted(path.name for path in home.iterdir())
    return next((name for name in names if name not in known and not ignorable(name)), "")


def remove_results(home: Path, job: Job, note: str) -> None:
    """Remove the videos and the posters of a job, and leave a note.

    Raises:
        OSError: One cannot be removed; the others of them may be gone.
    """
    with _opened(home) as folder:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(NOTE, dir_fd=folder)
        with os.fdopen(os.open(NOTE, _NEW, 0o666, dir_fd=folder), "w", encoding="utf-8") as file:
            file.write(note)
        for name in results(job):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def remove_all(root: Path, home: Path) -> None:
    """Remove a job's folder with all that is in it.

    Raises:
        OSError: It cannot be moved away; then it is whole.
    """
    with contextlib.suppress(FileExistsError):
        (root / TRASH).mkdir(mode=0o700)
    name = secrets.token_hex(8)
    with _opened(root / TRASH) as trash, _opened(home.parent) as place:
        os.rename(home.name, name, src_dir_fd=place, dst_dir_fd=trash)
        shutil.rmtree(name, ignore_errors=True, dir_fd=trash)


def sweep(root: Path) -> None:
    """Delete what a crash left half deleted."""
    with contextlib.suppress(OSError), _opened(root / TRASH) as trash:
        with os.scandir(trash) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            shutil.rmtree(name, ignore_errors=True, dir_fd=trash)
    with contextlib.suppress(OSError):
        (root / TRASH).rmdir()


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Open a folder that is no link."""
    handle = os.open(folder, _FOLDER)
    try:
        yield handle
    finally:
        os.close(handle)
