"""The index follows the folders, whatever happens to them or to it; and finds jobs in any language."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.job import State
from daemon.page import store
from daemon.page.card import Standing
from daemon.page.census import Census, Coverage
from daemon.page.index import VERSION, Index, Leaf, Query
from tests.page.shelf import cid, failed, job, partly, put, sha256, shelf


class Share:
    def __init__(self, place: Path) -> None:
        self.root, self.state = place / "root", place / "state"
        shelf(self.root, 0)
        self.index = Index(self.state)
        self.census = Census(self.root, self.index)

    def leaf(self, words: str = "", **query: object) -> Leaf:
        self.census.look(whole=True)
        return self.index.leaf(Query(words, **query))  # type: ignore[arg-type]

    def names(self, words: str = "", **query: object) -> list[str]:
        return [card.folder for card in self.leaf(words, **query).cards]


@pytest.fixture
def share(tmp_path: Path) -> Share:
    return Share(tmp_path)


def test_a_card_says_what_a_list_needs(share: Share) -> None:
    put(share.root, job(1, "周报 47"))
    (card,) = share.leaf().cards
    assert (card.folder, card.place, card.standing, card.title) == ("周报 47", "done", Standing.DONE, "周报")
    assert (card.takes, card.made, card.seconds, card.poster) == (2, 2, 24.8, "alice.jpg")
    assert card.key == card.id == "00000001"
    assert card.taken.isoformat() == "2026-01-01T00:01:00+00:00"


def test_standings(share: Share) -> None:
    put(share.root, job(1, "whole"))
    put(share.root, partly(job(2, "partly")))
    put(share.root, failed(job(3, "failed")), place="failed")
    put(share.root, replace(job(4, "in hand"), state=State.QUEUED), place="working")
    put(share.root, replace(job(5, "asks"), state=State.REVIEW), place="working")
    leaf = share.leaf()
    found = {card.folder: card.standing for card in leaf.cards}
    assert found == {"whole": "done", "partly": "partly", "failed": "failed", "in hand": "working", "asks": "review"}
    assert leaf.counts == {"done": 1, "partly": 1, "failed": 1, "working": 1, "review": 1}
    assert {card.folder: card.said for card in leaf.cards if card.said} == {
        "partly": "bob.png: no face in it",
        "failed": "the audio is silent",
    }
    assert share.names(standing="failed") == ["failed"]
    assert share.leaf(standing="failed").counts == leaf.counts  # the chips keep their numbers


def test_a_job_to_be_made_again_waits(share: Share) -> None:
    home = put(share.root, replace(job(5, "asks"), state=State.DONE), place="working")
    (home / ".lipsyncd").mkdir()
    (home / ".lipsyncd" / "retry").touch()
    (card,) = share.leaf().cards
    assert (card.standing, card.state) == ("working", "QUEUED")


def test_damaged_folders_are_listed_and_foreign_ones_are_not(share: Share) -> None:
    torn = put(share.root, job(1, "torn"))
    (torn / "job.json").write_text('{"schema": "lipsyncd.job/1", "id": 5')
    (share.root / "done" / "holiday pictures").mkdir()
    (share.root / "failed" / "put aside").mkdir()
    (share.root / "working" / "torn off" / "inputs").mkdir(parents=True)
    (share.root / "done" / "elsewhere").symlink_to(torn)
    leaf = share.leaf()
    assert {card.folder: card.standing for card in leaf.cards} == {"torn": "damaged", "torn off": "damaged"}
    assert "cannot be read" in next(card.said for card in leaf.cards if card.folder == "torn")
    assert all(card.id == "" and len(card.key) == 16 for card in leaf.cards)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("周报", ["周报 47"]),
        ("报", ["周报 47"]),
        ("４７", ["周报 47"]),  # full width, as an input method types it
        ("ÉTÉ", ["l'été"]),
        ("carol", ["l'été"]),
        ("CAROL été", ["l'été"]),
        ("carol 周", []),
        (sha256("周报 47alicev"), ["周报 47"]),
        (cid("l'étéCarolv")[:20], ["l'été"]),
        (f"ipfs://{cid('周报 47bobv')}", ["周报 47"]),
        (sha256("l'étévoice.wav"), ["l'été"]),
        ("00000002", ["l'été"]),
        (f"https://ipfs.io/ipfs/{cid('周报 47bobv')}/bob.mp4?download=true", ["周报 47"]),
        (f"{sha256('周报 47alicev')[:12]} 周", ["周报 47"]),
        (f"{sha256('周报 47alicev')[:12]} été", []),
        ("0000", []),  # short ones are in too many hashes
        ("%", []),
        ("_", []),
        ("' OR 1=1 --", []),
        ('"', []),
        ("\0", []),
        ("   ", ["l'été", "周报 47"]),
    ],
)
def test_search(share: Share, words: str, found: list[str]) -> None:
    put(share.root, job(1, "周报 47"))
    put(share.root, replace(job(2, "l'été", takes=("Carol",)), title="Rapport"))
    assert share.names(words) == found


def test_the_index_follows_the_folders(share: Share) -> None:
    home = put(share.root, job(1, "one"))
    put(share.root, job(2, "two"))
    assert share.names() == ["two", "one"]
    shutil.rmtree(share.root / "done" / "two")
    (home / "job.json").write_text((home / "job.json").read_text().replace('"00000001"', '"feedbeef"'))
    assert [(card.folder, card.id) for card in share.leaf().cards] == [("one", "feedbeef")]
    home.rename(share.root / "done" / "renamed")
    assert share.names() == ["renamed"]
    assert share.names("one") == ["renamed"]  # the job is still called so
    put(share.root, failed(job(1, "one")), place="failed")
    assert {(card.place, card.folder) for card in share.leaf().cards} == {("failed", "one"), ("done", "renamed")}


def test_what_came_and_went_is_seen_without_looking_into_every_folder(share: Share) -> None:
    shelf(share.root, 3)
    share.census.look(whole=True)
    shutil.rmtree(next((share.root / "done").iterdir()))
    put(share.root, job(7, "new"))
    put(share.root, replace(job(8, "moving"), state=State.QUEUED), place="working")
    assert share.census.look() == Coverage(4, 0)
    leaf = share.index.leaf(Query())
    assert len(leaf.cards) == 4
    assert {"new", "moving"} <= {card.folder for card in leaf.cards}
    home = share.root / "working" / "moving"
    (home / "job.json").write_text((home / "job.json").read_text().replace('"QUEUED"', '"REVIEW"'))
    share.census.look()
    assert share.index.leaf(Query(standing="review")).cards[0].folder == "moving"


def test_what_is_shown_is_confirmed(share: Share) -> None:
    home = put(share.root, job(1, "one"))
    cards = share.leaf().cards
    assert not share.census.confirm(cards)
    (home / "job.json").write_text("torn")
    assert share.census.confirm(cards)
    assert share.index.leaf(Query()).cards[0].standing is Standing.DAMAGED
    shutil.rmtree(home)
    assert share.census.confirm(cards)
    assert share.index.leaf(Query()).cards == ()


@pytest.mark.parametrize("harm", ["gone", "torn", "older", "foreign"])
def test_an_index_that_is_not_ours_is_built_anew(share: Share, harm: str) -> None:
    put(share.root, job(1, "one"))
    assert share.names() == ["one"]
    path = share.index.path
    for file in list(path.parent.iterdir()):
        if file != path:
            file.unlink()
    if harm == "gone":
        path.unlink()
    elif harm == "torn":
        path.write_bytes(path.read_bytes()[:5000].replace(b"card", b"\xff\0\0\0"))
    else:
        path.unlink()
        base = sqlite3.connect(path)
        base.executescript(f"CREATE TABLE other (a); PRAGMA user_version = {0 if harm == 'older' else VERSION}")
        base.close()
    assert share.names() == ["one"]


def test_a_copied_folder_has_a_name_of_its_own(share: Share) -> None:
    home = put(share.root, job(1, "one"))
    shutil.copytree(home, home.with_name("one copy"))
    share.census.look(whole=True)
    cards = share.index.lookup("00000001")
    assert sorted(card.folder for card in cards) == ["one", "one copy"]
    for card in cards:
        assert share.index.lookup(card.tag) == (card,)
    assert share.index.lookup("") == ()


def test_names_that_are_no_text_or_very_long(share: Share) -> None:
    odd = [os.fsdecode(b"caf\xe9"), "n" * 255, "two\nlines", "<img src=x onerror=alert(1)>", "a\u202eb"]
    for number, name in enumerate(odd):
        put(share.root, replace(job(number, "plain"), name="plain"), folder=name)
    cards = share.leaf().cards
    assert sorted(card.folder for card in cards) == sorted(odd)
    assert all("\n" not in card.name and card.name.encode() for card in cards)
    assert share.names("onerror") == ["<img src=x onerror=alert(1)>"]
    for card in cards:
        assert share.index.lookup(card.tag) == (card,)


def test_odd_times(share: Share) -> None:
    for number, moment in enumerate(("", "yesterday", "0001-01-01T00:00:00", "9999-12-31T23:59:59+00:00", "-1")):
        put(share.root, replace(job(number, f"job {number}"), created=moment))
    assert len(share.leaf().cards) == 5
    assert all(card.taken.year for card in share.leaf().cards)


def test_pages_are_stable(share: Share) -> None:
    shelf(share.root, 60)
    first = share.leaf(size=24)
    assert (first.first, len(first.cards), first.newer, first.total) == (1, 24, "", 60)
    second = share.leaf(before=first.older, size=24)
    put(share.root, job(1000, "just now"))  # moves nothing on the pages that were opened before
    again = share.leaf(before=first.older, size=24)
    assert again.cards == second.cards
    assert (second.first, again.first) == (25, 26)
    last = share.leaf(before=second.older, size=24)
    assert (len(last.cards), last.older) == (12, "")
    assert share.leaf(after=last.newer, size=24).cards == second.cards
    end = share.leaf(oldest=True, size=24)
    assert (end.cards[-1], end.older) == (last.cards[-1], "")
    for odd in ("nonsense", "-", "1-", "99999999999999999999-x", "²-x"):
        assert share.leaf(before=odd, size=5).total == 61


def test_thousands_are_quick(share: Share) -> None:
    shelf(share.root, 2000)
    begin = time.monotonic()
    coverage = share.census.look()
    assert coverage.folders == 2000
    assert coverage.left > 1500
    assert time.monotonic() - begin < 30
    assert share.leaf().total == 2000
    begin = time.monotonic()
    assert share.census.look() == Coverage(2000, 0)
    assert share.index.leaf(Query("周报 7")).total == sum(n % 6 == 1 and "7" in str(n) for n in range(2000))
    assert share.index.leaf(Query(standing="failed")).total == 100
    assert time.monotonic() - begin < 30


def test_where_the_disk_takes_no_index_it_is_kept_in_memory(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    put(share.root, job(1, "one"))
    share.state.write_text("a file is where the folder should be")
    assert share.names() == ["one"]
    put(share.root, job(2, "two"))
    assert share.names() == ["two", "one"]
    assert share.names("one") == ["one"]
    assert share.names("two") == ["two"]
    share.state.unlink()
    monkeypatch.setattr(store, "_AGAIN", 0.0)
    assert Share(share.root.parent).names() == ["two", "one"]


def test_a_disk_that_fills_up_is_no_end(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    put(share.root, job(1, "one"))
    assert share.names() == ["one"]
    put(share.root, job(2, "two"))

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store.Store, "_on_disk", full)
        patch.setattr(store, "_AGAIN", 0.2)
        share.census.look()
        assert {card.folder for card in share.index.leaf(Query()).cards} == {"one", "two"}
    time.sleep(0.3)
    share.census.look()
    assert {card.folder for card in share.index.leaf(Query()).cards} == {"one", "two"}
    assert share.index.path.exists()
