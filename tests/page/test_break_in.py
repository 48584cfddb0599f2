"""What strangers, and people who may come in, try with requests that no browser of ours would send."""

from __future__ import annotations

import json
import os
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from daemon import control
from daemon.errors import JobError
from daemon.page import server
from daemon.page.body import LARGEST
from daemon.page.card import LATEST
from daemon.page.holdings import Held
from daemon.page.house import House
from tests.page.conftest import Visitor, settings_at
from tests.page.shelf import job, put
from tests.page.stage import judged
from tests.page.test_server import serving

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("path", ["/login", "/drop/form", "/drop/up/x/y"])
def test_a_stranger_cannot_fill_the_memory(visitor: Visitor, path: str) -> None:
    """The guard looks for the token in a form: of that it reads only so much, also where files of any size may come."""
    answer = visitor(listen="0.0.0.0:7860").post(path, content=b"a" * (LARGEST + 1), headers={"content-type": FORM})
    assert answer.status_code == 413


@pytest.mark.parametrize("odd", ["NaN", "-Infinity", "1e999", "1" * 400, "-1e300"])
@pytest.mark.parametrize("place", ["done", "working"])
def test_one_forged_job_does_not_take_the_others_away(browser: TestClient, house: House, odd: str, place: str) -> None:
    """Whoever can write to the share can put a folder there, with any job.json in it."""
    put(house.root, job(1, "weekly"))
    home = put(house.root, job(2, "forged"), place=place)
    said = json.loads((home / "job.json").read_text())
    said["takes"][0]["made"]["seconds"] = "HERE"
    (home / "job.json").write_text(json.dumps(said).replace('"HERE"', odd))
    listed = browser.get("/jobs")
    assert listed.status_code == 200
    assert "weekly" in listed.text
    for path in ("/", "/review", "/log", "/doctor", f"/jobs/{job(1, 'weekly').id}", f"/jobs/{job(2, 'forged').id}"):
        assert browser.get(path).status_code in (200, 404), path


def test_a_job_whose_id_is_no_text_keeps_no_other_from_being_approved(browser: TestClient, house: House) -> None:
    put(house.root, judged(1, "new-year"), place="working")
    forged = judged(2, "forged")
    home = put(house.root, forged, place="working")
    paper = (home / "job.json").read_text(encoding="utf-8")
    (home / "job.json").write_text(paper.replace(f'"{forged.id}"', r'"\ud800"'), encoding="utf-8")
    listed = browser.get("/review")
    assert listed.status_code == 200
    assert "new-year" in listed.text
    assert browser.get("/jobs").status_code == 200


@pytest.mark.parametrize(
    "created", ["9999-12-31T23:59:59.999999+00:00", "9999-12-31T23:59:59-23:59", "0001-01-01", "x"]
)
def test_times_that_no_clock_shows(browser: TestClient, house: House, created: str) -> None:
    home = put(house.root, replace(job(2, "forged"), created=created))
    os.utime(home / "alice.mp4", (1e12, 1e12))  # where the disk can keep that
    assert "forged" in browser.get("/jobs").text
    page = browser.get(f"/jobs/{job(2, 'forged').id}")
    assert page.status_code == 200
    for address in re.findall(r'/jobs/[^"]*/file/[0-9a-f]{16}', page.text):
        assert browser.get(address).status_code == 200
    assert Held("result", "", "x", 1, 1e15).date.year == Held("result", "", "x", 1, float(LATEST)).date.year == 9999


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP"])
def test_a_proxy_nobody_told_of_does_not_open_a_page_without_a_password(visitor: Visitor, name: str) -> None:
    """Apache, and nginx unless told otherwise, call the page by its number: strangers would look like people here."""
    assert visitor().get("/").status_code == 200
    for path in ("/", "/jobs", "/log", "/static/page.css"):
        answer = visitor().get(path, headers={name: "192.0.2.1"})
        assert answer.status_code == 403, path
        assert "page.proxy" in answer.text
    assert "password" in visitor(proxy=True).get("/login", headers={name: "192.0.2.1"}).text


def test_nginx_that_was_told_nothing_does_not_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says only "HTTP/1.0", and calls the page by its number."""
    monkeypatch.setattr(server, "confine", lambda _settings, _log: None)
    with serving(settings_at(tmp_path, listen="127.0.0.1:0")) as page:
        told = {}
        for kind in ("1.0", "1.1"):
            with socket.create_connection(("127.0.0.1", page.port), 30) as line:
                line.sendall(f"GET / HTTP/{kind}\r\nHost: 127.0.0.1:{page.port}\r\nConnection: close\r\n\r\n".encode())
                told[kind] = line.makefile("rb").readline().split()[1]
    assert told == {"1.0": b"403", "1.1": b"200"}


def test_a_folder_named_after_a_jobs_id_is_not_that_job(browser: TestClient, house: House) -> None:
    """Else whoever can drop a folder could have another one approved than was shown, or keep it from being approved."""
    wanted, other = judged(1, "new-year"), judged(2, "other")
    home, twin = put(house.root, wanted, place="working"), put(house.root, other, place="working", folder=wanted.id)
    page = browser.get(f"/review/{wanted.id}").text
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    answer = browser.post(f"/review/{wanted.id}", data={"decision": "approve", "seen": seen}, follow_redirects=False)
    assert answer.status_code == 303
    assert (home / "APPROVE").exists()
    assert not (twin / "APPROVE").exists()
    home.rename(house.root / "done" / "new-year")
    for act in (control.approve, control.cancel):
        with pytest.raises(JobError):
            act(house.root, wanted)
    assert not (twin / "APPROVE").exists()
    assert not (twin / "CANCEL").exists()
    control.approve(house.root, other.id)
    assert (twin / "APPROVE").exists()
