"""Publication: finished files get their hashes, their permanent addresses and their papers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import publishers
from daemon.errors import LaterError
from daemon.job import Job, JobTake, Kept, TakeState
from daemon.name import shown
from daemon.work import Work
from publishers import Artifact, Publisher, PublishError

_DELAY = 30.0
_LONGEST_DELAY = 600.0


def utc_now() -> datetime:
    """Give the time of day."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Press:
    """With what is published.

    Attributes:
        version: Of lipsyncd, for the manifest.
        drawers: Folder of the publishers' own notes, outside the share.
        build: Gives the publisher of a name; raises PublisherError.
        manifest: Write manifest.json and post.md.
        profile: Rules of the CIDs.
    """

    version: str
    drawers: Path
    build: Callable[[str], Publisher]
    manifest: bool = True
    profile: str = publishers.MODERN


class Publication:
    """Hashes, publishes and records the finished takes of a job, one effect and one save at a time."""

    def __init__(
        self, press: Press, clock: Callable[[], float] = time.monotonic, today: Callable[[], datetime] = utc_now
    ) -> None:
        self._press = press
        self._clock = clock
        self._today = today
        self._built: dict[str, Publisher] = {}

    def identify(self, work: Work, take: JobTake) -> None:
        """Hash the two files of one take.

        Raises:
            OSError: They cannot be read.
        """
        video, poster = (
            _kept(publishers.identify(work.home / name, profile=self._press.profile)) for name in _names(take)
        )
        work.save(work.job.with_take(replace(take, video=video, poster=poster)))

    def publish(self, work: Work) -> bool:
        """Publish one file at one publisher, and say whether there was one to publish.

        Raises:
            LaterError: All publishers that are left did not answer.
            PublishError: A publisher refused for good.
        """
        left = self._left(work)
        if not left:
            return False
        now = self._clock()
        name, artifact = min(left, key=lambda pair: work.delayed.get(pair[0], 0.0))
        if (until := work.delayed.get(name, now)) > now:
            raise LaterError(f"{name} did not answer", "It is asked again by itself.", wait=until - now)
        drawer = self._press.drawers / work.job.id / name
        drawer.mkdir(parents=True, exist_ok=True)
        try:
            receipt = self._publisher(name).publish(artifact, drawer)
        except PublishError as error:
            if not error.passing:
                raise
            # next time another publisher comes first: one that is away must not hold up the others
            work.delayed[name] = now + min(_DELAY * 2 ** work.unanswered[name], _LONGEST_DELAY)
            work.unanswered[name] += 1
            work.log.warning("publisher did not answer", publisher=name, file=artifact.name, reason=str(error))
            return True
        work.unanswered[name] = 0
        work.save(replace(work.job, receipts=(*work.job.receipts, receipt)))
        work.log.info("published", publisher=name, file=artifact.name, address=receipt.address, state=receipt.state)
        return True

    def record(self, work: Work) -> None:
        """Write manifest.json and post.md; they are the last to be written.

        Raises:
            OSError: They cannot be written.
        """
        if self._press.manifest:
            manifest = self._manifest(work)
            publishers.write_manifest(manifest, work.home)
            publishers.write_post(manifest, work.home)

    def _left(self, work: Work) -> list[tuple[str, Artifact]]:
        done = {(receipt.publisher, receipt.name, receipt.sha256) for receipt in work.job.receipts}
        return [
            (name, artifact)
            for name in work.job.publish
            for artifact in _artifacts(work)
            if (name, artifact.name, artifact.sha256) not in done
        ]

    def _publisher(self, name: str) -> Publisher:
        if name not in self._built:
            self._built[name] = self._press.build(name)
        return self._built[name]

    def _manifest(self, work: Work) -> publishers.Manifest:
        job = work.job
        made = [(take, facts) for take in job.in_state(TakeState.RENDERED) if (facts := take.made)]
        first = _speech(job, made[0][0])
        videos = tuple(
            _video(work, take, None if take.speech == made[0][0].speech else _speech(job, take)) for take, _ in made
        )
        return publishers.Manifest(
            title=job.title or shown(job.name),
            description=job.description,
            created=self._today(),
            tool=publishers.Tool("lipsyncd", self._press.version),
            speech=first,
            videos=videos,
            failures=tuple(publishers.Failure(t.face, t.error, t.hint) for t in job.in_state(TakeState.FAILED)),
            directory=publishers.Directory.of(_artifacts(work), self._press.profile),
        )


def _names(take: JobTake) -> tuple[str, str]:
    return f"{take.name}.mp4", f"{take.name}.jpg"


def _kept(artifact: Artifact) -> Kept:
    return Kept(artifact.sha256, artifact.bytes, artifact.cid, artifact.profile)


def _artifacts(work: Work) -> list[Artifact]:
    return [artifact for take in work.job.in_state(TakeState.RENDERED) for artifact in _pair(work.home, take)]


def _pair(home: Path, take: JobTake) -> Iterator[Artifact]:
    """Yield the video and the poster of a take that is hashed."""
    for name, kept in zip(_names(take), (take.video, take.poster), strict=True):
        if kept is not None:
            media_type = publishers.media_type(name)
            yield Artifact(home / name, name, media_type, kept.bytes, kept.sha256, kept.cid, kept.profile)


def _speech(job: Job, take: JobTake) -> publishers.Speech:
    heard = job.input(take.speech)
    return publishers.Speech(heard.name, heard.sha256, heard.bytes, take.made.speech_seconds if take.made else 0.0)


def _video(work: Work, take: JobTake, speech: publishers.Speech | None) -> publishers.Video:
    """Describe one finished take; ``speech`` only where it is not that of the manifest."""
    job, made = work.job, take.made
    video, poster = _pair(work.home, take)
    if made is None:
        raise ValueError(f"{take.name} was never made")
    receipts = {
        file: tuple(r for r in job.receipts if (r.name, r.sha256) == (file.name, file.sha256))
        for file in (video, poster)
    }
    weights = tuple(publishers.Weights(w.name, w.sha256, w.licence) for w in made.weights)
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
        poster=publishers.Poster.of(poster, receipts[poster]),
        receipts=receipts[video],
        speech=speech,
        who=_photo(job, take.who) if take.who else None,
        warnings=made.warnings,
    )


def _photo(job: Job, name: str) -> publishers.Face:
    seen = job.input(name)
    return publishers.Face(seen.name, seen.sha256, seen.bytes)
