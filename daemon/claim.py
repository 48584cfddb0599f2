"""Claim: a drop becomes ours by one rename into working/, and nobody else's; and jobs that nobody has are taken up."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from daemon import durable, ownership, why
from daemon.conclusion import RETRY, discard, forget
from daemon.errors import JournalError
from daemon.hallmark import Hallmark
from daemon.inbox import Drop, in_use
from daemon.job import Job, State
from daemon.journal import FILE_NAME, INPUTS, OURS, Journal
from daemon.listing import listing
from daemon.mount import mount_of
from daemon.name import numbered, shown, valid
from daemon.owner import Hold, Owners, dismantle, read_card
from daemon.papers import written
from daemon.work import WISHES

_TRIES = 5


@dataclass(frozen=True)
class Terms:
    """What holds for a job whose job.toml says nothing else."""

    engine: str
    publish: tuple[str, ...] = ()
    review: bool = False
    version: str = ""
    hallmark: Hallmark = field(default_factory=lambda: Hallmark(None))


@dataclass(frozen=True)
class Claimed:
    """A job in our hands."""

    job: Job
    home: Path
    hold: Hold


def new_job(drop: Drop, terms: Terms, created: datetime) -> Job:
    """Make the job of a drop; a folder that failed before keeps its id."""
    order, fault = drop.order, drop.fault
    return Job(
        id=_id(drop.folder, terms.hallmark),
        name=drop.folder.name if valid(drop.folder.name) else shown(drop.folder.name),
        created=created.isoformat(timespec="milliseconds"),
        engine=order.engine or terms.engine,
        priority=order.priority,
        takes=drop.takes,
        state=State.FAILED if fault else State.QUEUED,
        title=order.title,
        description=order.description,
        publish=terms.publish if order.publish is None else order.publish,
        review=terms.review if order.review is None else order.review,
        error=fault.message if fault else "",
        hint=fault.hint if fault else "",
        version=terms.version,
    )


def claim(drop: Drop, job: Job, journal: Journal, owners: Owners) -> Claimed | None:
    """Take a drop, or give None where somebody was faster or it has changed meanwhile.

    Raises:
        OSError: The drop may not be moved, or nothing can be written; everything is as it was.
    """
    found = _home(drop.folder.name, journal, owners)
    if found is None:
        return None
    home, hold = found
    try:
        journal.save(home, job)
        durable.flush_folder(journal.working)  # the folder's own name: the files must not go where a power cut takes it
        durable.rename(drop.folder, home / INPUTS)
    except OSError as error:
        if not (home / INPUTS).exists():  # else it is ours: only the last flush failed
            discard(home)
            hold.release()
            if isinstance(error, FileNotFoundError):
                return None
            raise
    if _changed(drop, home) and _given_back(drop, home):
        discard(home)
        hold.release()
        return None
    ownership.give_home(home, away=False)
    return Claimed(job, home, hold)


def adopt(home: Path, journal: Journal, owners: Owners) -> Claimed | None:
    """Take up a job in working/ that nobody has in hand, or give None.

    Raises:
        JournalError: Nobody can, for its job.json is damaged.
        OSError: Its folder cannot be read or written.
    """
    if not (home / FILE_NAME).exists() and read_card(home) is None and (dismantle(home) or not owners.idle(home)):
        return None  # somebody on another machine may be taking it this very moment
    hold = owners.take(home)
    if hold is None:
        return None
    try:
        if not (home / INPUTS).exists():
            discard(home)  # a claim or an end that a crash cut short: the files are elsewhere
        elif home.exists():
            return Claimed(_renewed(home, journal), home, hold)
    except (JournalError, OSError):
        hold.release()
        raise
    hold.release()
    return None


def _renewed(home: Path, journal: Journal) -> Job:
    """Read a job, and do what `retry` asked for if it did."""
    job = journal.load(home)
    marker = home / OURS / RETRY
    if marker.exists():
        if job.state is State.DONE:
            job = job.again()
            journal.save(home, job)
        for name in (why.FILE_NAME, *written(job)):  # the next end writes them anew
            (home / name).unlink(missing_ok=True)
        marker.unlink()
    return job


def _home(name: str, journal: Journal, owners: Owners) -> tuple[Path, Hold] | None:
    """Make a folder in working/ under a name that no job has, and take it in hand."""
    number = 1
    while True:
        called = numbered(name, number)
        home = journal.working / called
        number += 1
        if (journal.done / called).exists() or (journal.failed / called).exists() or (home / FILE_NAME).exists():
            continue
        hold = _made(home, owners)
        if hold is None:
            return None
        if not _holds(home, FILE_NAME, INPUTS):
            forget(home)  # what is asked for there was asked of a job that is gone
            if not _holds(home, *WISHES):
                return home, hold
        hold.release()


def _holds(home: Path, *names: str) -> bool:
    return any(os.path.lexists(home / name) for name in names)


def _made(home: Path, owners: Owners) -> Hold | None:
    """Make a folder and take it in hand; anew where somebody removed it while it was empty."""
    for _ in range(_TRIES):
        with contextlib.suppress(FileExistsError):
            home.mkdir()
        try:
            hold = owners.take(home)
        except OSError:
            dismantle(home)
            raise
        if hold is not None or read_card(home) is not None:
            return hold
    return None


def _changed(drop: Drop, home: Path) -> bool:
    """Say whether a drop is not any more what had settled; from here on nobody can open its files by their old path."""
    inputs = home / INPUTS
    if listing(inputs) != drop.listing:
        return True
    return not mount_of(inputs).remote and in_use(inputs, drop.listing, leases=True) != ""


def _given_back(drop: Drop, home: Path) -> bool:
    """Put a drop back that changed while we took it; not if there is a new folder of its name by now."""
    try:
        durable.rename(home / INPUTS, drop.folder)
    except OSError:
        return False
    return True


def _id(folder: Path, hallmark: Hallmark) -> str:
    with contextlib.suppress(JournalError, OSError):
        earlier = hallmark.known(folder / OURS / FILE_NAME)[0].id
        if re.fullmatch(r"[0-9a-z]{6,32}", earlier):
            return earlier
    return secrets.token_hex(4)
