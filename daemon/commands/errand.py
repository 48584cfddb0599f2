"""Errand: one call of ``lipsyncd publish``, place after place."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from daemon.commands.console import Console
from publishers import (
    Announcer,
    Artifact,
    Gatherer,
    Parcel,
    Pending,
    Post,
    Publisher,
    PublishError,
    Quoter,
    Receipt,
)

_POST = "text/markdown"
_LONGEST = 256 * 1024
_SAY_EVERY = 10.0
_LOOK_AGAIN = 30.0


class Errand:
    """Publishes a parcel, waits until it is settled, and remembers what came of it."""

    def __init__(self, parcel: Parcel, console: Console, sleep: Callable[[float], None] = time.sleep) -> None:
        self.receipts: list[Receipt] = []
        self.failures: list[dict[str, str]] = []
        self._parcel = parcel
        self._console = console
        self._sleep = sleep

    def run(self, publisher: Publisher | Announcer) -> None:
        """Publish everything at one place; nothing is sent there if all of it is too dear."""
        if isinstance(publisher, Announcer):
            self._announce(publisher)
            return
        if isinstance(publisher, Quoter) and not self._affordable(publisher):
            return
        receipts = [
            receipt
            for artifact in self._parcel.artifacts
            if (
                receipt := self._settled(publisher.name, artifact.name, _publication(publisher, artifact, self._parcel))
            )
        ]
        whole = len(receipts) == len(self._parcel.artifacts) > 1
        if whole and isinstance(publisher, Gatherer):
            gatherer = publisher

            def gather(beat: Callable[[float], None]) -> Receipt:
                return gatherer.gather(self._parcel, receipts, beat)

            self._settled(publisher.name, "", gather)

    def document(self) -> dict[str, Any]:
        """Give all of it as one document."""
        cids = {artifact.name: artifact.cid for artifact in self._parcel.artifacts}
        told = [asdict(receipt) | {"cid": cids.get(receipt.name, "")} for receipt in self.receipts]
        return {
            "receipts": [one for one in told if one["name"]],
            "together": [
                {key: one[key] for key in one if key not in ("name", "cid")} for one in told if not one["name"]
            ],
            "failures": self.failures,
        }

    def _announce(self, announcer: Announcer) -> None:
        for artifact in self._parcel.artifacts:
            if artifact.media_type != _POST or artifact.bytes > _LONGEST:
                self._fail(announcer.name, artifact.name, "only a post (a file .md) can be left there", "")
                continue
            post = Post(self._parcel.title, artifact.path.read_text(encoding="utf-8", errors="replace"))
            self._settled(announcer.name, artifact.name, _announcement(announcer, post, self._parcel))

    def _affordable(self, publisher: Quoter) -> bool:
        try:
            publisher.quote(self._parcel, online=True)
        except PublishError as error:
            place = publisher.name if isinstance(publisher, Publisher) else "?"
            for artifact in self._parcel.artifacts:
                self._fail(place, artifact.name, error.message, error.hint)
            return False
        return True

    def _settled(self, place: str, name: str, act: Callable[[Callable[[float], None]], Receipt]) -> Receipt | None:
        """Do it until it is settled; None where it failed."""
        while True:
            try:
                receipt = act(_Teller(self._console, f"{name or 'all of them'} to {place}"))
            except Pending as pending:
                self._console.note(f"{pending.message}. Stopping does no harm: the same command goes on with it.")
                self._sleep(pending.wait or _LOOK_AGAIN)
            except PublishError as error:
                self._fail(place, name, error.message, error.hint)
                return None
            else:
                self.receipts.append(receipt)
                return receipt

    def _fail(self, place: str, name: str, message: str, hint: str) -> None:
        self._console.note(f"{place}: {message}. {hint}".rstrip())
        self.failures.append({"publisher": place, "name": name, "error": message, "hint": hint})


class _Teller:
    """Says how far it is, every few seconds."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._said = time.monotonic()

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if now - self._said >= _SAY_EVERY:
            self._said = now
            self._console.note(f"{self._title}: {share:.0%}")


def _publication(
    publisher: Publisher, artifact: Artifact, parcel: Parcel
) -> Callable[[Callable[[float], None]], Receipt]:
    return lambda beat: publisher.publish(artifact, parcel, beat)


def _announcement(announcer: Announcer, post: Post, parcel: Parcel) -> Callable[[Callable[[float], None]], Receipt]:
    return lambda beat: announcer.announce(post, parcel, beat)
