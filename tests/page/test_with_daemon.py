"""The page beside a real daemon: it comes and goes with it, and what happens to it is no job's concern."""

from __future__ import annotations

import os
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

import daemon.sample
from tests.e2e.house import House, command, descendants
from tests.page.conftest import token_of

SAMPLE = Path(daemon.sample.__file__).parent


def drop(house: House, name: str) -> None:
    """Drop a folder whole."""
    beside = house.place / name
    beside.mkdir()
    for file in ("hello.flac", "astronaut.jpg"):
        (beside / file).write_bytes((SAMPLE / file).read_bytes())
    beside.rename(house.root / "inbox" / name)


def shown(house: House) -> list[str]:
    """Give where the page was shown so far."""
    if not (house.place / "daemon.log").exists():
        return []
    return [str(line["address"]) for line in house.log() if line["event"] == "the page is shown"]


def ask(house: House, path: str) -> str:
    """Ask the page that was shown last."""
    with urllib.request.urlopen(f"http://{shown(house)[-1]}{path}", timeout=60) as answer:
        return str(answer.read().decode())


def page_of(pid: int) -> int:
    """Find the process of the page among the daemon's children."""
    (page,) = [one for one in descendants(pid) if b"daemon.page" in command(one)]
    return page


@pytest.mark.e2e
def test_it_comes_and_goes_with_the_daemon(tmp_path: Path) -> None:
    house = House(tmp_path, engine="null", more='[page]\nlisten = "127.0.0.1:0"\n')
    with house.watching() as watch:
        house.wait(lambda: bool(shown(house)))
        assert token_of(ask(house, "/"))
        house.wait(lambda: "Nothing to do" in ask(house, "/"))
        (house.root / "PAUSE").touch()
        house.wait(lambda: "Paused" in ask(house, "/"))
        (house.root / "PAUSE").unlink()
        os.kill(page_of(watch.pid), signal.SIGKILL)
        drop(house, "<b>weekly")
        house.wait(lambda: (house.root / "done" / "<b>weekly" / "manifest.json").exists())
        house.wait(lambda: len(shown(house)) == 2)
        assert "<b>" not in ask(house, "/")
        page = page_of(watch.pid)
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(60) == 0
        assert not Path(f"/proc/{page}").exists()
    events = [line["event"] for line in house.log()]
    assert events.count("the page ended by itself and is started again") == 1
    assert events[-1] == "the page is closed"


@pytest.mark.e2e
def test_work_goes_on_where_the_page_cannot_be_shown(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        house = House(tmp_path, engine="null", more=f'[page]\nlisten = "{listen}"\n')
        with house.watching() as watch:
            drop(house, "weekly")
            house.wait(lambda: (house.root / "done" / "weekly" / "manifest.json").exists())
            house.wait(lambda: any(line["event"] == "the page is not shown" for line in house.log()))
            watch.send_signal(signal.SIGTERM)
            assert watch.wait(60) == 0
        said = next(line for line in house.log() if line["event"] == "the page is not shown")
        assert "Address already in use" in said["reason"]
        assert "page.listen" in said["advice"]
