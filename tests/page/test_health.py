"""The doctor on the page: its findings, one look at a time, and what becomes of a doctor that hangs, lies or dies."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from daemon.page.examination import Examination, Report
from daemon.page.house import House
from tests.page.conftest import Visitor, token_of
from tests.page.test_history import EVIL

WELL = {"name": "python", "state": "ok", "found": "3.11", "advice": ""}
BAD = {"name": "root", "state": "fail", "found": "not a folder", "advice": "Make it."}
ODD = {"name": "tracker", "state": "warn", "found": "slow", "advice": "Use another."}


def doctor(house: House, *lines: object, then: str = "", patience: float = 30) -> Examination:
    """A doctor that prints this and then does that."""
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    script = f"import os, sys, time, subprocess\nsys.stdout.write({text!r})\nsys.stdout.flush()\n{then}"
    return Examination(house.settings, (sys.executable, "-c", script), patience)


def over(examination: Examination) -> Report:
    limit = time.monotonic() + 60
    while examination.last is None or examination.last.running:
        assert time.monotonic() < limit
        time.sleep(0.02)
    return examination.last


def asking(client: TestClient, examination: Examination) -> None:
    """Put this doctor behind the page of a browser."""
    client.app._app.state.examination = examination  # type: ignore[attr-defined]


def test_the_table(browser: TestClient, house: House) -> None:
    assert "Not looked at yet" in browser.get("/doctor").text
    examination = doctor(house, WELL, ODD, BAD)
    asking(browser, examination)
    assert browser.post("/doctor").status_code == 200
    assert over(examination).end == "whole"
    text = browser.get("/doctor").text
    assert "One thing is missing" in text
    assert text.index("not a folder") < text.index("slow") < text.index("3.11"), "what needs somebody comes first"
    for said in ("Make it.", "could be better", "missing", "fine", 'scope="row"', "3 findings"):
        assert said in text, said
    assert "refresh" not in text
    assert "有 1 项不可用" in browser.get("/doctor", headers={"accept-language": "zh"}).text


def test_one_at_a_time(browser: TestClient, house: House, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    wait = (
        f"open({str(tmp_path / 'begun')!r}, 'a').write('x')\nwhile not os.path.exists({str(gate)!r}): time.sleep(.02)"
    )
    examination = doctor(house, WELL, then=wait)
    asking(browser, examination)
    browser.post("/doctor")
    limit = time.monotonic() + 30
    while not (examination.last and examination.last.checks):
        assert time.monotonic() < limit
        time.sleep(0.02)
    text = browser.post("/doctor").text
    assert "looking already" in text
    assert "1 finding so far" in text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert "disabled" in text
    gate.touch()
    over(examination)
    assert (tmp_path / "begun").read_text() == "x"


def test_a_doctor_that_hangs_is_ended_with_all_it_has_started(
    browser: TestClient, house: House, tmp_path: Path
) -> None:
    mark = tmp_path / "child"
    child = f"import os,time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    then = f"subprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(60)"
    examination = doctor(house, WELL, then=then, patience=1.5)
    asking(browser, examination)
    browser.post("/doctor")
    report = over(examination)
    assert (report.end, [check.name for check in report.checks]) == ("slow", ["python"])
    assert "took too long" in browser.get("/doctor").text
    if mark.exists():
        limit = time.monotonic() + 60
        while Path(f"/proc/{mark.read_text()}").exists() and "Z" not in status(mark.read_text()):
            assert time.monotonic() < limit
            time.sleep(0.05)
    assert examination.begin(), "it can be asked again"
    over(examination)


def status(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize("then", ["sys.exit(1)", "os.kill(os.getpid(), 11)"])
def test_a_doctor_that_dies(browser: TestClient, house: House, then: str) -> None:
    examination = doctor(house, WELL, then=then)
    asking(browser, examination)
    browser.post("/doctor")
    assert over(examination).end == "broken"
    text = browser.get("/doctor").text
    assert "ended too early" in text
    assert "All is well" not in text


def test_a_doctor_that_is_not_there(house: House) -> None:
    examination = Examination(house.settings, ("/nowhere/doctor",))
    examination.begin()
    assert over(examination).end == "broken"


def test_what_is_no_finding_is_passed_over(browser: TestClient, house: House) -> None:
    evil = {"name": EVIL, "state": "fail", "found": EVIL, "advice": EVIL}
    odd = ["nonsense", "[]", "null", "[" * 20_000, json.dumps(WELL | {"state": EVIL}), json.dumps({"name": "x"})]
    examination = doctor(house, *odd, evil, *[WELL] * 600)
    asking(browser, examination)
    browser.post("/doctor")
    report = over(examination)
    assert len(report.checks) == 500
    text = browser.get("/doctor").text
    assert "&lt;img src=x" in text
    assert "<img src=x" not in text


def test_strangers_ask_no_doctor(visitor: Visitor, house: House) -> None:
    client = visitor(house)
    examination = doctor(house, WELL)
    asking(client, examination)
    assert client.post("/doctor").status_code == 403
    assert examination.last is None
    token = token_of(client.get("/doctor").text)
    assert client.post("/doctor", data={"csrf": token}).status_code == 200
    over(examination)


@pytest.mark.e2e
def test_the_real_doctor(house: House) -> None:
    examination = Examination(house.settings)
    examination.begin()
    report = over(examination)
    found = {check.name: check.state for check in report.checks}
    assert report.end == "whole"
    assert found["python"] == "ok"
    assert found["root"] == "ok"
    assert "engine" in found
    assert "systemd" not in found
