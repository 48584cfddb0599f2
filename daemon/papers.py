"""Papers: metadata.json for each video, then manifest.json, then post.md, each written once the one before is settled.

All of them follow from job.json alone, the time of the manifest too: written again after a crash they are the same
bytes, and what was paid for them is not paid again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path

import publishers
from daemon import calls, ownership, review
from daemon.job import Job, JobTake, MadeLabel, TakeState
from daemon.name import shown
from daemon.parcel import artifacts, digest, pair, parcel
from daemon.publication import Press, asked, keepers, unpublished
from daemon.rounds import Rounds
from daemon.task import Task
from daemon.work import Work
from publishers import Announcer, Artifact, Manifest, Receipt

MANIFEST = "manifest.json"
POST = "post.md"


def utc_now() -> datetime:
    """Give the time of day."""
    return datetime.now(UTC)


def written(job: Job) -> tuple[str, ...]:
    """Give the names of all papers that a job may have in its folder."""
    return (MANIFEST, POST, review.FILE_NAME, *(publishers.metadata_name(f"{take.name}.mp4") for take in job.takes))


class Papers:
    """Writes the papers of a job, publishes them where the videos are, and has the post drafted."""

    def __init__(self, press: Press, rounds: Rounds, today: Callable[[], datetime] = utc_now) -> None:
        self._press = press
        self._rounds = rounds
        self._today = today

    def record(self, work: Work) -> None:
        """Do all that is left after the videos are published; return when nothing is.

        Raises:
            LaterError: It lasts, or publishers did not answer.
            PublishError: A publisher refused for good.
            OSError: A paper cannot be written.
        """
        if not self._press.manifest:
            return
        if not work.job.recorded:
            work.save(replace(work.job, recorded=self._today().isoformat(timespec="seconds")))
        self._rounds.drive(work, self._left)

    def _left(self, work: Work) -> list[Task]:
        """Give what is left, having written the papers that it takes."""
        self._describe(work)
        described = [paper for name, paper in work.papers.items() if name not in (MANIFEST, POST)]
        if left := asked(work, self._rounds) + self._unpublished(work, described):
            return left
        manifest = self._paper(work, MANIFEST, lambda: publishers.write_manifest(self.manifest(work), work.home))
        if left := self._unpublished(work, [manifest]):
            return left
        receipts = listed(work.job, manifest)
        post = self._paper(work, POST, lambda: publishers.write_post(self.manifest(work), work.home, receipts))
        return self._undrafted(work, post, receipts)

    def _unpublished(self, work: Work, files: list[Artifact]) -> list[Task]:
        return [task for place in keepers(work, self._rounds) for task in unpublished(work, place, files)]

    def _undrafted(self, work: Work, file: Artifact, receipts: tuple[Receipt, ...]) -> list[Task]:
        """Give the announcers that have not got the post yet and did not fail at it either."""
        noted = {note.publisher for note in work.job.notes}
        places = [
            place
            for place in work.job.publish
            if isinstance(self._rounds.office(place), Announcer)
            and place not in noted
            and (file.name, file.sha256) not in work.job.published(place)
        ]
        if not places:
            return []
        post = publishers.announcement(self.manifest(work), receipts)
        return [
            Task(
                place,
                POST,
                f"leaving the post as a draft at {place}",
                calls.drafting(place, post, parcel(work), file),
                optional=True,
            )
            for place in places
        ]

    def _describe(self, work: Work) -> None:
        """Write a metadata.json for each video that something permanent has."""
        if work.job.publish and not work.papers:
            try:
                for path in publishers.write_metadata(self.manifest(work), work.home).values():
                    self._paper(work, path.name, partial(Path, path))
            except OSError:
                work.papers.clear()  # one that is not written must not be forgotten for the others
                raise

    def _paper(self, work: Work, name: str, write: Callable[[], Path]) -> Artifact:
        """Write a paper once in the life of the process, and give it as it is published."""
        if name not in work.papers:
            path = write()
            ownership.give(path, work.inputs)
            work.papers[name] = publishers.identify(path, profile=self._press.profile)
        return work.papers[name]

    def manifest(self, work: Work) -> Manifest:
        """Give the manifest as far as it is known."""
        job = work.job
        made = job.in_state(TakeState.RENDERED)
        first = _speech(job, made[0])
        videos = tuple(
            _video(work, take, None if take.speech == made[0].speech else _speech(job, take)) for take in made
        )
        files = artifacts(work)
        whole = _in_order(job, (one.receipt for one in job.gathered if one.files == digest(files)))
        return Manifest(
            title=job.title or shown(job.name),
            description=job.description,
            created=datetime.fromisoformat(job.recorded),
            tool=publishers.Tool("lipsyncd", self._press.version),
            speech=first,
            videos=videos,
            failures=tuple(publishers.Failure(t.face, t.error, t.hint) for t in job.in_state(TakeState.FAILED)),
            directory=publishers.Directory.of(files, self._press.profile, whole),
        )


def listed(job: Job, artifact: Artifact) -> tuple[Receipt, ...]:
    """Give the receipts of a file, in the order of the publishers, whoever was first."""
    return _in_order(job, (r for r in job.receipts if (r.name, r.sha256) == (artifact.name, artifact.sha256)))


def _in_order(job: Job, receipts: Iterable[Receipt]) -> tuple[Receipt, ...]:
    places = {place: number for number, place in enumerate(job.publish)}
    return tuple(sorted(receipts, key=lambda receipt: places.get(receipt.publisher, len(places))))


def _speech(job: Job, take: JobTake) -> publishers.Speech:
    heard = job.input(take.speech)
    return publishers.Speech(heard.name, heard.sha256, heard.bytes, take.made.speech_seconds if take.made else 0.0)


def _video(work: Work, take: JobTake, speech: publishers.Speech | None) -> publishers.Video:
    """Describe one finished take; ``speech`` only where it is not that of the manifest."""
    job, made = work.job, take.made
    video, poster = pair(work.home, take)
    if made is None:
        raise ValueError(f"{take.name} was never made")
    weights = tuple(publishers.Weights(w.name, w.sha256, w.licence) for w in made.weights)
    paper = work.papers.get(publishers.metadata_name(video.name))
    return publishers.Video(
        file=video.name,
        sha256=video.sha256,
        bytes=video.bytes,
        cid=video.cid,
        media_type=video.media_type,
        duration=made.seconds,
        width=made.width,
        height=made.height,
        fps=Fraction(made.fps),
        frames=made.frames,
        face=_photo(job, take.face),
        coverage=made.driven / made.frames if made.frames else 0.0,
        engine=publishers.Engine(made.engine, made.version, weights),
        poster=publishers.Poster.of(poster, listed(job, poster), take.credentials),
        receipts=listed(job, video),
        speech=speech,
        who=_photo(job, take.who) if take.who else None,
        warnings=made.warnings,
        credentials=take.credentials,
        label=_label(made.label),
        metadata=publishers.Paper.of(paper, listed(job, paper)) if paper else None,
    )


def _label(made: MadeLabel) -> publishers.Label | None:
    return publishers.Label(made.visible, made.style, made.metadata) if made != MadeLabel() else None


def _photo(job: Job, name: str) -> publishers.Face:
    seen = job.input(name)
    return publishers.Face(seen.name, seen.sha256, seen.bytes)
