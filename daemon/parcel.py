"""Parcel: the finished files of a job, as publishers want to see them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import publishers
from daemon.job import Job, JobTake, Kept, TakeState
from daemon.name import shown
from daemon.work import Work
from publishers import Artifact, Parcel


def file_names(take: JobTake) -> tuple[str, str]:
    """Give the names of a take's video and poster."""
    return f"{take.name}.mp4", f"{take.name}.jpg"


def kept(artifact: Artifact) -> Kept:
    """Give what is kept of an artifact."""
    return Kept(artifact.sha256, artifact.bytes, artifact.cid, artifact.profile)


def pair(home: Path, take: JobTake) -> Iterator[Artifact]:
    """Yield the video and the poster of a take that is hashed."""
    for name, known in zip(file_names(take), (take.video, take.poster), strict=True):
        if known is not None:
            media_type = publishers.media_type(name)
            yield Artifact(home / name, name, media_type, known.bytes, known.sha256, known.cid, known.profile)


def artifacts(work: Work) -> tuple[Artifact, ...]:
    """Give all videos and posters of a job in hand that are hashed, in order."""
    return finished(work.home, work.job)


def finished(home: Path, job: Job) -> tuple[Artifact, ...]:
    """Give all videos and posters of a job that are hashed, in order."""
    return tuple(artifact for take in job.in_state(TakeState.RENDERED) for artifact in pair(home, take))


def parcel(work: Work) -> Parcel:
    """Give what belongs together; a metadata.json for each video and the manifest follow."""
    job = work.job
    return Parcel(job.id, job.title or shown(job.name), artifacts(work), len(job.in_state(TakeState.RENDERED)) + 1)


def digest(files: tuple[Artifact, ...]) -> str:
    """Give a digest of which files these are."""
    listed = "\n".join(f"{artifact.sha256} {artifact.name}" for artifact in files)
    return hashlib.sha256(listed.encode()).hexdigest()
