"""The real command with two render processes: side by side, whole, and gone with the daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from publishers import verify
from tests.e2e.house import House, descendants
from tests.e2e.test_crash_orphans import alive, gone

pytestmark = pytest.mark.e2e

TWO = "processes = 2\n[credentials]\nsign = false\n"


def fill(house: House, sample: Path, name: str, number: int) -> None:
    folder = house.place / name
    folder.mkdir()
    (folder / "voice.flac").write_bytes((sample / "hello.flac").read_bytes())
    for face in range(number):
        (folder / f"face{face}.jpg").write_bytes((sample / "astronaut.jpg").read_bytes() + b"%d" % face)
    folder.rename(house.root / "inbox" / name)


def lines(home: Path, event: str) -> list[dict[str, str]]:
    said = [json.loads(line) for line in (home / "job.log").read_text(encoding="utf-8").splitlines()]
    return [line for line in said if line["event"] == event]


def test_two_faces_are_made_at_once(tmp_path: Path, sample: Path) -> None:
    house = House(tmp_path, engine="null", more=TWO)
    fill(house, sample, "talk", 4)
    answer = house.run("watch", "--once")
    assert answer.returncode == 0, answer.stderr
    home = house.root / "done" / "talk"
    assert not verify(home)
    assert {path.name for path in home.glob("*.mp4")} == {f"face{number}.mp4" for number in range(4)}
    assert len({line["pid"] for line in lines(home, "renderer started")}) == 2
    begun, finished = ([line["timestamp"] for line in lines(home, f"take {what}")] for what in ("started", "finished"))
    assert begun[1] < finished[0], "the second is begun before the first is finished"
    assert [line["speeches_heard"] for line in lines(home, "take finished")] == [1] * 4


def test_all_of_them_end_with_the_daemon(tmp_path: Path, sample: Path) -> None:
    house = House(tmp_path, engine="null", more=TWO)
    fill(house, sample, "talk", 2)
    with house.watching() as daemon:
        house.wait(lambda: (house.root / "working/talk/job.log").exists())
        house.wait(lambda: len(lines(house.root / "working/talk", "renderer started")) == 2)
        started = descendants(daemon.pid)
        assert sum(alive(pid) for pid in started) >= 2
        daemon.kill()
        daemon.wait()
    gone(house, started)
    assert house.run("watch", "--once").returncode == 0
    assert not verify(house.root / "done" / "talk")
