"""Control: what a person asks of a job from outside. Files and renames only, so that it works on a running daemon."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from daemon import durable, remark
from daemon.conclusion import RETRY
from daemon.errors import JobError
from daemon.job import Job, State, TakeState
from daemon.journal import OURS, Filed, Journal
from daemon.name import numbered, shown
from daemon.order import PRIORITIES
from daemon.plain import write_plain
from daemon.work import APPROVE, CANCEL, PRIORITY


def retry(root: Path, job: Job | str) -> Filed:
    """Have a failed job, or the failed takes of a finished one, made again; what is made stays made.

    Args:
        root: The share.
        job: A job, its id, or the name of its folder.

    Returns:
        The job as it was.

    Raises:
        JobError: There is no such job, or nothing of it has failed.
        OSError: Its folder cannot be moved.
    """
    journal = Journal(root)
    filed = _find(journal, job)
    if filed.place == "failed":
        _move(filed.home, journal.inbox)
        return filed
    if filed.place == "working":
        raise JobError(f"{shown(filed.home.name)} is being worked on", "Wait for its end, or cancel it.")
    if not filed.job.notes and not any(take.speech for take in filed.job.in_state(TakeState.FAILED)):
        raise JobError(
            f"nothing of {shown(filed.home.name)} can be made again", "Drop the mended files as a new folder."
        )
    if any(not os.path.lexists(filed.home / f"{take.name}.mp4") for take in filed.job.in_state(TakeState.RENDERED)):
        raise JobError(
            f"videos of {shown(filed.home.name)} are not there any more", "Drop what is in its inputs/ as a new folder."
        )
    _mark(filed.home)
    _move(filed.home, journal.working)
    return filed


def cancel(root: Path, job: Job | str, note: str = "") -> Filed:
    """Give up a job in hand; what is made of it already is kept in failed/.

    Args:
        root: The share.
        job: A job, its id, or the name of its folder.
        note: Why, for those who find it in failed/.

    Raises:
        JobError: There is no such job, or it is over.
        OSError: Its folder cannot be written.
    """
    filed = _in_hand(Journal(root), job)
    remark.put(filed.home / CANCEL, note)
    return filed


def prefer(root: Path, job: Job | str, priority: str) -> Filed:
    """Have a job in hand rendered sooner or later than it was asked for.

    Raises:
        JobError: There is no such job, it is over, or there is no such priority.
        OSError: Its folder cannot be written.
    """
    if priority not in PRIORITIES:
        raise JobError(f"there is no priority {shown(priority)}", f"It is one of: {', '.join(PRIORITIES)}.")
    filed = _in_hand(Journal(root), job)
    write_plain(filed.home / PRIORITY, priority.encode())
    return filed


def approve(root: Path, job: Job | str, note: str = "") -> Filed:
    """Let a job that waits for approval go on.

    Args:
        root: The share.
        job: A job, its id, or the name of its folder.
        note: What there is to say about it; it is kept with the job.

    Raises:
        JobError: There is no such job, or it waits for no approval.
        OSError: Its folder cannot be written.
    """
    filed = _find(Journal(root), job, "working")
    if filed.place != "working" or filed.job.state is not State.REVIEW:
        raise JobError(f"{shown(filed.home.name)} does not wait for approval: it is {filed.job.state}")
    remark.put(filed.home / APPROVE, note)
    return filed


def _in_hand(journal: Journal, job: Job | str) -> Filed:
    if isinstance(job, str) and "/" not in job and (journal.inbox / job).is_dir():
        raise JobError(f"{shown(job)} is not taken yet", "Change its job.toml, or take it out of inbox/ again.")
    filed = _find(journal, job, "working")
    if filed.place != "working":
        raise JobError(f"{shown(filed.home.name)} is over: it is in {filed.place}/")
    return filed


def _mark(home: Path) -> None:
    """Say that what failed shall be made again; whole, for a daemon that starts sweeps an empty ``.lipsyncd/`` away."""
    beside = home / f"{OURS}.{RETRY}"
    beside.mkdir(exist_ok=True)
    (beside / RETRY).touch()
    durable.flush_folder(beside)
    try:
        durable.rename(beside, home / OURS)
    except OSError:  # there is one, with something in it
        (home / OURS / RETRY).touch()
        shutil.rmtree(beside)


def _find(journal: Journal, job: Job | str, first: str = "") -> Filed:
    return journal.find(job, first) if isinstance(job, str) else journal.find(job.id, first, named=False)


def _move(home: Path, place: Path) -> None:
    number = 1
    while (target := place / numbered(home.name, number)).exists():
        number += 1
    durable.rename(home, target)
