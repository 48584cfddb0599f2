"""REVIEW.txt: what a person reads before anything leaves: each file, the addresses it would have, and the price."""

from __future__ import annotations

from collections.abc import Iterator

from daemon import durable, ownership
from daemon.name import shown
from daemon.parcel import artifacts
from daemon.work import APPROVE, Work
from publishers import Quote, QuoteLine, ar

FILE_NAME = "REVIEW.txt"


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
    job = work.job
    quotes = {quote.publisher: quote for quote in job.quotes}
    yield "Look at the videos in this folder. Nothing has been published yet."
    yield "This is where they would be, for good:" if job.publish else "They are not to be published anywhere."
    yield ""
    for file in artifacts(work):
        yield f"{shown(file.name)}  {file.bytes} bytes"
        yield f"  sha256  {file.sha256}"
        yield f"  CID     {file.cid}"
        yield from _lines(file.name, quotes)
        yield ""
    if whole := list(_lines("", quotes)):
        yield from ["All of them under one address", *whole, ""]
    for place in job.publish:
        yield _sum(place, quotes.get(place))
    yield ""
    yield f"To approve exactly these files: put an empty file called {APPROVE} into this folder,"
    yield f"or run: lipsyncd approve {job.id}"
    yield f"To give it up: lipsyncd cancel {job.id}"


def _lines(name: str, quotes: dict[str, Quote]) -> Iterator[str]:
    for place, quote in quotes.items():
        for line in quote.lines:
            if line.name == name:
                yield f"  {place}: {_line(line)}"


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
