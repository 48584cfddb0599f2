"""Notice: what is to be told of a job, and whom it has reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from daemon.job import Job, State, TakeState

_MOST = 8
"""Addresses, videos and failures that are named; of the others there is only a number."""
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Event(StrEnum):
    """What is told."""

    DONE = "done"
    FAILED = "failed"
    REVIEW = "review"
    PUBLISHED = "published"


@dataclass(frozen=True)
class Missing:
    """A video that could not be made: of which face, and why."""

    face: str
    reason: str


@dataclass(frozen=True)
class Notice:
    """What is to be told of a job. No path of the machine is in it.

    Attributes:
        event: What has happened.
        job: The id.
        title: Of the job, or the name of its folder.
        folder: Where it lies under the root, such as "done/weekly".
        at: When it happened, seconds since 1970.
        made: The names of the videos, the first of them.
        count: How many there are.
        missing: What could not be made, the first of it.
        lost: How much that is.
        error: Why the job failed as a whole, or "".
        hint: What to do about it, or "".
        links: Where strangers find the videos.
        poster: Name of a picture in the folder, or "".
        held: The folder in working/ that it has yet to leave; it is told afterwards. "" where it is on its way.
        tries: How often it was tried to tell.
        due: When it is to be told, seconds since 1970.
        told: The places that it has reached.
    """

    event: Event
    job: str
    title: str
    folder: str
    at: float
    made: tuple[str, ...] = ()
    count: int = 0
    missing: tuple[Missing, ...] = ()
    lost: int = 0
    error: str = ""
    hint: str = ""
    links: tuple[str, ...] = ()
    poster: str = ""
    held: str = ""
    tries: int = 0
    due: float = 0.0
    told: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: Event, job: Job, home: Path, at: float) -> Notice:
        """Put together what is told of a job that is in this folder."""
        made, failed = job.in_state(TakeState.RENDERED), job.in_state(TakeState.FAILED)
        return cls(
            event=event,
            job=job.id,
            title=job.title or job.name,
            folder=f"{home.parent.name}/{home.name}",
            at=at,
            made=tuple(f"{take.name}.mp4" for take in made[:_MOST]),
            count=len(made),
            missing=tuple(Missing(take.face, take.error) for take in failed[:_MOST]),
            lost=len(failed),
            error=job.error,
            hint=job.hint,
            links=tuple(dict.fromkeys(_links(job)))[:_MOST],
            poster=f"{made[0].name}.jpg" if made and event is not Event.FAILED else "",
            due=at,
        )

    @classmethod
    def read(cls, document: dict[str, Any]) -> Notice:
        """Read what ``document`` wrote.

        Raises:
            ValueError, TypeError, KeyError: It is something else.
        """
        known: dict[str, Any] = {name: int(document[name]) for name in ("count", "lost", "tries")}
        known |= {name: float(document[name]) for name in ("at", "due")}
        known |= {name: tuple(map(str, document[name])) for name in ("made", "links", "told")}
        known["missing"] = tuple(Missing(str(one["face"]), str(one["reason"])) for one in document["missing"])
        known["event"] = Event(document["event"])
        return cls(**known | {name: str(document[name]) for name in document.keys() - known.keys()})

    @property
    def id(self) -> str:
        """What it is called: of one job there is one of each kind at a time."""
        return f"{self.job}-{self.event}"

    def document(self) -> dict[str, Any]:
        """Give it as plain values."""
        return asdict(self)

    def put_off(self, told: tuple[str, ...], due: float) -> Notice:
        """Give it as it is after a try that has not reached everybody."""
        return replace(self, told=tuple(dict.fromkeys((*self.told, *told))), tries=self.tries + 1, due=due)


def event_of(before: Job, after: Job) -> Event | None:
    """Say what there is to tell where a job goes on; None where there is nothing."""
    if before.state is after.state:
        return None
    if after.state is State.REVIEW and not after.approved:
        return Event.REVIEW
    if after.state is State.PUBLISHED and after.publish and (after.receipts or after.gathered):
        return Event.PUBLISHED
    return ending(after)


def ending(job: Job) -> Event | None:
    """Say what there is to tell of a job that has come to its end."""
    return {State.DONE: Event.DONE, State.FAILED: Event.FAILED}.get(job.state)


def _links(job: Job) -> Iterator[str]:
    """Yield where strangers find the videos: the way for browsers first, then the permanent address."""
    videos = {f"{take.name}.mp4" for take in job.takes}
    for receipt in job.receipts:
        if receipt.name in videos:
            if _reachable(receipt.gateway):
                yield receipt.gateway
            if receipt.address.startswith(("ipfs://", "ar://")):
                yield receipt.address


def _reachable(link: str) -> bool:
    """Say whether a link leads anywhere from another machine."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and (parts.hostname or "localhost") not in _HERE
