"""The page's process beside the daemon: it is started, listened to, started again, and never outlives the daemon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon import landlock, page_keeper
from daemon.page import password
from daemon.page_keeper import PageKeeper
from daemon.settings import Settings
from tests.page.conftest import settings_at
from tests.page.test_server import Log

LINE = '{"level": "%s", "event": "%s", "timestamp": "x", "job": "-", "take": "-", "more": 1}'


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def program(text: str) -> list[str]:
    """Give a command that runs a few lines of Python in the place of the page."""
    return [sys.executable, "-S", "-c", f"import sys, os, time\n{text}"]


def test_settings_go_through_the_pipe_unchanged(tmp_path: Path) -> None:
    settings = Settings(
        paths={"root": tmp_path / "röot", "state": tmp_path},
        render={"fps": "30000/1001"},
        publish={"arweave": {"max_ar": "0.123456789012"}},
        page={"listen": "[::1]:1", "hosts": ["a", "b"]},
    )
    assert Settings(**json.loads(settings.model_dump_json())) == settings


def test_what_it_says_goes_into_the_log(tmp_path: Path) -> None:
    text = f"""
print({LINE % ("warning", "something")!r}, file=sys.stderr)
print("Traceback: a b\\x07ug", file=sys.stderr, flush=True)
print({LINE % ("nonsense", "nothing")!r}, file=sys.stderr, flush=True)
sys.stdin.read()
print({LINE % ("info", "closed")!r}, file=sys.stderr)
"""
    log = Log()
    keeper = PageKeeper(settings_at(tmp_path), log, program(text))  # type: ignore[arg-type]
    until(lambda: len(log.said) == 2)
    begun = time.monotonic()
    keeper.close()
    assert time.monotonic() - begun < 20
    assert log.said == [
        ("warning", "something", {"more": 1}),
        ("warning", "the page says", {"text": "Traceback: a b\x07ug"}),
        ("info", "closed", {"more": 1}),
    ]


def test_one_that_crashes_is_started_again_not_too_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_keeper, "_FIRST", 0.05)
    monkeypatch.setattr(page_keeper, "_LONGEST", 0.2)
    log = Log()
    text = f"""print({LINE % ("error", "the same fault")!r}, file=sys.stderr); sys.exit(7)"""
    keeper = PageKeeper(settings_at(tmp_path), log, program(text))  # type: ignore[arg-type]
    until(lambda: sum("started again" in text for _, text, _ in log.said) == 4)
    keeper.close()
    waits = [facts["seconds"] for _, text, facts in log.said if "started again" in text]
    assert waits[:4] == [0.1, 0.2, 0.2, 0.2]
    assert sum(text == "the same fault" for _, text, _ in log.said) == 1


def test_not_all_that_it_ever_said_is_remembered(tmp_path: Path) -> None:
    log = Log()
    text = f"""
for number in range(500):
    print({LINE % ("info", "somebody came")!r}.replace("1", str(number)), file=sys.stderr)
"""
    keeper = PageKeeper(settings_at(tmp_path), log, program(text))  # type: ignore[arg-type]
    until(lambda: any("started again" in text for _, text, _ in log.said))
    keeper.close()
    assert sum(text == "somebody came" for _, text, _ in log.said) >= 500
    assert len(keeper._said) <= 50


def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_keeper, "_LAST", 0.3)
    log = Log()
    text = f"""print({LINE % ("info", "here")!r}, file=sys.stderr, flush=True); time.sleep(60)"""
    keeper = PageKeeper(settings_at(tmp_path), log, program(text))  # type: ignore[arg-type]
    until(lambda: log.said)
    begun = time.monotonic()
    keeper.close()
    assert time.monotonic() - begun < 20


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    log = Log()
    keeper = PageKeeper(settings_at(tmp_path), log, [str(tmp_path / "none")])  # type: ignore[arg-type]
    until(lambda: log.said)
    keeper.close()
    assert log.said[0][1] == "the page cannot be started"


def test_nothing_is_started_where_none_is_wanted(tmp_path: Path) -> None:
    log = Log()
    for settings, once in ((settings_at(tmp_path, listen=""), False), (settings_at(tmp_path), True)):
        with page_keeper.showing(settings, log, once=once):  # type: ignore[arg-type]
            time.sleep(0.05)
    assert log.said == []


def alive(pid: int) -> bool:
    """Say whether a process is there and no corpse."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.e2e
def test_the_real_one_comes_goes_and_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_keeper, "_FIRST", 0.05)
    log = Log()
    keeper = PageKeeper(settings_at(tmp_path, listen="127.0.0.1:0"), log)  # type: ignore[arg-type]
    with urllib.request.urlopen(f"http://127.0.0.1:{log.port}/", timeout=60) as answer:
        assert b"lipsyncd is not running" in answer.read()
    first = keeper._process
    assert first is not None
    command = Path(f"/proc/{first.pid}/cmdline").read_text()
    assert str(tmp_path) not in command  # what the settings say is nobody's business
    log.shown.clear()
    os.kill(first.pid, signal.SIGKILL)
    with urllib.request.urlopen(f"http://127.0.0.1:{log.port}/", timeout=60) as answer:
        assert answer.status == 200
    begun = time.monotonic()
    keeper.close()
    assert time.monotonic() - begun < 20
    assert keeper._process is not None
    assert keeper._process.returncode == 0
    assert [text for _, text, _ in log.said] == [
        "the page is shown",
        "the page ended by itself and is started again",
        "the page is shown",
        "the page is closed",
    ]


@pytest.mark.e2e
def test_it_is_shown_as_soon_as_there_is_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_keeper, "_FIRST", 0.05)
    monkeypatch.setattr(page_keeper, "_LONGEST", 0.2)
    log = Log()
    settings = settings_at(tmp_path, listen="127.0.0.1:0", hosts=["videos.example.org"])
    keeper = PageKeeper(settings, log)  # type: ignore[arg-type]
    until(lambda: log.said)
    assert log.said[0][1] == "the page is not shown"
    assert "lipsyncd page passwd" in str(log.said[0][2]["advice"])
    password.write(password.kept(settings).path, password.hashed("correct horse"))
    port = log.port
    keeper.close()
    assert port
    assert [text for _, text, _ in log.said] == ["the page is not shown", "the page is shown", "the page is closed"]


DAEMON = """
import sys, time
from pathlib import Path
from daemon.log import open_log
from daemon.page_keeper import PageKeeper
from tests.page.conftest import settings_at
keeper = PageKeeper(settings_at(Path(sys.argv[1]), listen="127.0.0.1:0"), open_log(sys.stderr))
while keeper._process is None: time.sleep(0.01)
print(keeper._process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.e2e
def test_it_dies_with_the_daemon(tmp_path: Path) -> None:
    """However that ends: with SIGKILL nobody is asked."""
    words = [sys.executable, "-c", DAEMON, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        assert daemon.stderr is not None
        pid = int(daemon.stdout.readline())
        assert "the page is shown" in daemon.stderr.readline()
        assert alive(pid)
        daemon.kill()
        until(lambda: not alive(pid))


@pytest.mark.e2e
def test_it_can_be_shown_alone(tmp_path: Path) -> None:
    settings_at(tmp_path)
    words = [sys.executable, "-m", "daemon", "page", "serve"]
    home = {"LIPSYNCD_PATHS__ROOT": str(tmp_path / "root"), "LIPSYNCD_PATHS__STATE": str(tmp_path / "state")}
    listen = "LIPSYNCD_PAGE__LISTEN"
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, env=os.environ | home | {listen: "[::1]:0"}
    ) as page:
        assert page.stderr is not None
        address = json.loads(page.stderr.readline())["address"]
        taken = subprocess.run(words, capture_output=True, env=os.environ | home | {listen: address}, check=False)
        assert taken.returncode == 3
        page.send_signal(signal.SIGINT)
        assert page.wait(60) == 0
    world = subprocess.run(words, capture_output=True, env=os.environ | home | {listen: "0.0.0.0:0"}, check=False)
    assert world.returncode == 2
    assert b"lipsyncd page passwd" in world.stderr


WALLS = """
import os, sys
from pathlib import Path
from daemon.log import open_log
from daemon.page.walls import confine
from tests.page.conftest import settings_at
base = Path(sys.argv[1])
settings = settings_at(base / "house")
confine(settings, open_log(sys.stderr))
root = settings.paths.root
(root / "inbox" / "a").mkdir()
(root / "inbox" / "a" / "f").write_text("x")
(root / "inbox" / "a").rename(root / "working" / "a")
(root / "working" / "a" / "f").unlink()
(root / "working" / "a").rmdir()
(settings.paths.state / "x").write_text("x")
import uvicorn
for act in (lambda: (base / "away").write_text("x"), lambda: (base / "secret").read_text(),
            lambda: (root / "inbox").rename(base / "inbox"), lambda: os.listdir(base)):
    try:
        act()
    except OSError:
        continue
    sys.exit("not confined")
print("confined")
"""


@pytest.mark.e2e
@pytest.mark.skipif(landlock.version() < 2, reason="this kernel has no Landlock that knows renames")
def test_it_keeps_to_its_folders(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    environment = os.environ | {"TMPDIR": str(tmp_path / "house" / "state")}
    ran = subprocess.run(
        [sys.executable, "-c", WALLS, str(tmp_path)], capture_output=True, text=True, env=environment, check=False
    )
    assert ran.stdout == "confined\n", ran.stderr
