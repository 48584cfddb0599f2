"""Calls: what a messenger does at a publisher, and how the job has changed when it comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import publishers
from daemon.job import Gathered, Job, JobTake
from daemon.messenger import Call, Change, Office
from daemon.parcel import digest, file_names, kept
from publishers import (
    Announcer,
    Artifact,
    Beat,
    Gatherer,
    Mismatch,
    Parcel,
    Post,
    Publisher,
    PublisherError,
    Quoter,
    Receipt,
)


def hashing(home: Path, take: JobTake, profile: str) -> Call:
    """Hash the video and the poster of a take."""

    def call(_office: Office, _beat: Beat) -> Change:
        video, poster = (kept(publishers.identify(home / name, profile=profile)) for name in file_names(take))
        return lambda job: job.with_take(replace(_same(job, take), video=video, poster=poster))

    return call


def checking(artifact: Artifact) -> Call:
    """See that a file still is the one that was approved."""

    def call(_office: Office, _beat: Beat) -> Change:
        if publishers.identify(artifact.path, artifact.name, artifact.profile) != artifact:
            raise Mismatch(f"{artifact.name} was changed after it was shown for approval", "Approve it anew.")
        return _unchanged

    return call


def asking(place: str, parcel: Parcel, quoted: bool) -> Call:
    """Build the publisher and, unless it has been asked before, ask what it would come to."""

    def call(office: Office, _beat: Beat) -> Change:
        if quoted or not isinstance(office, Quoter):
            return _unchanged
        quote = replace(office.quote(parcel, online=True), publisher=place)
        return lambda job: replace(job, quotes=(*(old for old in job.quotes if old.publisher != place), quote))

    return call


def publishing(place: str, artifact: Artifact, parcel: Parcel) -> Call:
    """Publish one file."""

    def call(office: Office, beat: Beat) -> Change:
        if not isinstance(office, Publisher):
            raise PublisherError(f"{place} keeps no files", "Take it out of publish.to.")
        receipt = office.publish(artifact, parcel, beat)
        if (receipt.publisher, receipt.name, receipt.sha256) != (place, artifact.name, artifact.sha256):
            raise Mismatch(f"{place} gave a receipt for something else than {artifact.name}", _REPORT)
        return lambda job: job.with_receipt(receipt)

    return call


def gathering(place: str, parcel: Parcel, receipts: Sequence[Receipt]) -> Call:
    """Give all files of a parcel one address."""

    def call(office: Office, beat: Beat) -> Change:
        if not isinstance(office, Gatherer):
            return _unchanged
        receipt = office.gather(parcel, receipts, beat)
        if (receipt.publisher, receipt.name) != (place, ""):
            raise Mismatch(f"{place} gave a receipt for something else than all files", _REPORT)
        return lambda job: job.with_gathered(Gathered(digest(parcel.artifacts), receipt))

    return call


def drafting(place: str, post: Post, parcel: Parcel, file: Artifact) -> Call:
    """Hand the post over, as a draft; its receipt is kept under the name and the hash of the post's file."""

    def call(office: Office, beat: Beat) -> Change:
        if not isinstance(office, Announcer):
            return _unchanged
        receipt = office.announce(post, parcel, beat)
        receipt = replace(receipt, publisher=place, name=file.name, sha256=file.sha256)
        return lambda job: job.with_receipt(receipt)

    return call


_REPORT = "The publisher is at fault; what it has of the files is listed in job.json."


def _unchanged(job: Job) -> Job:
    return job


def _same(job: Job, take: JobTake) -> JobTake:
    return next(one for one in job.takes if one.face == take.face)
