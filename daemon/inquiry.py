"""Inquiry: whether publishers still keep what receipts say: each is asked to fetch it, and the bytes are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.settings import Settings
from publishers import Announcer, Manifest, Mismatch, Publisher, PublishError, Receipt, build


@dataclass(frozen=True)
class Answer:
    """What came of asking for one receipt.

    Attributes:
        problem: Who said what, or "" where the bytes are there and right.
        wrong: Other bytes are there; otherwise a problem only means that nobody could tell.
        asked: Somebody was asked at all: a place for drafts keeps nothing that could be fetched.
    """

    receipt: Receipt
    problem: str = ""
    wrong: bool = False
    asked: bool = True


def receipts_of(manifest: Manifest) -> list[Receipt]:
    """Give all receipts of a manifest, each once: of videos, posters and papers, and of all files together."""
    papers = [video.metadata for video in manifest.videos if video.metadata]
    files = [file for video in manifest.videos for file in (video, video.poster)]
    found = [receipt for file in [*files, *papers] for receipt in file.receipts]
    return list(dict.fromkeys([*found, *manifest.directory.receipts]))


def ask(receipts: Sequence[Receipt], settings: Settings) -> Iterator[Answer]:
    """Have the publishers fetch what they keep and compare; each is built once. Answers come as they are found."""
    built: dict[str, Publisher | Announcer] = {}
    for receipt in receipts:
        place = receipt.publisher
        try:
            if place not in built:
                built[place] = build(place, settings.publisher(place), settings.paths.state)
            keeper = built[place]
            if isinstance(keeper, Publisher):
                keeper.verify(receipt)
            yield Answer(receipt, asked=isinstance(keeper, Publisher))
        except PublishError as error:
            yield Answer(receipt, f"{place}: {error}", isinstance(error, Mismatch))
