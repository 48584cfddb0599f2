"""The catalogue of finished jobs: finds what a search of all would find, and reads each but once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from daemon import catalogue
from daemon.journal import Journal


def nothing() -> None:
    """Beat."""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path)
    journal.prepare()
    return journal


def put(folder: Path, *keys: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / ".job.json.part"
    beside.write_text("{" + ", ".join(f'"key": "{key}"' for key in keys) + "}", encoding="utf-8")
    beside.replace(folder / "job.json")
    return folder


def names(journal: Journal, *keys: str, place: str = "done") -> list[str]:
    return [home.name for home in journal.with_keys(place, keys, nothing)]


def test_what_has_a_key_is_found_by_it(journal: Journal) -> None:
    put(journal.done / "b", "k1:x", "k2:x")
    put(journal.done / "a", "k2:x")
    put(journal.done / "c")
    (journal.done / "no paper").mkdir()
    (journal.done / "link").symlink_to(journal.done / "a")
    assert names(journal, "k2:x") == ["a", "b"]
    assert names(journal, "k1:x", "k9:x") == ["b"]
    assert names(journal, "k9:x") == []
    assert names(journal, "k1:x", place="failed") == []
    put(journal.failed / "f" / ".lipsyncd", "k1:x")
    assert names(journal, "k1:x", place="failed") == ["f"]


def test_what_changes_is_read_again_and_nothing_else_is(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        put(journal.done / f"job {number}", f"k{number}")
    read: list[str] = []
    plain = catalogue.read_plain
    monkeypatch.setattr(catalogue, "read_plain", lambda path, most: read.append(path.parent.name) or plain(path, most))
    assert names(journal, "k7") == ["job 7"]
    assert len(read) == 20
    assert names(journal, "k8") == ["job 8"]
    assert len(read) == 20
    put(journal.done / "job 8", "k7")
    put(journal.done / "new", "k7")
    shutil.rmtree(journal.done / "job 7")
    put(journal.done / "job 7", "other")
    assert names(journal, "k7") == ["job 8", "new"]
    assert sorted(read[20:]) == ["job 7", "job 8", "new"]


def test_who_beats_can_end_the_search(journal: Journal) -> None:
    put(journal.done / "a", "k")

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        journal.with_keys("done", ["k"], stop)
    assert names(journal, "k") == ["a"]


def test_a_place_that_is_gone_holds_nothing(journal: Journal) -> None:
    put(journal.done / "a", "k")
    assert names(journal, "k") == ["a"]
    journal.done.rename(journal.root / "away")
    assert names(journal, "k") == []
