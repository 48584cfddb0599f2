"""Now: what is in hand, shown and acted on."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from daemon.job import Job, JobTake
from daemon.live import FILE_NAME, Arriving, AtWork, Device, Live, Memory, Queued, space
from daemon.page.board import Board, machine
from daemon.page.house import House
from daemon.page.words import Speaker
from daemon.vitals import born

XSS = '<img src=x onerror="alert(1)">'
TAKE = AtWork("weekly-1", "weekly", "bob", 2, 5, "draw", 0.434, 80.0)
ROW = Queued("working", "weekly", "weekly-1", 1, 4, "QUEUED", "2/5 bob.mp4 43 %", "normal", "The weekly news")


def say(house: House, **facts: object) -> Live:
    """Have the daemon have said something; it is we who live."""
    live = Live(time.time(), os.getpid(), born(os.getpid()), space())
    live = replace(live, **facts)  # type: ignore[arg-type]
    (house.state / FILE_NAME).write_text(json.dumps(asdict(live)), encoding="utf-8")
    return live


def put(house: House, name: str = "weekly", job: str = "weekly-1") -> Path:
    """Have a job in hand."""
    home = house.root / "working" / name
    (home / ".lipsyncd").mkdir(parents=True)
    takes = (JobTake("bob", "bob.jpg", "a.wav"),)
    house.journal.save(home, Job(id=job, name=name, created="2026-11-21T10:00:00+00:00", engine="null", takes=takes))
    return home


def test_no_daemon_is_said(browser: TestClient) -> None:
    assert "lipsyncd is not running" in browser.get("/").text


def test_what_is_made_and_what_waits_is_shown(browser: TestClient, house: House) -> None:
    waiting = Queued("inbox", "interview", "", 2, 3)
    say(house, takes=(TAKE,), queue=(ROW, waiting), arriving=(Arriving("holiday", "still arriving"),), unlisted=7)
    text = browser.get("/").text
    for said in ("One video is being made", "bob.mp4", "video 2 of 5", "about 1 min 20 s left", "The weekly news"):
        assert said in text
    assert '<progress max="100" value="43"' in text
    for said in ("interview", "Ready in inbox/", "3 videos to make", "holiday", "still arriving", "and 7 more"):
        assert said in text
    part = browser.get("/now").text
    assert "<html" not in part
    assert "bob.mp4" in part
    browser.get("/language/zh")
    assert "大约还需 1 分 20 秒" in browser.get("/").text


def test_names_are_data(browser: TestClient, house: House) -> None:
    put(house, XSS.replace("/", "_"), "x-1")
    row = Queued("working", XSS, XSS, 1, 1, "QUEUED", XSS, XSS, XSS)
    take = replace(TAKE, job="y", take=XSS, folder=XSS, stage=XSS)
    say(house, takes=(take,), queue=(row, replace(row, place="inbox", job="")), arriving=(Arriving(XSS, XSS),))
    for path in ("/", "/now", "/jobs/x-1/cancel"):
        text = browser.get(path).text
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text
    say(house, trouble=XSS)
    assert "<img src=x" not in browser.get("/").text


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "idle"),
        ({"takes": (TAKE,)}, "making"),
        ({"takes": (TAKE,), "paused": True}, "pausing"),
        ({"paused": True}, "paused"),
        ({"queue": (ROW,)}, "waiting"),
        ({"queue": (ROW,), "opens": "22:00"}, "shut"),
        ({"trouble": "the disk is full"}, "trouble"),
        ({"at": 5.0, "takes": (TAKE,)}, "late"),
    ],
)
def test_what_is_going_on_is_one_word(browser: TestClient, house: House, facts: dict[str, object], state: str) -> None:
    live = say(house, **facts)
    assert Board(live).state == state
    for language in ("en", "zh"):
        browser.get(f"/language/{language}")
        assert browser.get("/").status_code == 200
    assert Board(None).state == "off"


def test_only_what_moves_is_told(house: House) -> None:
    live = say(house, takes=(TAKE,), queue=(ROW,), device=Device("cuda", 1, 2, 3), memory=Memory(1, 2))
    moved = replace(live, takes=(replace(TAKE, share=0.9, left_s=4.0),))
    one, other = (json.loads(Board(one).news()) for one in (live, moved))
    assert one["board"] == other["board"]
    assert other["takes"]["weekly-1-2"] == {
        "share": 90,
        "left": {"en": "about 4 s left", "zh": "大约还需 4 秒"},
        "preview": "",
    }
    next_take = replace(live, takes=(replace(TAKE, number=3),))
    assert json.loads(Board(next_take).news())["board"] != one["board"]
    assert len(Board(live).news()) < 1000
    assert json.loads(Board(None).news())["board"] == "off"


def test_the_machine_is_said_in_words() -> None:
    live = Live(0.0, 1, device=Device("cuda", 1, 16 * 10**9, 24 * 10**9), memory=Memory(1, 2 * 10**9))
    assert machine(Speaker("en"), live) == "GPU memory 8.0 GB of 24.0 GB · renderer 2.0 GB"
    assert machine(Speaker("en"), Live(0.0, 1)) == ""
    assert "CPU" in machine(Speaker("zh"), Live(0.0, 1, device=Device("cpu")))


def test_pause_and_resume(browser: TestClient, house: House) -> None:
    assert browser.post("/now/pause", data={"paused": "yes"}).status_code == 200
    assert (house.root / "PAUSE").exists()
    assert "Videos are begun again" in browser.post("/now/pause", data={"paused": "no"}).text
    assert not (house.root / "PAUSE").exists()


def test_a_job_is_cancelled_after_a_question(browser: TestClient, house: House) -> None:
    home = put(house)
    assert "Cancel this job?" in browser.get("/jobs/weekly-1/cancel").text
    assert not (home / "CANCEL").exists()
    answer = browser.post("/jobs/weekly-1/cancel", data={"next": "//evil.com"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (home / "CANCEL").exists()


def test_a_job_is_preferred(browser: TestClient, house: House) -> None:
    home = put(house)
    assert browser.post("/jobs/weekly-1/priority", data={"priority": "high"}).status_code == 200
    assert (home / "PRIORITY").read_text() == "high"
    answer = browser.post("/jobs/weekly-1/priority", data={"priority": XSS})
    assert answer.status_code == 409
    assert "<img" not in answer.text
    assert "there is no priority" in answer.text


def test_a_job_that_is_over_cannot_be_cancelled(browser: TestClient, house: House) -> None:
    put(house).rename(house.root / "done" / "weekly")
    answer = browser.post("/jobs/weekly-1/cancel")
    assert answer.status_code == 409
    assert "is over: it is in done/" in answer.text


def test_the_picture_of_a_take_is_given(browser: TestClient, house: House, tmp_path: Path) -> None:
    home = put(house)
    picture = home / ".lipsyncd" / ".2.x.part.preview.jpg"
    picture.write_bytes(b"\xff\xd8picture")
    where = picture.relative_to(house.root).as_posix()
    say(house, takes=(replace(TAKE, preview=where, preview_at=5.0),))
    assert "/now/preview/weekly-1-2?v=5.00" in browser.get("/").text
    answer = browser.get("/now/preview/weekly-1-2")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content == b"\xff\xd8picture"
    picture.write_bytes(b"<script>")
    assert browser.get("/now/preview/weekly-1-2").status_code == 404
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"\xff\xd8secret")
    picture.unlink()
    picture.symlink_to(secret)
    assert browser.get("/now/preview/weekly-1-2").status_code == 404
    for mark in ("weekly-1-1", "weekly-2-2", "%252e%252e", "none"):
        assert browser.get(f"/now/preview/{mark}").status_code == 404
    say(house, takes=(replace(TAKE, preview="../../secret.jpg", preview_at=5.0),))
    assert browser.get("/now/preview/weekly-1-2").status_code == 404
