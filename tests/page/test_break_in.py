"""What strangers, and people who may come in, try with requests that no browser of ours would send."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from daemon.page.body import LARGEST
from daemon.page.house import House
from tests.page.conftest import Visitor
from tests.page.shelf import job, put

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
