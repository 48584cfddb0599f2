"""Conclusion: the end of a job's way, into done/ or failed/. Each step can be repeated after a crash."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

from daemon import durable, log, ownership, review, status, why
from daemon.errors import JournalError
from daemon.hallmark import Hallmark
from daemon.job import Job, TakeState
from daemon.journal import FILE_NAME, INPUTS, OURS, folders
from daemon.listing import ignorable
from daemon.name import LONGEST, numbered
from daemon.owner import CARD, LOCK, withdraw
from daemon.papers import written
from daemon.plain import read_plain, untouched, write_plain
from daemon.seal import hashed
from daemon.work import WISHES
from daemon.worker import Pulse

RETRY = "retry"
"""In ``.lipsyncd/``: a file that says that what failed shall be made again."""
PREVIOUS = "previous"
"""In ``.lipsyncd/``: what an earlier try of a failed folder left, to be used again."""
LETTER = "letter"
"""In ``.lipsyncd/``: the name of the WHY.txt that is ours."""
_SHELL = (FILE_NAME, log.FILE_NAME, status.FILE_NAME, *WISHES)
"""What is in a job's folder beside the dropped files, whatever becomes of it; a wish that came too late, too: in an
empty folder it would wait for the next job of that name."""


def to_done(job: Job, home: Path, done: Path) -> Path:
    """Move a finished job to done/ and give its new folder.

    Raises:
        OSError: It cannot be moved.
    """
    path = home / why.FILE_NAME
    if job.in_state(TakeState.FAILED) or job.notes:
        durable.replace(path, why.why(job))
    else:
        path.unlink(missing_ok=True)
    for old in (home / status.FILE_NAME, home / review.FILE_NAME, *_torn(home)):
        old.unlink(missing_ok=True)
    ownership.give_home(home, away=False)
    target = _move(home, done, home.name)
    _strip(target)
    return target


def sweep(done: Path) -> None:
    """Remove what a crash right after the move to done/ left there of ours; once at the start is enough."""
    for home in folders(done):
        hidden = home / OURS
        with contextlib.suppress(OSError):
            if hidden.is_dir() and not (hidden / RETRY).exists():
                _strip(home)


def _strip(home: Path) -> None:
    """Remove our own things from a finished job's folder, and give it away: from now on it is the person's.

    So goes what somebody asked for too late: a job that is retried must not be cancelled by a wish of before.
    """
    forget(home)
    shutil.rmtree(home / OURS, ignore_errors=True)
    with contextlib.suppress(OSError):
        ownership.give_home(home)


def forget(home: Path) -> None:
    """Remove what somebody has asked for that is not to be done any more, or was asked of another job of this name."""
    for wish in WISHES:
        with contextlib.suppress(OSError):
            (home / wish).unlink(missing_ok=True)


def to_failed(job: Job, home: Path, failed: Path, hallmark: Hallmark, beat: Pulse) -> Path:
    """Move a failed job's files to failed/, as they were dropped, with WHY.txt and what was made hidden in it.

    Args:
        job: The job.
        home: Its folder in working/.
        failed: Where it goes.
        hallmark: Makes sure that what was made is known again when the folder comes back.
        beat: Called while files are hashed; what it raises leaves everything to be done once more.

    Raises:
        OSError: It cannot be moved.
    """
    inputs = home / INPUTS
    if not inputs.exists():  # moved already, before a crash
        discard(home)
        return failed / home.name
    for name in written(job):
        (home / name).unlink(missing_ok=True)
    hidden = inputs / OURS
    _make_way(hidden)
    hidden.mkdir(exist_ok=True)
    made = job.in_state(TakeState.RENDERED)
    job, files = _remember(job, hidden, hallmark)
    for take in made:
        for name in (f"{take.name}.mp4", f"{take.name}.jpg"):
            if (home / name).exists():
                durable.rename(home / name, hidden / name)
            files |= _printed(hidden / name, beat)
    durable.replace(hidden / FILE_NAME, hallmark.strike(job, files))
    if (home / log.FILE_NAME).exists():
        write_plain(hidden / log.FILE_NAME, (home / log.FILE_NAME).read_bytes())
    letter = _letter(inputs, hidden)
    durable.replace(letter, why.why(job))
    for path in (*hidden.iterdir(), hidden, letter):
        ownership.give(path, inputs)
    target = _move(inputs, failed, home.name)
    discard(home)
    return target


def discard(home: Path) -> None:
    """Remove what is left of a job in working/ whose files are elsewhere; nothing but our own papers is removed."""
    for path in (*(home / name for name in _SHELL), *_torn(home)):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    for path in (home / OURS).glob("*"):
        if path.name in (LOCK, CARD):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
    withdraw(home)


def _torn(home: Path) -> list[Path]:
    """Give what a crash left half-written in a job's folder."""
    return list(home.glob(".*.part"))


def _move(source: Path, place: Path, name: str) -> Path:
    """Move a folder to a place under its name, or "NAME (2)" and so on where that is taken."""
    number = 1
    while True:
        target = place / numbered(name, number)
        if not target.exists() and not target.is_symlink():
            with contextlib.suppress(FileExistsError):
                return _renamed(source, target)
        number += 1


def _renamed(source: Path, target: Path) -> Path:
    try:
        durable.rename(source, target)
    except OSError as error:
        if target.exists() and source.exists():
            raise FileExistsError(str(target)) from error  # somebody was faster: ENOTEMPTY, EEXIST
        if source.exists() or not target.exists():
            raise
    return target


def _make_way(hidden: Path) -> None:
    """Rename what a person dropped under our hidden name, unless it is a plain folder: we need one of that name."""
    if hidden.is_symlink() or (hidden.exists() and not (hidden.is_dir() and untouched(hidden, ignorable))):
        number = 1
        while (target := hidden.with_name(numbered(f"_{hidden.name}", number))).exists():
            number += 1
        hidden.rename(target)


def _letter(folder: Path, hidden: Path) -> Path:
    """Give the path of our WHY.txt: "WHY (2).txt" where a person dropped one of their own, and always the same."""
    if name := letter_name(hidden):
        return folder / name
    stem, _, suffix = why.FILE_NAME.partition(".")
    number = 1
    while os.path.lexists(path := folder / f"{numbered(stem, number)}.{suffix}") and not why.written_by_us(path):
        number += 1
    durable.replace(hidden / LETTER, path.name)
    return path


def letter_name(hidden: Path) -> str:
    """Give the name of the WHY.txt that we wrote beside this ``.lipsyncd/``; "" if we wrote none."""
    try:
        name = read_plain(hidden / LETTER, LONGEST).decode()
    except (OSError, ValueError):
        return ""
    return name if name.startswith("WHY") and name.endswith(".txt") and "/" not in name else ""


def _remember(job: Job, hidden: Path, hallmark: Hallmark) -> tuple[Job, dict[str, str]]:
    """Carry over what an earlier try of this folder made and published, where this one came to an end before it looked.

    Returns:
        The job with it, and the sha256 of its files, by name.
    """
    try:
        earlier, files = hallmark.known(hidden / FILE_NAME)
    except JournalError:
        return job, {}
    made = {take.face: take for take in earlier.in_state(TakeState.RENDERED)}
    kept = {take.face for take in job.in_state(TakeState.RENDERED)}
    takes = [made.pop(take.face, take) if take.face not in kept else take for take in job.takes]
    takes += [take for face, take in made.items() if face not in kept]
    return replace(job if job.inputs else job.inheriting(earlier), takes=tuple(takes)), files


def _printed(path: Path, beat: Pulse) -> dict[str, str]:
    """Give the sha256 of a file by its name; nothing where it cannot be read: then it is made anew one day."""
    with contextlib.suppress(OSError):
        return {path.name: hashed(path, beat).sha256}
    return {}
