"""Job: a drop we have taken. Its takes, its state and the only legal moves between states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from publishers import Credentials, Quote, Receipt


class State(StrEnum):
    """How far a job is."""

    QUEUED = "QUEUED"
    RENDERED = "RENDERED"
    MARKED = "MARKED"
    REVIEW = "REVIEW"
    PUBLISHED = "PUBLISHED"
    DONE = "DONE"
    FAILED = "FAILED"


MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RENDERED, State.FAILED}),
    State.RENDERED: frozenset({State.MARKED, State.FAILED}),
    State.MARKED: frozenset({State.REVIEW, State.PUBLISHED, State.FAILED}),
    State.REVIEW: frozenset({State.PUBLISHED, State.FAILED}),
    State.PUBLISHED: frozenset({State.DONE, State.FAILED}),
    State.DONE: frozenset({State.QUEUED}),
    State.FAILED: frozenset({State.QUEUED}),
}
ENDED = frozenset({State.DONE, State.FAILED})


class TakeState(StrEnum):
    """How far one take of a job is."""

    WAITING = "WAITING"
    RENDERED = "RENDERED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Input:
    """A dropped file that takes part, as it was when the job was taken."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class MadeWith:
    """Weights that took part."""

    name: str
    sha256: str
    licence: str


@dataclass(frozen=True)
class MadeLabel:
    """How a video says that a machine made it: the words seen in it and their style, and what programs read."""

    visible: str = ""
    style: str = ""
    metadata: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """What the renderer said about a finished take.

    Attributes:
        seconds: Duration of the video.
        speech_seconds: Duration of the speech.
        fps: Exact, "25" or "30000/1001".
        driven: Frames in which the mouth was driven.
        warnings: Plain sentences a person should read.
    """

    seconds: float
    speech_seconds: float
    width: int
    height: int
    fps: str
    frames: int
    driven: int
    engine: str
    version: str
    weights: tuple[MadeWith, ...] = ()
    warnings: tuple[str, ...] = ()
    label: MadeLabel = MadeLabel()


@dataclass(frozen=True)
class Kept:
    """A finished file by its content: what :class:`publishers.Artifact` knows, without a path."""

    sha256: str
    bytes: int
    cid: str
    profile: str


@dataclass(frozen=True)
class Gathered:
    """All videos and posters of a job under one address of a publisher; ``files`` digests which they are."""

    files: str
    receipt: Receipt


@dataclass(frozen=True)
class Note:
    """What went wrong without any harm to the videos, at whom, and what the person can do about it."""

    publisher: str
    error: str
    hint: str


@dataclass(frozen=True)
class JobTake:
    """One face and one speech of a job.

    Attributes:
        name: Stem of its results: ``name``.mp4 and ``name``.jpg.
        face: File name in inputs/.
        speech: File name in inputs/.
        pick: Which face where there are several.
        who: File name in inputs/ of a photo that shows whose face it is, or "".
        attempts: How often the renderer crashed, hung or gave up on it.
        error: What went wrong, or "".
        hint: What the person can do about it, or "".
        key: Digest of everything its video depends on; equal keys, equal videos. "" until inputs are hashed.
        stash: Where in ``.lipsyncd/`` its finished files lay before they got their names, without suffix.
        made: Facts about the video once there is one.
        credentials: What its content credentials say, once the video and the poster are signed.
    """

    name: str
    face: str
    speech: str
    pick: str | int = "largest"
    state: TakeState = TakeState.WAITING
    attempts: int = 0
    error: str = ""
    hint: str = ""
    key: str = ""
    stash: str = ""
    made: Made | None = None
    video: Kept | None = None
    poster: Kept | None = None
    who: str = ""
    credentials: Credentials | None = None

    def failed(self, error: str, hint: str) -> JobTake:
        """Give the take as failed for good, and why."""
        return replace(self, state=TakeState.FAILED, error=error, hint=hint)

    def finished(self, made: Made, stash: str, credentials: Credentials | None = None) -> JobTake:
        """Give the take as made; its files, signed or not, lie at ``stash`` until they get their names."""
        fresh = replace(self, state=TakeState.RENDERED, error="", hint="", made=made, stash=stash)
        return replace(fresh, credentials=credentials)

    def again(self) -> JobTake:
        """Give the take as if it was never tried, unless it is made or can never be."""
        if self.state is not TakeState.FAILED or not self.speech:
            return self
        return replace(self, state=TakeState.WAITING, error="", hint="", attempts=0)


@dataclass(frozen=True)
class Job:
    """A drop we have taken.

    Attributes:
        id: Short, unique, fit for a command line.
        name: Name of the folder as it was dropped.
        created: When it was taken, UTC, ISO 8601.
        takes: In order of the faces' names.
        inputs: Hashes of the dropped files that take part; empty until they are computed.
        publish: Names of the publishers.
        review: A person shall approve before anything is published or recorded.
        quotes: What each publisher said it would come to, asked before the first file left.
        receipts: What is published, papers too.
        sent: What publishers have, but not yet in a way that counts as published.
        gathered: The addresses of the whole.
        recorded: When the manifest was written, UTC, ISO 8601, so that it is written the same once more; or "".
        notes: What went wrong without any harm to the videos.
        version: Of the lipsyncd that took it, or "".
        priority: Whose takes come first: "high", "normal" or "low".
        remark: What the person said who approved it, or "".
        engine: Which engine renders it.
        error: Why the whole job failed, or "".
    """

    id: str
    name: str
    created: str
    engine: str
    takes: tuple[JobTake, ...] = ()
    state: State = State.QUEUED
    inputs: tuple[Input, ...] = ()
    title: str = ""
    description: str = ""
    publish: tuple[str, ...] = ()
    review: bool = False
    approved: bool = False
    receipts: tuple[Receipt, ...] = ()
    error: str = ""
    hint: str = ""
    quotes: tuple[Quote, ...] = ()
    sent: tuple[Receipt, ...] = ()
    gathered: tuple[Gathered, ...] = ()
    recorded: str = ""
    notes: tuple[Note, ...] = ()
    version: str = ""
    priority: str = "normal"
    remark: str = ""

    @property
    def to_render(self) -> bool:
        """Whether takes of it wait to be rendered."""
        return self.state is State.QUEUED and bool(self.in_state(TakeState.WAITING))

    def move(self, state: State) -> Job:
        """Give the job in its next state.

        Raises:
            ValueError: The move is not a legal one: a bug of ours.
        """
        if state not in MOVES[self.state]:
            raise ValueError(f"a job cannot go from {self.state} to {state}")
        return replace(self, state=state)

    def fail(self, error: str, hint: str) -> Job:
        """Give the job as failed, and why."""
        return replace(self.move(State.FAILED), error=error, hint=hint)

    def again(self) -> Job:
        """Give the job with what failed to be made once more; what is made and what is written stays as it is."""
        takes = tuple(take.again() for take in self.takes)
        fresh = replace(self.move(State.QUEUED), takes=takes, approved=False, error="", hint="", quotes=(), notes=())
        fresh = replace(fresh, remark="")
        return fresh if takes == self.takes else replace(fresh, inputs=(), recorded="")

    def inheriting(self, last: Job) -> Job:
        """Give the job with what an earlier try of it has published: that is permanent."""
        return replace(self, receipts=last.receipts, sent=last.sent, gathered=last.gathered, recorded=last.recorded)

    def with_receipt(self, receipt: Receipt) -> Job:
        """Give the job with a file published."""
        key = _key(receipt)
        sent = tuple(old for old in self.sent if _key(old) != key)
        return replace(self, receipts=(*(old for old in self.receipts if _key(old) != key), receipt), sent=sent)

    def with_sent(self, receipt: Receipt) -> Job:
        """Give the job with a file that a publisher has, and that does not count as published yet."""
        return replace(self, sent=(*(old for old in self.sent if _key(old) != _key(receipt)), receipt))

    def with_gathered(self, gathered: Gathered) -> Job:
        """Give the job with all its files under one address of a publisher."""
        receipt = gathered.receipt
        others = tuple(old for old in self.gathered if old.receipt.publisher != receipt.publisher)
        sent = tuple(old for old in self.sent if _key(old) != _key(receipt))
        return replace(self, gathered=(*others, gathered), sent=sent)

    def published(self, publisher: str) -> dict[tuple[str, str], Receipt]:
        """Give what a publisher has, by name and sha256."""
        return {(one.name, one.sha256): one for one in self.receipts if one.publisher == publisher}

    def with_take(self, take: JobTake) -> Job:
        """Give the job with the take of that face replaced."""
        return replace(self, takes=tuple(take if old.face == take.face else old for old in self.takes))

    def in_state(self, state: TakeState) -> tuple[JobTake, ...]:
        """Takes in this state, in order."""
        return tuple(take for take in self.takes if take.state is state)

    def input(self, name: str) -> Input:
        """Give the hashes of a dropped file.

        Raises:
            KeyError: It has none: a bug of ours.
        """
        return {entry.name: entry for entry in self.inputs}[name]


def _key(receipt: Receipt) -> tuple[str, str, str]:
    return receipt.publisher, receipt.name, receipt.sha256
