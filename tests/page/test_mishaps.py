"""What people, programs and clocks do to folders behind the page's back: it goes on, and shows all the others."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from daemon.page import census
from daemon.page.card import card_of
from daemon.page.census import Census
from daemon.page.house import House
from daemon.page.index import Index, Query
from tests.page.shelf import failed, job, put

GOOD = ("weekly", "周报")
PAGES = ("/", "/drop", "/jobs", "/jobs?q=weekly", "/jobs?show=damaged", "/jobs?oldest=1", "/review", "/log")


def write(data: bytes) -> Callable[[Path], object]:
    return lambda paper: paper.write_bytes(data)


def link(target: str) -> Callable[[Path], object]:
    return lambda paper: (paper.unlink(), paper.symlink_to(target))


def pipe(paper: Path) -> None:
    paper.unlink()
    os.mkfifo(paper)


def folder(paper: Path) -> None:
    paper.unlink()
    (paper / "inner").mkdir(parents=True)


def cut(paper: Path) -> None:
    os.truncate(paper, paper.stat().st_size // 2)


def grow(paper: Path) -> None:
    os.truncate(paper, 5 << 30)  # a hole: no disk is filled


MISHAPS: dict[str, Callable[[Path], object]] = {
    "half written": cut,
    "empty": write(b""),
    "enormous": grow,
    "latin-1": lambda paper: paper.write_bytes(paper.read_bytes().replace(b'"bad"', b'"b\xe4d"')),
    "utf-16": lambda paper: paper.write_text(paper.read_text(), encoding="utf-16"),
    "half a letter": lambda paper: paper.write_bytes(paper.read_bytes().replace(b'"bad"', b'"\\ud800"')),
    "a null": lambda paper: paper.write_bytes(paper.read_bytes().replace(b'"bad"', b'"b\\u0000d"')),
    "deep": write(b"[" * 200_000),
    "a long number": write(b'{"schema": "lipsyncd.job/1", "id": ' + b"9" * 9000 + b"}"),
    "a list": write(b"[1, 2]"),
    "a link": link("/dev/zero"),
    "a link to itself": link("job.json"),
    "a pipe": pipe,
    "a folder": folder,
    "of tomorrow": lambda paper: os.utime(paper, (time.time() + 86400 * 400,) * 2),
    "of 1901": lambda paper: os.utime(paper, (-(2**31), -(2**31))),
}


def still_there(browser: TestClient, house: House) -> None:
    """See that the page shows all good jobs, on every page of it."""
    for path in PAGES:
        answer = browser.get(path)
        assert answer.status_code == 200, path
    text = browser.get("/jobs").text
    for number, name in enumerate(GOOD):
        assert name in text
        assert name in browser.get(f"/jobs/{number:08x}").text
    assert house.census.look(whole=True).left == 0


@pytest.mark.parametrize("place", ["done", "failed", "working"])
@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_job_json_that_somebody_has_spoilt(browser: TestClient, house: House, mishap: str, place: str) -> None:
    for number, name in enumerate(GOOD):
        put(house.root, job(number, name))
    one = job(9, "bad")
    home = put(house.root, failed(one) if place == "failed" else one, place=place)
    assert "bad" in browser.get("/jobs").text
    paper = home / ".lipsyncd" / "job.json" if place == "failed" else home / "job.json"
    MISHAPS[mishap](paper)
    os.utime(home)
    still_there(browser, house)
    assert browser.get("/jobs/00000009").status_code in (200, 404)


def test_folders_that_somebody_renames_and_deletes(browser: TestClient, house: House) -> None:
    for number, name in enumerate(GOOD):
        put(house.root, job(number, name))
    done = house.root / "done"
    put(house.root, job(9, "spoilt one"))
    assert "spoilt one" in browser.get("/jobs").text
    (done / "spoilt one").rename(done / "good now")
    assert "good now" in browser.get("/jobs/00000009").text
    text = browser.get("/jobs").text
    assert ("good now" in text, "spoilt one" in text) == (True, False)
    (done / "good now").rename(house.root / "failed" / "elsewhere")  # by hand: there is no .lipsyncd/ in it
    still_there(browser, house)
    shutil.rmtree(house.root / "failed" / "elsewhere")
    still_there(browser, house)
    assert browser.get("/jobs/00000009").status_code == 404
    done.rename(house.root / "done of before")
    assert browser.get("/jobs").status_code == 200
    done.write_text("a file where the folder was")
    for path in PAGES:
        assert browser.get(path).status_code == 200, path
    done.unlink()
    (house.root / "done of before").rename(done)
    still_there(browser, house)


def test_clocks_that_are_wrong(browser: TestClient, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(GOOD):
        put(house.root, job(number, name))
    still_there(browser, house)
    years = 86400 * 365.0
    for skew in (20 * years, -20 * years, 0.0):
        monkeypatch.setattr(census.time, "time", lambda skew=skew: time.monotonic() + skew)
        put(house.root, job(1000 + int(skew > 0) + 2 * int(skew < 0), f"skewed {skew:.0f}"))
        for place in ("done", "failed"):
            os.utime(house.root / place, (2**31 + 5,) * 2)
        assert f"skewed {skew:.0f}" in browser.get("/jobs").text
        still_there(browser, house)
        shutil.rmtree(house.root / "done" / f"skewed {skew:.0f}")
        assert f"skewed {skew:.0f}" not in browser.get("/jobs").text


def test_the_list_does_not_wait_for_what_is_slow_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        put(tmp_path, job(number, f"weekly {number}"))

    def slow(home: Path) -> object:
        time.sleep(0.1)
        return card_of(home)

    monkeypatch.setattr(census, "card_of", slow)
    monkeypatch.setattr(census, "_PATIENCE", 0.25)
    watched = Census(tmp_path, Index(tmp_path / "state"))
    found = watched.glance()
    assert found.folders == 20
    assert 14 <= found.left <= 19
    assert watched.index.leaf(Query()).total == 20 - found.left
    assert watched.glance().left < found.left  # and so on, also where no thread could be had
    watched.look(whole=True)
    assert watched.index.leaf(Query()).total == 20


def test_a_job_of_thousands_of_takes_is_found_by_the_first_ones(tmp_path: Path) -> None:
    home = put(
        tmp_path, job(1, "huge", takes=tuple(f"take{number}-{'x' * 100}" for number in range(3000))), files=False
    )
    found = card_of(home)
    assert found
    card, terms = found
    assert (card.takes, card.made) == (3000, 3000)
    assert "take7-" in terms.words
    assert len(terms.words) <= 200_000
