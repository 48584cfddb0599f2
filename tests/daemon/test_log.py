"""The log, the status line and what systemd is told."""

from __future__ import annotations

import io
import json
import os
import re
import socket
from pathlib import Path

import pytest

from daemon.log import of_job, open_log
from daemon.logbook import Logbook, leads_to_journal
from daemon.notify import Notifier
from daemon.status import Estimate, Status, span


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_json_where_no_person_looks_and_a_file_for_the_job(tmp_path: Path) -> None:
    stream = io.StringIO()
    log = of_job(open_log(stream), "abc", tmp_path)
    log.bind(take="ann").info("take started", face='a\n"b".png', odd="\udce9", path=tmp_path, none=None)
    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)
    assert (said["job"], said["take"], said["event"], said["face"]) == ("abc", "ann", "take started", 'a\\n"b".png')
    assert "_home" not in said
    assert json.loads((tmp_path / "job.log").read_text()) == said


def test_key_value_on_a_terminal() -> None:
    stream = Terminal()
    log = open_log(stream)
    log.warning("waiting", face="ann\n2026 forged line")
    try:
        raise ValueError("a bug")
    except ValueError:
        log.exception("oh")
    first, *rest = stream.getvalue().splitlines()
    assert "waiting" in first
    assert "forged" in first
    assert not {"job", "take"} & set(re.findall(r"\w+", first)), "it is about none"
    assert any("ValueError" in line for line in rest)


def test_the_journal_gets_weight_and_fields(tmp_path: Path) -> None:
    path = str(tmp_path / "journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        event = {"level": "warning", "event": "take failed", "job": "周报", "take": "-", "why": "no face", "error": ""}
        assert Logbook(path).write(event | {"exception": "Traceback\nValueError"})
        said = server.recv(1 << 16)
    message = 'take failed job=周报 why="no face" error=""\nTraceback\nValueError'.encode()
    assert said.startswith(b"MESSAGE\n" + len(message).to_bytes(8, "little") + message + b"\nPRIORITY=4\n")
    assert "LIPSYNCD_JOB=周报\n".encode() in said
    assert not Logbook(path + "gone").write(event)


def test_without_the_journal_s_socket_the_weight_still_gets_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.log.Logbook", lambda: Logbook(str(tmp_path / "gone")))
    with (tmp_path / "stream").open("w+", encoding="utf-8") as stream:
        there = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        open_log(stream).error("oh")
        open_log(stream).info("so")
        first, second = (tmp_path / "stream").read_text(encoding="utf-8").splitlines()
    assert first.startswith("<3>{")
    assert second.startswith("<6>{")
    assert not leads_to_journal(io.StringIO(), {"JOURNAL_STREAM": "1:2"})


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    stream = io.StringIO()
    log = of_job(open_log(stream), "abc", tmp_path / "gone")
    log.info("still here")
    assert "still here" in stream.getvalue()
    stream.close()
    log.info("and now")
    assert not (tmp_path / "gone").exists()


def test_systemd_hears_of_it(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.settimeout(2)
        now = [100.0]
        notifier = Notifier({"NOTIFY_SOCKET": path}, clock=lambda: now[0])
        notifier.ready()
        notifier.status("2/5 bob\nREADY=0")
        notifier.status("2/5 bob\nREADY=0")
        notifier.ping()
        notifier.ping()
        notifier.stopping()
        heard = [server.recv(100).decode() for _ in range(4)]
    assert heard == ["READY=1", "STATUS=2/5 bob READY=0", "WATCHDOG=1", "STOPPING=1"]


def test_nobody_who_listens_is_no_fault(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
    Notifier({"NOTIFY_SOCKET": "@nobody-listens-here"}).ping()
    assert not list(tmp_path.iterdir())


def test_without_systemd_it_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket, "socket", lambda *kind: opened.append(kind))
    Notifier({}).ready()
    assert opened == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (8, "8 s"), (80, "1 min 20 s"), (119.6, "2 min 0 s"), (7500, "2 h 5 min")],
)
def test_times_for_people(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_the_status_is_written_once_a_second_at_most(tmp_path: Path) -> None:
    now = [0.0]
    status = Status(tmp_path, clock=lambda: now[0])
    for number in range(30):
        now[0] += 0.125
        status.say(f"1/2 ann.mp4 {number} %")
        path = tmp_path / "STATUS.txt"
        assert path.read_text().endswith("%\n")
    assert status.text == "1/2 ann.mp4 24 %"
    status.say("now", now=True)
    assert path.read_text() == "now\n"
    assert [path.name for path in tmp_path.iterdir()] == ["STATUS.txt"]


def test_the_estimate_learns_from_what_is_made() -> None:
    now = [0.0]
    estimate = Estimate(clock=lambda: now[0])
    estimate.begin("a")
    assert estimate.job_left({"a": 0.0}, 3) is None
    now[0] = 10.0
    assert estimate.take_left("a", 0.5) == pytest.approx(10.0)
    assert estimate.job_left({"a": 0.5}, 3) == pytest.approx(10 + 3 * 20)
    now[0] = 20.0
    estimate.end("a")
    estimate.begin("a")
    assert estimate.job_left({"a": 0.0}, 1) == pytest.approx(40)
