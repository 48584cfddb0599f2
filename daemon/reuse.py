"""Reuse: a folder that is dropped again is not made again where its videos are published: the same bytes are paid once.

A video that is made anew is another file even where it looks the same, for signatures differ each time. So the files of
a finished job in done/ are taken, if they are still what was published, and if the same lipsyncd made them of the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from daemon.errors import JournalError
from daemon.job import Job, JobTake, Kept, TakeState
from daemon.journal import FILE_NAME, folders, read
from daemon.work import Work
from daemon.worker import Pulse

PUBLISHED = "published"
"""In ``.lipsyncd/``: copies of what another job has published."""
_PIECE = 8 << 20


def published(work: Work, job: Job, pulse: Pulse) -> Job:
    """Take over the takes that another job has made of the same and published.

    Raises:
        OSError: Nothing can be copied.
        Interruption: What ``pulse`` raised.
    """
    keys = {take.key for take in job.in_state(TakeState.WAITING)}
    if not keys or not job.publish:
        return job
    for home, old in _finished(work, pulse):
        wanted = {take.key: take for take in job.in_state(TakeState.WAITING)}
        if old.version != job.version or not wanted:
            continue
        for take in old.in_state(TakeState.RENDERED):
            if take.key in wanted and _is_published(old, take):
                job = _taken(work, job, wanted.pop(take.key), home, take, pulse)
        if _same(job, old):
            job = replace(job, recorded=old.recorded)
    return job


def _finished(work: Work, pulse: Pulse) -> Iterator[tuple[Path, Job]]:
    for home in folders(work.done):
        pulse(None)
        try:
            yield home, read(home / FILE_NAME)
        except JournalError:
            continue


def _is_published(job: Job, take: JobTake) -> bool:
    hashes = {receipt.sha256 for receipt in job.receipts}
    return bool(take.made and take.video and take.poster and {take.video.sha256, take.poster.sha256} <= hashes)


def _taken(work: Work, job: Job, take: JobTake, home: Path, old: JobTake, pulse: Pulse) -> Job:
    """Copy the files of a take, and give the job with it made; or as it was, where they are not what they were."""
    number = [one.face for one in job.takes].index(take.face) + 1
    stash = f"{PUBLISHED}/{number}"
    (work.hidden / PUBLISHED).mkdir(exist_ok=True)
    files = ((f"{old.name}.mp4", ".mp4", old.video), (f"{old.name}.jpg", ".jpg", old.poster))
    for name, suffix, kept in files:
        if kept is None or not _copied(home / name, work.hidden / f"{stash}{suffix}", kept, pulse):
            return job
    if old.made is None:
        return job
    work.log.info("take published earlier", take=take.name, folder=f"{home.parent.name}/{home.name}")
    made = take.finished(old.made, stash, old.credentials)
    return job.with_take(replace(made, video=old.video, poster=old.poster))


def _copied(source: Path, target: Path, kept: Kept, pulse: Pulse) -> bool:
    """Copy a file and say whether it is the one that was published."""
    if source.is_symlink() or not source.is_file() or source.stat().st_size != kept.bytes:
        return False
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while piece := reader.read(_PIECE):
            pulse(None)
            digest.update(piece)
            writer.write(piece)
    return digest.hexdigest() == kept.sha256


def _same(job: Job, old: Job) -> bool:
    """Say whether the manifests of two jobs say the same."""
    takes = [[(take.name, take.face, take.speech, take.video) for take in one.takes] for one in (job, old)]
    words = [(one.name, one.title, one.description, one.inputs, one.publish) for one in (job, old)]
    return takes[0] == takes[1] and words[0] == words[1] and bool(old.recorded)
