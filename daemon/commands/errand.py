"""Errand: one call of ``lipsyncd publish``, place after place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from daemon.commands.console import Console
from publishers import (
    Announcer,
    Artifact,
    Beat,
    Gatherer,
    Parcel,
    Pending,
    Post,
    Publisher,
    PublishError,
    Quoter,
    Receipt,
)

Act = Callable[[Beat], Receipt]
"""One call that ends with a receipt; made again while only time is missing."""

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
        self._waits: dict[tuple[str, str], str] = {}

    def run(self, publisher: Publisher | Announcer) -> None:
        """Publish everything at one place; nothing is sent there if all of it is too dear."""
        if isinstance(publisher, Announcer):
            self._announce(publisher)
            return
        if isinstance(publisher, Quoter) and not self._affordable(publisher):
            return
        acts = {one.name: _publication(publisher, one, self._parcel) for one in self._parcel.artifacts}
        receipts = self._settled(publisher.name, acts)
        if len(receipts) == len(acts) > 1 and isinstance(publisher, Gatherer):
            self._settled(publisher.name, {"": _gathering(publisher, self._parcel, receipts)})

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
        acts: dict[str, Act] = {}
        for artifact in self._parcel.artifacts:
            if artifact.media_type != _POST or artifact.bytes > _LONGEST:
                self._fail(announcer.name, artifact.name, "only a post (a file .md) can be left there", "")
                continue
            post = Post(self._parcel.title, artifact.path.read_text(encoding="utf-8", errors="replace"))
            acts[artifact.name] = _announcement(announcer, post, self._parcel)
        self._settled(announcer.name, acts)

    def _affordable(self, publisher: Quoter) -> bool:
        try:
            publisher.quote(self._parcel, online=True)
        except PublishError as error:
            place = publisher.name if isinstance(publisher, Publisher) else "?"
            self._say(place, error.message, error.hint)
            self.failures += [_failure(place, one.name, error.message, error.hint) for one in self._parcel.artifacts]
            return False
        return True

    def _settled(self, place: str, acts: Mapping[str, Act]) -> list[Receipt]:
        """Do all of it until each is settled or failed; what only takes time holds up none of the others."""
        left, done = list(acts), dict[str, Receipt]()
        while left:
            waits: dict[str, float] = {}
            for name in left:
                try:
                    done[name] = acts[name](_Teller(self._console, f"{name or 'all of them'} to {place}"))
                except Pending as pending:
                    self._told(place, name, pending.message)
                    waits[name] = pending.wait or _LOOK_AGAIN
                except PublishError as error:
                    self._fail(place, name, error.message, error.hint)
            if waits:
                self._sleep(min(waits.values()))
            left = list(waits)
        found = [done[name] for name in acts if name in done]
        self.receipts += found
        return found

    def _told(self, place: str, name: str, message: str) -> None:
        """Say what is waited for, once."""
        if self._waits.get((place, name)) != message:
            self._waits[place, name] = message
            self._console.note(f"{message}. Stopping does no harm: the same command goes on with it.")

    def _fail(self, place: str, name: str, message: str, hint: str) -> None:
        self._say(place, message, hint)
        self.failures.append(_failure(place, name, message, hint))

    def _say(self, place: str, message: str, hint: str) -> None:
        self._console.note(f"{place}: {message}. {hint}".rstrip())


def _failure(place: str, name: str, message: str, hint: str) -> dict[str, str]:
    return {"publisher": place, "name": name, "error": message, "hint": hint}


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


def _publication(publisher: Publisher, artifact: Artifact, parcel: Parcel) -> Act:
    return lambda beat: publisher.publish(artifact, parcel, beat)


def _gathering(publisher: Gatherer, parcel: Parcel, receipts: list[Receipt]) -> Act:
    return lambda beat: publisher.gather(parcel, receipts, beat)


def _announcement(announcer: Announcer, post: Post, parcel: Parcel) -> Act:
    return lambda beat: announcer.announce(post, parcel, beat)
