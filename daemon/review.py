"""REVIEW.txt: what a person reads before anything leaves: each file, the addresses it would have, and the price."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon import durable, ownership
from daemon.job import Job
from daemon.name import shown
from daemon.parcel import finished
from daemon.work import APPROVE, Work
from publishers import Artifact, Quote, QuoteLine, ar

FILE_NAME = "REVIEW.txt"


@dataclass(frozen=True)
class Offer:
    """What one file, or all of them together, would get at one publisher."""

    place: str
    line: QuoteLine


@dataclass(frozen=True)
class Sight:
    """What a person is to look at before a job goes on; REVIEW.txt and the page say the same.

    Attributes:
        files: Each with what it would get.
        whole: What all of them together would get.
        sums: What each publisher said of all; None where it said nothing.
        digest: Changes with any of this.
    """

    files: tuple[tuple[Artifact, tuple[Offer, ...]], ...]
    whole: tuple[Offer, ...]
    sums: tuple[tuple[str, Quote | None], ...]
    digest: str


def see(home: Path, job: Job) -> Sight:
    """Give what is to be looked at of a job."""
    quotes = {quote.publisher: quote for quote in job.quotes}

    def offers(name: str) -> tuple[Offer, ...]:
        return tuple(Offer(place, line) for place, quote in quotes.items() for line in quote.lines if line.name == name)

    files = tuple((file, offers(file.name)) for file in finished(home, job))
    said = [job.id, [(file.name, file.bytes, file.sha256, file.cid) for file, _ in files], job.publish, job.quotes]
    return Sight(
        files=files,
        whole=offers(""),
        sums=tuple((place, quotes.get(place)) for place in job.publish),
        digest=hashlib.sha256(repr(said).encode("utf-8", "backslashreplace")).hexdigest(),
    )


def write(work: Work) -> None:
    """Write REVIEW.txt into the job's folder.

    Raises:
        OSError: It cannot be written.
    """
    path = work.home / FILE_NAME
    durable.replace(path, "\n".join(text(work)) + "\n")
    ownership.give(path, work.inputs)


def text(work: Work) -> Iterator[str]:
    """Yield the lines of REVIEW.txt."""
    job, sight = work.job, see(work.home, work.job)
    yield "Look at the videos in this folder. Nothing has been published yet."
    yield "This is where they would be, for good:" if job.publish else "They are not to be published anywhere."
    yield ""
    for file, offers in sight.files:
        yield f"{shown(file.name)}  {file.bytes} bytes"
        yield f"  sha256  {file.sha256}"
        yield f"  CID     {file.cid}"
        yield from _lines(offers)
        yield ""
    if sight.whole:
        yield from ["All of them under one address", *_lines(sight.whole), ""]
    for place, quote in sight.sums:
        yield _sum(place, quote)
    yield ""
    yield f"To approve exactly these files: put a file called {APPROVE} into this folder, empty or with a note in it,"
    yield f"or run: lipsyncd approve {job.id}"
    yield f"To give it up: lipsyncd cancel {job.id}"


def _lines(offers: tuple[Offer, ...]) -> Iterator[str]:
    for offer in offers:
        yield f"  {offer.place}: {_line(offer.line)}"


def _line(line: QuoteLine) -> str:
    address = shown(line.address) or "its address is known once it is signed"
    if line.paid:
        return f"{address} (published already, nothing to pay)"
    return f"{address}, {ar(line.winston)}" if line.winston else address


def _sum(place: str, quote: Quote | None) -> str:
    if quote is None:
        return f"{place}: it names no addresses or prices beforehand, or did not answer; it is asked again first."
    cost = "the price is not known" if quote.winston is None else "costs nothing"
    cost = f"{ar(quote.winston)} in all" if quote.winston else cost
    return f"{place}: {cost}. {shown(quote.note)}".rstrip()
