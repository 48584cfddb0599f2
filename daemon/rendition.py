"""Rendition: the takes of a job become files. What is made is never made again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from daemon import durable, ownership, reuse, room
from daemon.child import RenderCrash
from daemon.conclusion import PREVIOUS, letter_name
from daemon.crew import Crew
from daemon.errors import DiskError, JournalError, LaterError
from daemon.hallmark import Hallmark
from daemon.job import Job, JobTake, TakeState
from daemon.journal import FILE_NAME, OURS
from daemon.message import Request
from daemon.name import shown
from daemon.seal import broken, grown, hashed, seal, sealed
from daemon.twins import matched
from daemon.work import Work
from daemon.worker import Looks, Pulse, RenderError
from lipsync import Options, StorageError

_ELSEWHERE = ("limits", "device", "weights", "preview")
"""Options that change nothing in a video."""
_OWN = {"checkpoint": "wav2lip", "program": "command"}
"""Options that change something for one engine only."""
_ARRIVING = 5.0
"""Seconds that a file is given that grows while it is worked on."""
SUFFIXES = (".jpg", ".mp4")
"""Of a take's two files: the poster first, so that a video is never without one."""


@dataclass(frozen=True)
class Terms:
    """How takes are rendered.

    Attributes:
        options: For every job; a job may choose another engine.
        attempts: How often a take that crashes or hangs is tried.
        free_bytes: Space on the disk that stays free; 0 for none.
        hallmark: Knows what we have made ourselves.
    """

    options: Options
    attempts: int = 2
    free_bytes: int = 0
    hallmark: Hallmark = field(default_factory=lambda: Hallmark(None))


class Rendition:
    """Hashes the inputs of a job, finds what an earlier try has made, and renders the rest."""

    def __init__(self, crew: Crew, terms: Terms) -> None:
        self._crew = crew
        self._terms = terms

    def hash_inputs(self, work: Work, pulse: Pulse) -> None:
        """Write down what exactly was dropped, and with that which videos will be equal.

        Raises:
            OSError: A file cannot be read.
            Interruption: What ``pulse`` raised; nothing has changed.
        """
        room.check(work.home, self._terms.free_bytes)
        takes = [take for take in work.job.takes if take.speech]
        names = sorted({name for take in takes for name in (take.face, take.speech, take.who) if name})
        with work.tally.stage("hash"):
            inputs = tuple(sealed(work.inputs / name, work.seals, pulse) for name in names)
        job = replace(work.job, inputs=inputs)
        options = self._options(job)
        for take in takes:
            key = _key(job, take, options)
            if take.state is TakeState.RENDERED and _content(take.key) != _content(key):
                fresh = replace(take, state=TakeState.WAITING, made=None, video=None, poster=None)
                take = replace(fresh, credentials=None)
            job = job.with_take(replace(take, key=key))
        work.save(reuse.published(work, _reused(work, job, self._terms.hallmark, pulse), pulse))

    def render(self, work: Work, take: JobTake, pulse: Pulse) -> Looks[None]:
        """Render one take, look by look, and give its files their names; or write down why not.

        Args:
            work: Its job; takes of it may be rendered side by side.
            take: One that nobody renders yet.
            pulse: Called while files are hashed.

        Raises:
            LaterError: The disk is full, or the renderer asks for time.
            Interruption: What ``pulse`` raised, or was thrown in; nothing has changed.
        """
        tidy(work.hidden, self._request(work, take).video.stem if work.making else "")
        room.check(work.home, self._terms.free_bytes)
        log = work.log.bind(take=take.name)
        request = self._request(work, take)
        log.info("take started", face=take.face, speech=take.speech, attempt=take.attempts + 1)
        work.estimate.begin(take.face)
        if self._spoilt(work, take, pulse):
            return
        try:
            with work.tally.stage("render"), work.makes(take), self._crew.hand(request) as worker:
                rendered = yield from worker.render(request, log)
        except RenderCrash as crash:
            log.warning("the renderer crashed", reason=f"it {crash}")
            work.tally.take_missed(crash.kind)
            _reread(work, take, pulse)
            self._miss(work, take, f"the renderer {crash}", "Try a smaller file, or the same one saved anew.")
        except RenderError as error:
            log.warning("take refused", **asdict(error.failure), speeches_heard=error.heard)
            work.tally.take_missed("passing" if error.failure.passing else "refused", error.failure.type)
            if error.failure.passing or not self._spoilt(work, take, pulse):
                self._refused(work, take, error, pulse)
        else:
            if self._spoilt(work, take, pulse):
                return
            work.estimate.end(take.face)
            facts = {"frames": rendered.made.frames, "warnings": list(rendered.made.warnings)}
            log.info("take finished", speeches_heard=rendered.heard, **facts)
            work.save(work.job.with_take(take.finished(rendered.made, request.video.stem)))
            place(work, take.face)

    def _spoilt(self, work: Work, take: JobTake, pulse: Pulse) -> bool:
        """Give up a take of which a file was changed under our hands: nobody can say what was made of what.

        Raises:
            LaterError: It is still arriving.
        """
        name = _changed(work, take, pulse)
        if not name:
            return False
        request = self._request(work, take)
        for path in (request.video, request.poster):
            path.unlink(missing_ok=True)
        if grown(work.inputs / name, work.seals):
            work.save(replace(work.job, inputs=()))  # an upload that had paused goes on: all is hashed anew
            raise LaterError(f"{shown(name)} is still arriving", "It goes on by itself.", wait=_ARRIVING)
        hint = "Drop the folder anew, and leave it alone until it is done."
        work.log.warning("a dropped file was changed", file=name)
        work.tally.take_missed("changed")
        work.save(work.job.with_take(take.failed(f"{shown(name)} was changed while it was worked on", hint)))
        return True

    def _refused(self, work: Work, take: JobTake, error: RenderError, pulse: Pulse) -> None:
        failure = error.failure
        if not failure.passing:
            _reread(work, take, pulse)
            work.save(work.job.with_take(take.failed(failure.message, failure.hint)))
            return
        if failure.type == StorageError.__name__:  # a full disk is not the take's fault, however often it happens
            stash = self._request(work, take).video.stem
            hint = f"{failure.hint} It goes on by itself."
            raise DiskError(_renamed(failure.message, stash, take.name), hint, kind=failure.type)
        self._miss(work, take, failure.message, failure.hint)
        if take.face in {waiting.face for waiting in work.job.in_state(TakeState.WAITING)}:
            raise LaterError(failure.message, failure.hint)

    def _miss(self, work: Work, take: JobTake, error: str, hint: str) -> None:
        """Count an attempt that came to nothing; after the last one the take has failed."""
        missed = replace(take, attempts=take.attempts + 1)
        if missed.attempts >= self._terms.attempts:
            times = f", {missed.attempts} times" if missed.attempts > 1 else ""
            missed = missed.failed(f"{take.face}: {error}{times}", hint)
        work.save(work.job.with_take(missed))

    def _request(self, work: Work, take: JobTake) -> Request:
        stash = work.hidden / str([one.face for one in work.job.takes].index(take.face) + 1)
        return Request(
            face=work.inputs / take.face,
            speech=work.inputs / take.speech,
            pick=take.pick,
            who=work.inputs / take.who if take.who else None,
            video=stash.with_suffix(".mp4"),
            poster=stash.with_suffix(".jpg"),
            options=self._options(work.job),
        )

    def _options(self, job: Job) -> Options:
        return replace(self._terms.options, engine=job.engine)


def tidy(hidden: Path, stash: str = "") -> None:
    """Remove what a renderer that died has left half-written: a large video would take its room until the job's end.

    Args:
        hidden: Where it lies.
        stash: Only what is of this take, because others are being written; "" for all.
    """
    for torn in hidden.glob(f".{stash}.*.part.*" if stash else ".*.part.*"):
        torn.unlink(missing_ok=True)


def place(work: Work, face: str) -> None:
    """Give a finished take's files their names, if they have not got them yet.

    Raises:
        OSError: They cannot be moved.
    """
    take = next(take for take in work.job.takes if take.face == face)
    for suffix in SUFFIXES:
        source = work.hidden / f"{take.stash}{suffix}"
        if take.stash and source.exists():
            target = work.home / f"{take.name}{suffix}"
            durable.rename(source, target)
            ownership.give(target, work.inputs)


def place_all(work: Work) -> None:
    """Do so for all finished takes: a crash may have come in between."""
    for take in work.job.in_state(TakeState.RENDERED):
        place(work, take.face)


def _reused(work: Work, job: Job, hallmark: Hallmark, pulse: Pulse) -> Job:
    """Take over the finished takes of an earlier try of the same folder, where they are ours and equal to these."""
    previous = work.hidden / PREVIOUS
    earlier = work.inputs / OURS
    if earlier.is_dir() and not earlier.is_symlink():
        shutil.rmtree(previous, ignore_errors=True)
        durable.rename(earlier, previous)
        letter = letter_name(previous)
        if letter and (work.inputs / letter).is_file():
            durable.rename(work.inputs / letter, previous / letter)
    try:
        last, files = hallmark.known(previous / FILE_NAME)
    except JournalError as reason:
        if (previous / FILE_NAME).exists():
            work.log.warning("what was made earlier is not taken over", reason=str(reason))
        return job
    job = job.inheriting(last)
    for take, old in matched(job.in_state(TakeState.WAITING), last.in_state(TakeState.RENDERED)):
        paths = [previous / f"{Path(old.name).name}{suffix}" for suffix in SUFFIXES]
        if old.made and all(_same(path, files, pulse) for path in paths):
            job = job.with_take(take.finished(old.made, f"{PREVIOUS}/{Path(old.name).name}", old.credentials))
            work.log.info("take made earlier", take=take.name)
    return replace(job, recorded="") if job.in_state(TakeState.WAITING) else job


def _changed(work: Work, take: JobTake, pulse: Pulse) -> str:
    """Name a file of a take that is no more what was hashed, or give ""."""
    names = [name for name in (take.face, take.speech, take.who) if name]
    looks = ((name, broken(work.inputs / name, work.job.input(name), work.seals, pulse)) for name in names)
    return next((name for name, is_broken in looks if is_broken), "")


def _reread(work: Work, take: JobTake, pulse: Pulse) -> None:
    """See that it was not the disk that kept a take from being made.

    Raises:
        OSError: Its files cannot be read, or nothing can be written.
    """
    room.probe(work.hidden)
    for name in (take.face, take.speech, take.who):
        if name:
            hashed(work.inputs / name, pulse)


def _renamed(message: str, stash: str, name: str) -> str:
    """Call a result by the name that it will have."""
    for suffix in SUFFIXES:
        message = message.replace(f"{stash}{suffix}", f"{name}{suffix}")
    return message


def _same(path: Path, files: Mapping[str, str], pulse: Pulse) -> bool:
    """Say whether a file is the very one that was made, and a regular one with no other name."""
    try:
        return seal(path) is not None and hashed(path, pulse).sha256 == files.get(path.name)
    except OSError:
        return False


def _key(job: Job, take: JobTake, options: Options) -> str:
    """Digest everything a video depends on: what was dropped, and how it is rendered."""
    dropped = [job.input(take.face).sha256, job.input(take.speech).sha256, str(take.pick)]
    if take.who:
        dropped.append(job.input(take.who).sha256)
    said = asdict(replace(options, program=replace(options.program, timeout_s=0.0)))
    count = {name for name in said if name not in _ELSEWHERE and _OWN.get(name, options.engine) == options.engine}
    chosen = {name: str(said[name]) for name in said if name in count}
    return f"{_digest(dropped)}:{_digest(chosen)}"


def _content(key: str) -> str:
    return key.partition(":")[0]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
