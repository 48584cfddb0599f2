"""live.json: what is in hand, told to other processes, by a daemon that nothing of that can stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog

from daemon import live
from daemon.beacon import Beacon
from daemon.inbox import Drop
from daemon.job import Job, JobTake
from daemon.journal import Journal
from daemon.listing import Listing
from daemon.live import FILE_NAME, AtWork, Live, read, space
from daemon.message import Gpu
from daemon.order import Order
from daemon.owner import Owners, here
from daemon.pause import pause
from daemon.vitals import born
from daemon.work import Work
from lipsync import Progress
from tests.daemon.bench import Bench

VOICE = {"voice.wav": "some words"}


class House:
    """A desk as a beacon sees it, with jobs that somebody made up."""

    def __init__(self, place: Path) -> None:
        self.state, self.journal = place / "state", Journal(place / "root")
        self.journal.prepare()
        self.now = 100.0
        self.crew = SimpleNamespace(pids=(), gpu=None)
        self.ready: list[Drop] = []
        self.desk = SimpleNamespace(
            journal=self.journal,
            works={},
            arrivals=SimpleNamespace(drops=lambda: self.ready, waiting=()),
            schedule=SimpleNamespace(paused=False, opens="", waiting=()),
            footing=SimpleNamespace(trouble=""),
            summary="quiet",
            log=structlog.get_logger(),
        )
        self.beacon = Beacon(self.state, self.desk, self.crew, lambda: self.now)

    def work(self, name: str, faces: int = 2, **said: object) -> Work:
        home = self.journal.working / name
        (home / ".lipsyncd").mkdir(parents=True)
        takes = tuple(JobTake(f"f{face}", f"f{face}.png", "voice.wav") for face in range(faces))
        job = Job(f"id-{len(self.desk.works)}", name, "2026-01-01T00:00:00Z", "null", takes, **said)
        hold = Owners(here()).take(home)
        work = Work(job, home, hold, self.journal, structlog.get_logger())
        self.desk.works[home] = work
        return work

    def drop(self, name: str) -> Path:
        folder = self.journal.inbox / name
        takes = (JobTake("a", "a.png", "voice.wav"),)
        self.ready.append(Drop(folder, Listing((), (), ()), takes, Order(title="Hello", priority="low")))
        return folder

    def say(self) -> Live:
        self.now += 2
        self.beacon.turn()
        said = read(self.state)
        assert said is not None
        return said


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_what_is_written_is_what_is_read(house: House) -> None:
    work = house.work("weekly")
    work.making["f1.png"] = Progress("draw", 50, 100)
    preview = work.hidden / ".2.0123456789abcdef.part.preview.jpg"
    preview.write_bytes(b"a picture")
    os.utime(preview, (1000, 1000))
    work.status.say("2/2 f1.mp4 66 %")
    said = house.say()
    (take,) = said.takes
    assert (take.job, take.folder, take.take, take.number, take.of) == ("id-0", "weekly", "f1", 2, 2)
    assert (take.stage, round(take.share, 2)) == ("draw", 0.67)
    assert take.left_s is not None
    assert take.job_left_s >= take.left_s >= 0
    assert (take.preview, take.preview_at) == (f"working/weekly/.lipsyncd/{preview.name}", 1000)
    assert (said.pid, said.summary, said.paused, said.late) == (os.getpid(), "quiet", False, False)
    assert abs(said.at - time.time()) < 10
    assert said.memory.daemon > 1_000_000
    assert said.memory.renderer == 0
    (queued,) = said.queue
    assert (queued.place, queued.position, queued.waiting, queued.state) == ("working", 1, 2, "QUEUED")
    assert queued.status == "2/2 f1.mp4 66 %"


def test_a_take_of_which_the_renderer_has_not_said_a_word_has_no_stage(house: House) -> None:
    house.work("weekly").making["f0.png"] = None
    (take,) = house.say().takes
    assert (take.stage, take.share, take.left_s, take.preview) == ("", 0.0, None, "")


def test_the_queue_is_in_order(house: House) -> None:
    late, early, made = house.work("late"), house.work("early"), house.work("made", error="no")
    made.parked = True
    first, last = house.drop("first"), house.drop("last")
    house.desk.schedule.waiting = (first, late.home, early.home, house.journal.inbox / "gone")
    early.making["f0.png"] = None
    queue = house.say().queue
    assert [(one.place, one.folder, one.position) for one in queue] == [
        ("working", "early", 1),
        ("inbox", "first", 2),
        ("working", "late", 3),
        ("inbox", last.name, 4),
        ("working", "made", 0),
    ]
    assert (queue[1].title, queue[1].priority, queue[1].waiting, queue[1].job) == ("Hello", "low", 1, "")


def test_a_thousand_folders_are_counted_and_not_all_named(house: House) -> None:
    for number in range(500):
        house.drop(f"talk {number}")
    house.desk.arrivals.waiting = tuple((f"new {number}", "it is still changing") for number in range(300))
    said = house.say()
    assert (len(said.queue), len(said.arriving), said.unlisted) == (200, 200, 400)
    assert said.arriving[0].reason == "it is still changing"


def test_names_are_data(house: House) -> None:
    odd = '<img onerror="x"> \u202e"\\ 新'
    house.work(odd).making["f0.png"] = None
    house.work(os.fsdecode(b"caf\xe9")).making["f0.png"] = None
    house.desk.arrivals.waiting = (("\ud800", "\ud800"),)
    said = house.say()
    assert [take.folder for take in said.takes] == [odd, "caf\ufffd"]
    json.dumps(asdict(said), ensure_ascii=False).encode()
    assert said.queue[0].folder == odd


def test_a_picture_in_a_folder_whose_name_is_no_text_is_not_named(house: House) -> None:
    work = house.work(os.fsdecode(b"caf\xe9"))
    work.making["f0.png"] = None
    (work.hidden / ".1.ab.part.preview.jpg").write_bytes(b"a picture")
    assert house.say().takes[0].preview == ""


@pytest.mark.parametrize(
    ("pids", "gpu", "device"),
    [
        ((), None, ("", 0, 0, 0)),
        ((), Gpu(0, 0, 0), ("cpu", 0, 0, 0)),
        ((1,), Gpu(5, 7, 20), ("cuda", 5, 7, 20)),
        ((), Gpu(5, 7, 20), ("cuda", 0, 7, 20)),
    ],
)
def test_the_device_is_what_the_renderer_said(
    house: House, pids: tuple[int, ...], gpu: Gpu | None, device: tuple[object, ...]
) -> None:
    house.crew.pids, house.crew.gpu = pids, gpu
    said = house.say().device
    assert (said.name, said.held, said.free, said.total) == device


def test_the_memory_of_all_renderers_counts(house: House) -> None:
    house.crew.pids = (os.getpid(), os.getpid())
    memory = house.say().memory
    assert memory.renderer > memory.daemon > 0


def test_it_is_written_once_a_second_at_most_and_only_where_something_is_new(house: House) -> None:
    def number() -> int:
        return (house.state / FILE_NAME).stat().st_ino

    house.say()
    first = number()
    house.now += 0.5
    house.desk.summary = "busy"
    house.beacon.turn()
    assert number() == first, "not a second has passed"
    house.now += 0.5
    house.beacon.turn()
    assert number() != first
    assert read(house.state).summary == "busy"
    second = number()
    for _ in range(3):
        house.say()
    assert number() == second, "a disk may sleep"
    house.work("weekly").making["f0.png"] = None
    house.say()
    third = number()
    house.say()
    assert number() != third, "an estimate goes on"


def test_what_cannot_be_written_stops_nobody(house: House) -> None:
    house.state.write_text("no folder", encoding="utf-8")
    house.now += 2
    house.beacon.turn()
    assert read(house.state) is None
    house.state.unlink()
    assert house.say().summary == "quiet"


def test_a_full_disk_keeps_the_old_word(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.say()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("daemon.beacon.put_plain", full)
    house.desk.summary = "new"
    assert house.say().summary == "quiet"
    monkeypatch.undo()
    assert house.say().summary == "new"


def test_a_bug_of_ours_is_logged_and_ends_nothing_but_the_telling(house: House) -> None:
    house.say()
    house.desk.summary = None
    with structlog.testing.capture_logs() as said:
        for _ in range(3):
            house.now += 2
            house.beacon.turn()
    assert [line["event"][:17] for line in said] == ["a bug in lipsyncd"]


def test_nothing_is_left_at_the_end(house: House) -> None:
    house.say()
    house.beacon.close()
    house.now += 10
    house.beacon.turn()
    assert list(house.state.iterdir()) == []
    assert read(house.state) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "nul", '{"at": 1, "pid": 1}', '"text"', "\x00" * 10])
def test_a_file_that_is_no_such_file_says_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    assert read(tmp_path) is None


def test_a_file_of_a_later_version_says_nothing(tmp_path: Path) -> None:
    said = asdict(Live(time.time(), os.getpid(), born(os.getpid()), space()))
    (tmp_path / FILE_NAME).write_text(json.dumps(said), encoding="utf-8")
    assert read(tmp_path) is not None
    (tmp_path / FILE_NAME).write_text(json.dumps(said | {"more": 1}), encoding="utf-8")
    assert read(tmp_path) is None


def test_what_a_dead_daemon_said_counts_no_more(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    said = Live(time.time(), child.pid, born(child.pid), space())

    def there(one: Live) -> bool:
        (tmp_path / FILE_NAME).write_text(json.dumps(asdict(one)), encoding="utf-8")
        return read(tmp_path) is not None

    assert there(said)
    assert not there(replace(said, born=said.born + 1)), "another process has its number by now"
    assert there(replace(said, space="pid:[1]", pid=1)), "one in another container cannot be seen"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not there(said), "dead, and nobody has asked how it died"
    child.communicate()
    assert not there(said)


def test_a_daemon_that_says_nothing_while_it_renders_is_late() -> None:
    take = AtWork("id", "weekly", "bob", 1, 1)
    assert Live(time.time() - 60, 1, takes=(take,)).late
    assert not Live(time.time() - 60, 1).late
    assert not Live(time.time() - 2, 1, takes=(take,)).late


@pytest.fixture
def shown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Live]:
    """What the daemon on the bench says; the page itself is not wanted here."""
    monkeypatch.setattr("daemon.app.showing", lambda *_, **_how: nullcontext())

    def look() -> Live:
        said: list[Live] = []
        bench.wait(lambda: (one := live.read(bench.place / "state")) is not None and (said.append(one) or True))
        return said[0]

    return look


def test_a_daemon_with_a_page_says_what_it_does(bench: Bench, shown: Callable[[], Live]) -> None:
    bench.drop("weekly", VOICE | {"a.png": "held", "b.png": "ok"})
    with bench.watching(page={"listen": "127.0.0.1:0"}) as pid:
        bench.wait(lambda: any(0 < take.share < 1 for take in shown().takes))
        bench.wait(lambda: shown().memory.renderer > 1_000_000)
        said = shown()
        assert said.pid == pid
        assert said.takes[0].folder == "weekly"
        bench.drop_by_copy("new", {"a.png": "ok"})
        bench.wait(lambda: [one.folder for one in shown().arriving] == ["new"])
        pause(bench.root)
        bench.wait(lambda: shown().paused)
        time.sleep(0.6)  # whether a take may be begun is looked up twice a second
        bench.release("a.png")
        bench.wait(lambda: not shown().takes)
        assert shown().device.name == "cpu"
        assert [one.position for one in shown().queue] == [1]
        assert "paused" in shown().summary
    assert live.read(bench.place / "state") is None
    assert not (bench.place / "state" / FILE_NAME).exists()


def test_a_daemon_without_a_page_says_nothing(bench: Bench) -> None:
    bench.drop("weekly", VOICE | {"a.png": "ok"})
    assert bench.once() == 0
    lives = len([line for line in bench.log if line["event"] == "ready"])
    with bench.watching():
        bench.wait(lambda: len([line for line in bench.log if line["event"] == "ready"]) > lives)
        time.sleep(0.3)
        assert not (bench.place / "state" / FILE_NAME).exists()


def test_a_killed_daemon_is_known_to_be_dead(bench: Bench, shown: Callable[[], Live]) -> None:
    with bench.watching(page={"listen": "127.0.0.1:0"}) as pid:
        assert shown().pid == pid
        os.kill(pid, signal.SIGKILL)
        bench.wait(lambda: live.read(bench.place / "state") is None)
    assert (bench.place / "state" / FILE_NAME).exists()


def test_takes_that_are_made_side_by_side_are_all_told(bench: Bench, shown: Callable[[], Live]) -> None:
    bench.drop("weekly", VOICE | {"a.png": "held", "b.png": "held"})
    with bench.watching(page={"listen": "127.0.0.1:0"}, render={"processes": 2}):
        bench.wait(lambda: len(shown().takes) == 2)
        assert [(take.number, take.of) for take in shown().takes] == [(1, 2), (2, 2)]
