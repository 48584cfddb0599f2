"""When the daemon is killed nothing goes on without it, and what comes after it is disturbed by nobody."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from random import Random

import pytest

from publishers import verify
from tests.daemon.bench import Bench
from tests.e2e.house import House, command, descendants
from tests.e2e.test_crash_engines import fill, plug_in
from tests.e2e.test_interrupted import children, status

pytestmark = pytest.mark.e2e

BARE = "[credentials]\nsign = false\n"


def alive(pid: int) -> bool:
    """Say whether a process runs, or could."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone(house: House, pids: list[int]) -> None:
    house.wait(lambda: not any(alive(pid) for pid in pids), 60)


def traces(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file in a folder, and when and how large it was written last."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in found}


def test_a_renderer_that_is_frozen_ends_with_the_daemon(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, monkeypatch)
    house = House(tmp_path, engine="rogue", more=BARE)
    fill(house, sample, ["held"])
    with house.watching() as daemon:
        house.wait(lambda: "%" in status(house))
        house.wait(lambda: len(descendants(daemon.pid)) > 1)  # a renderer and its guard
        started = descendants(daemon.pid)
        for pid in started:
            os.kill(pid, signal.SIGSTOP)
        daemon.kill()
        daemon.wait()
    for pid in started:
        if alive(pid):
            os.kill(pid, signal.SIGCONT)
    gone(house, started)
    before = traces(house.root)
    time.sleep(0.5)
    assert traces(house.root) == before, "somebody still writes"
    (tmp_path / "plug-ins" / "go").touch()
    assert house.run("watch", "--once").returncode == 0
    assert not verify(house.root / "done" / "talk")
    assert not list((house.root / "done" / "talk").glob(".*"))


def test_what_an_engine_has_started_ends_with_the_daemon(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, monkeypatch)
    house = House(tmp_path, engine="rogue", more=BARE)
    fill(house, sample, ["nest"])
    with house.watching() as daemon:
        house.wait(lambda: bool(list(house.root.glob("working/talk/.lipsyncd/.*.part.mp4"))))
        house.wait(lambda: len(descendants(daemon.pid)) == 3)  # a renderer, its guard, and what the engine has started
        started = descendants(daemon.pid)
        daemon.kill()
        daemon.wait()
    gone(house, started)
    before = traces(house.root)
    time.sleep(0.3)
    assert traces(house.root) == before, "somebody still writes"


def signing(daemon: int) -> list[int]:
    return [pid for pid in descendants(daemon) if b"publishers.signing_process" in command(pid)]


def test_the_signing_process_ends_with_the_daemon(tmp_path: Path, sample: Path) -> None:
    house, pids = House(tmp_path, engine="null"), []
    fill(house, sample, ["still", "second", "third", "fourth"])  # eight files: it is at work for a while
    with house.watching() as daemon:
        house.wait(lambda: bool(pids.extend(signing(daemon.pid)) or pids))
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        daemon.kill()
        daemon.wait()
    for pid in pids:
        if alive(pid):
            os.kill(pid, signal.SIGCONT)  # one that was frozen as it began has asked for nothing yet
    gone(house, pids)
    answer = house.run("watch", "--once")
    assert answer.returncode == 0, answer.stderr
    done = house.root / "done" / "talk"
    assert not verify(done)
    assert house.run("verify", done).stdout.count("is unchanged since lipsyncd") == 8


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGSTOP])
def test_renderers_that_are_ended_at_random_moments(tmp_path: Path, number: signal.Signals) -> None:
    """Whatever the moment: each end costs one try, and no job is lost."""
    bench, random = Bench(tmp_path), Random(int(number))
    names = [f"talk {index}" for index in range(6)]
    for name in names:
        bench.drop(name, {"voice.wav": "words", "ann.png": "slow 0.2", "bob.mp4": "slow 0.1 b"})
    settings = {
        "render": {"attempts": 10},
        "limits": {"take_timeout_s": 60, "silence_s": 2.0 if number == signal.SIGSTOP else 30.0},
    }
    daemon, ends = bench.start(**settings), 0
    while ends < 8 and len(list(bench.journal.done.iterdir())) < len(names):
        time.sleep(random.uniform(0.02, 0.3))
        for pid in children(daemon):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                ends += 1
    assert bench.end(daemon) == 0
    assert bench.places() == [f"done/{name}" for name in names]
    assert not any(verify(bench.root / "done" / name) for name in names)
    begun = sum(1 for entry in bench.diary if entry["what"] == "begun")
    assert begun <= 2 * len(names) + ends
