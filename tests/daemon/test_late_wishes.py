"""What somebody asks for while a job is on its way to failed/ comes too late, and does nothing to the next job."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import conclusion, control
from tests.daemon.bench import Bench

FILES = {"voice.wav": "some words", "ann.png": "ok"}


def test_the_next_job_of_that_name_is_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    move = conclusion._move

    def late(source: Path, place: Path, name: str) -> Path:
        """Have everything asked for when a job that has failed is about to move."""
        if place.name == "failed":
            control.cancel(place.parent, source.parent.name, "not wanted")
            control.prefer(place.parent, source.parent.name, "high")
        return move(source, place, name)

    monkeypatch.setattr(conclusion, "_move", late)
    bench.drop("talk", FILES | {"ann.png": "no-face"})
    assert bench.once() == 1
    assert bench.places() == ["failed/talk"]
    (bench.root / "failed" / "talk").rename(bench.place / "away")
    bench.drop("talk", FILES)
    assert bench.once() == 0
    assert bench.places() == ["done/talk"]


def test_what_a_crash_tore_keeps_no_empty_folder(bench: Bench) -> None:
    home = bench.root / "working" / "talk"
    (home / ".lipsyncd").mkdir(parents=True)
    for name in ("CANCEL", ".CANCEL.part", ".REVIEW.txt.part", ".manifest.json.part"):
        (home / name).touch()
    conclusion.discard(home)
    assert not home.exists()
    home.mkdir()
    (home / "mine.txt").touch()
    conclusion.discard(home)
    assert (home / "mine.txt").exists()


def test_a_folder_called_like_a_wish_that_stays_behind_asks_nothing_of_the_next_job(bench: Bench) -> None:
    (bench.root / "working" / "talk" / "CANCEL").mkdir(parents=True)
    bench.drop("talk", FILES)
    assert bench.once() == 0
    assert bench.places() == ["done/talk (2)", "working/talk"]
