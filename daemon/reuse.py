"""Reuse: a folder that is dropped again is not made again where its videos are published: the same bytes are paid once.

A video that is made anew is another file even where it looks the same, for signatures differ each time. So the files of
another job are taken, wherever that one is by now, if they still are what was hashed, and if the same lipsyncd made
them of the same.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from daemon.errors import JournalError, LaterError
from daemon.job import Job, JobTake, Kept, State, TakeState
from daemon.journal import OURS, Journal, folders
from daemon.status import read_status
from daemon.twins import matched
from daemon.work import Work
from daemon.worker import Pulse

_COPY = "published"
"""In ``.lipsyncd/``: "1.published.mp4" is a copy of what another job has published."""
_PIECE = 8 << 20
_STILL = 600.0
"""Seconds without any change after which a job that goes first is no longer sure to come to an end."""


@dataclass(frozen=True)
class _Other:
    """Another job, and where its results lie."""

    job: Job
    files: Path
    place: str


def published(work: Work, job: Job, pulse: Pulse) -> Job:
    """Take over the takes that another job has made of the same, and published or is about to.

    Raises:
        LaterError: Another one is just being made of the same.
        OSError: Nothing can be copied.
        Interruption: What ``pulse`` raised.
    """
    if not job.publish:
        return job
    for other in _others(work, job, pulse):
        for take, old in matched(job.in_state(TakeState.WAITING), other.job.takes):
            job = _taken(work, job, take, other, old, pulse)
        if _same(job, other.job):
            job = replace(job, recorded=other.job.recorded)
    return job


def _others(work: Work, job: Job, pulse: Pulse) -> Iterator[_Other]:
    """Yield the jobs of the same lipsyncd that have published something, or go before this one on the way to it."""
    if not job.in_state(TakeState.WAITING):
        return
    keys = {take.key for take in job.takes}
    for place in Journal.PLACES:
        in_hand = place == work.journal.working.name
        beat = partial(pulse, None)
        homes = folders(work.journal.working) if in_hand else work.journal.with_keys(place, keys, beat)
        for home in homes:
            pulse(None)
            try:
                other = work.journal.load(home)
            except JournalError:
                continue
            if home == work.home or not other.publish or other.version != job.version:
                continue  # another folder may bear our id: somebody has copied one that had failed
            first = place == "working" and (other.created, other.id, home) < (job.created, job.id, work.home)
            if first or other.receipts or other.sent:
                yield _Other(other, home / OURS if place == "failed" else home, place)


def _taken(work: Work, job: Job, take: JobTake, other: _Other, old: JobTake, pulse: Pulse) -> Job:
    """Copy the files of a take, and give the job with it made; or as it was, where they are not what they were."""
    if other.place == "working" and other.job.state is not State.FAILED and old.state is not TakeState.FAILED:
        if old.video is None:
            raise _later(work, other, take)
    elif old.video is None:
        return job
    number = [one.face for one in job.takes].index(take.face) + 1
    stash = f"{number}.{_COPY}"
    for suffix, kept in ((".mp4", old.video), (".jpg", old.poster)):
        copy = work.hidden / f"{stash}{suffix}"
        source = other.files / f"{Path(old.name).name}{suffix}"
        if other.place == "working" and not source.exists():
            raise LaterError(f"{source.name} of {other.files.name} is just being moved", "", wait=1.0)
        if kept is None or not _copied(source, copy, kept, pulse):
            return job
    if old.made is None:
        return job
    work.log.info("take published earlier", take=take.name, folder=other.files.name)
    made = take.finished(old.made, stash, old.credentials)
    return job.with_take(replace(made, video=old.video, poster=old.poster))


def _later(work: Work, other: _Other, take: JobTake) -> LaterError:
    """Say that another job goes first; that is a miss only where that one has stood still for long."""
    seen, now = (other.job, read_status(other.files)), time.monotonic()
    if work.goes_first is None or work.goes_first[0] != seen:
        work.goes_first = (seen, now)
    still = now - work.goes_first[1] > _STILL
    return LaterError(f"waiting for {take.name}.mp4 of {other.files.name}, which is the same", wait=2.0, miss=still)


def _copied(source: Path, target: Path, kept: Kept, pulse: Pulse) -> bool:
    """Copy a file and say whether it is the one that was hashed."""
    if source.is_symlink() or not source.is_file() or source.stat().st_size != kept.bytes:
        return False
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise LaterError(f"{source.name} is just being moved", "", wait=1.0) from error
    target.unlink(missing_ok=True)
    digest = hashlib.sha256()
    with os.fdopen(handle, "rb") as reader, target.open("xb") as writer:
        while piece := reader.read(_PIECE):
            pulse(None)
            digest.update(piece)
            writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest() == kept.sha256


def _same(job: Job, old: Job) -> bool:
    """Say whether the manifests of two jobs say the same."""
    takes = [[(take.name, take.face, take.speech, take.video) for take in one.takes] for one in (job, old)]
    words = [(one.name, one.title, one.description, one.inputs, one.publish) for one in (job, old)]
    return takes[0] == takes[1] and words[0] == words[1] and bool(old.recorded)
