"""Estimate: what publishing a parcel would come to, as a document and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from publishers import Parcel, Quote, QuoteLine

_WINSTON_DIGITS = 12


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
        said = "costs nothing" if quote.winston == 0 else f"costs {price(quote.winston)}"
        yield f"{quote.publisher} {said}." + (f" {quote.note}" if quote.note else "")
    yield "Nothing was published."


def price(winston: int | None) -> str:
    """Give an amount in AR, exactly."""
    if winston is None:
        return "an unknown amount"
    whole, rest = divmod(winston, 10**_WINSTON_DIGITS)
    digits = f"{rest:0{_WINSTON_DIGITS}d}".rstrip("0")
    return f"{whole}.{digits} AR" if digits else f"{whole} AR"


def _places(quotes: Sequence[Quote], name: str) -> Iterator[str]:
    for quote in quotes:
        for line in quote.lines:
            if line.name == name:
                address = line.address or "an address that is known once it is signed"
                paid = ", paid already" if line.paid else f", {price(line.winston)}" if line.winston else ""
                yield f"  {quote.publisher.ljust(8)} {address}{paid}"


def _line(quote: Quote, line: QuoteLine) -> dict[str, Any]:
    return {"publisher": quote.publisher, "address": line.address, "winston": line.winston, "paid": line.paid}
