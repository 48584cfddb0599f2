"""One call of ``lipsyncd publish``: it waits, goes on after a fault, and sends nothing that is too dear."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from daemon.commands.console import Console
from daemon.commands.errand import Errand
from publishers import Artifact, Beat, Parcel, Pending, Post, Quote, Receipt, Refused, Unreachable, identify


def receipt(artifact: Artifact, state: str = "read back") -> Receipt:
    return Receipt("store", artifact.name, artifact.sha256, f"ar://{artifact.name}", "", state)


@dataclass
class Store:
    """A place that keeps things in memory and has its moods."""

    waits: int = 0
    away: set[str] = field(default_factory=set)
    dear: bool = False
    sent: list[str] = field(default_factory=list)
    name: str = "store"

    def publish(self, artifact: Artifact, parcel: Parcel, beat: Beat) -> Receipt:
        beat(0.5)
        if artifact.name in self.away:
            raise Unreachable("the store is away", "Come back later.")
        if self.waits:
            self.waits -= 1
            raise Pending("1 of 2 confirmations", receipt(artifact, "pending"), 7.0)
        self.sent.append(artifact.name)
        return receipt(artifact)

    def verify(self, receipt: Receipt) -> None: ...

    def gather(self, parcel: Parcel, receipts: Sequence[Receipt], beat: Beat) -> Receipt:
        digest = hashlib.sha256("".join(one.sha256 for one in receipts).encode()).hexdigest()
        return Receipt(self.name, "", digest, "ar://all", "", "read back")

    def quote(self, parcel: Parcel, online: bool) -> Quote:
        if online and self.dear:
            raise Refused("it would cost 2 AR, and max_ar is 1", "Raise it.")
        return Quote(self.name, (), 0)


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    for name in ("a.mp4", "b.md"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    return Parcel("id", "title", tuple(identify(tmp_path / name) for name in ("a.mp4", "b.md")))


def test_it_waits_until_everything_is_settled(parcel: Parcel) -> None:
    slept: list[float] = []
    errand = Errand(parcel, Console(json=True), slept.append)
    errand.run(Store(waits=3))
    assert slept == [7.0, 7.0], "twice: both files were sent before anybody waited for the first"
    assert [one.name for one in errand.receipts] == ["a.mp4", "b.md", ""]
    said = errand.document()
    assert [one["cid"] for one in said["receipts"]] == [artifact.cid for artifact in parcel.artifacts]
    assert said["together"][0]["address"] == "ar://all"


def test_what_is_waited_for_is_said_once(parcel: Parcel, capsys: pytest.CaptureFixture[str]) -> None:
    Errand(parcel, Console(json=True), lambda _seconds: None).run(Store(waits=5))
    assert capsys.readouterr().err.count("1 of 2 confirmations") == 2, "once for each file"


def test_too_dear_is_said_once(parcel: Parcel, capsys: pytest.CaptureFixture[str]) -> None:
    errand = Errand(parcel, Console(json=True))
    errand.run(Store(dear=True))
    assert capsys.readouterr().err.count("max_ar is 1") == 1
    assert len(errand.failures) == 2, "each file is named in the answer"


def test_one_that_fails_does_not_stop_the_others(parcel: Parcel) -> None:
    errand = Errand(parcel, Console(json=True))
    store = Store(away={"a.mp4"})
    errand.run(store)
    assert store.sent == ["b.md"]
    assert [(one["name"], one["error"]) for one in errand.failures] == [("a.mp4", "the store is away")]
    assert [one.name for one in errand.receipts] == ["b.md"], "an address for all would lack one"


def test_nothing_is_sent_that_is_too_dear(parcel: Parcel) -> None:
    errand = Errand(parcel, Console(json=True))
    store = Store(dear=True)
    errand.run(store)
    assert not store.sent
    assert {one["error"] for one in errand.failures} == {"it would cost 2 AR, and max_ar is 1"}


def test_a_single_file_needs_no_address_for_all(parcel: Parcel) -> None:
    errand = Errand(replace(parcel, artifacts=parcel.artifacts[:1]), Console(json=True))
    errand.run(Store())
    assert [one.name for one in errand.receipts] == ["a.mp4"]


@dataclass
class Board:
    """A place for posts."""

    posts: list[Post] = field(default_factory=list)
    name: str = "board"

    def announce(self, post: Post, parcel: Parcel, beat: Beat) -> Receipt:
        self.posts.append(post)
        return Receipt("board", "", "0" * 64, "https://board.example/draft/1", "", "sent")


def test_only_posts_are_left_as_drafts(parcel: Parcel) -> None:
    errand = Errand(parcel, Console(json=True))
    board = Board()
    errand.run(board)
    assert [(post.title, post.markdown) for post in board.posts] == [("title", "b.md")]
    assert [one["name"] for one in errand.failures] == ["a.mp4"]
