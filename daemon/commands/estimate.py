"""Estimate: what publishing a parcel would come to, as a document and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from publishers import Parcel, Quote, QuoteLine, ar


def document(parcel: Parcel, quotes: Sequence[Quote]) -> dict[str, Any]:
    """Give everything that is known beforehand, by file."""
    return {
        "files": [
            {
                "name": one.name,
                "bytes": one.bytes,
                "sha256": one.sha256,
                "cid": one.cid,
                "profile": one.profile,
                "media_type": one.media_type,
                "places": [_line(quote, line) for quote in quotes for line in quote.lines if line.name == one.name],
            }
            for one in parcel.artifacts
        ],
        "together": [_line(quote, line) for quote in quotes for line in quote.lines if not line.name],
        "costs": [{"publisher": one.publisher, "winston": one.winston, "note": one.note} for one in quotes],
    }


def lines(parcel: Parcel, quotes: Sequence[Quote]) -> Iterator[str]:
    """Yield the same for people."""
    for one in parcel.artifacts:
        yield f"{one.name}  ({one.bytes} bytes)"
        yield f"  sha256   {one.sha256}"
        yield f"  CID      {one.cid}"
        yield from _places(quotes, one.name)
    together = list(_places(quotes, ""))
    if together:
        yield "all of them"
        yield from together
    for quote in quotes:
        yield f"{quote.publisher} {_cost(quote.winston)}." + (f" {quote.note}" if quote.note else "")
    yield "Nothing was published."


def _cost(winston: int | None) -> str:
    if winston is None:
        return "costs an amount that is not known yet"
    return f"costs {ar(winston)}" if winston else "costs nothing"


def _places(quotes: Sequence[Quote], name: str) -> Iterator[str]:
    for quote in quotes:
        for line in quote.lines:
            if line.name == name:
                address = line.address or "an address that is known once it is signed"
                paid = ", paid already" if line.paid else f", {ar(line.winston)}" if line.winston else ""
                yield f"  {quote.publisher.ljust(8)} {address}{paid}"


def _line(quote: Quote, line: QuoteLine) -> dict[str, Any]:
    return {"publisher": quote.publisher, "address": line.address, "winston": line.winston, "paid": line.paid}
