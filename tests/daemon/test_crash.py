"""Killed at any moment, the daemon goes on where it was: nothing lost, nothing changed, nothing made twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from publishers import verify
from tests.daemon.bench import Bench

FILES = {"voice.wav": "some words", "ann.png": "ok", "bob.mp4": "ok too", "cat.jpg": "no-face"}


def at(number: int) -> Callable[[], None]:
    """Give a hook that kills the process when it is called for the ``number``-th time."""
    calls = 0

    def kill() -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def check(bench: Bench, kills: int) -> None:
    assert bench.places() == ["done/talk"]
    done = bench.root / "done" / "talk"
    assert {path.name: path.read_text() for path in (done / "inputs").iterdir()} == FILES
    names = {path.name for path in done.iterdir()}
    papers = {"inputs", "job.json", "job.log", "manifest.json", "post.md", "WHY.txt"}
    assert names == {"ann.mp4", "ann.jpg", "bob.mp4", "bob.jpg"} | papers
    assert (done / "ann.mp4").read_text() == "video of oksome words"
    assert "cat.jpg" in (done / "WHY.txt").read_text()
    made = [entry["face"] for entry in bench.diary if entry["what"] == "made"]
    assert len(made) <= 2 + kills


@pytest.mark.parametrize("part", range(2))
def test_killed_at_every_save(tmp_path: Path, part: int) -> None:
    """Each moment before something is made to last, one after the other; random moments come below."""
    number, ended = 1 + 2 * part, False
    while not ended:
        bench = Bench(tmp_path / str(number))
        bench.drop("talk", FILES)
        code = bench.once(at(number))
        ended = code == 1  # not killed any more: it came to its end, with one failed take
        assert ended or code == -signal.SIGKILL
        if not ended:
            homes = [place for place in bench.places() if not place.startswith("working/")]
            assert len(homes + list(bench.root.glob("working/*/inputs"))) == 1
            assert bench.once() in (0, 1)
        check(bench, 1)
        number += 4
    assert number > 20


def test_killed_again_and_again(bench: Bench) -> None:
    """A daemon that never lives longer than a few saves still gets there."""
    bench.drop("talk", FILES)
    for life in range(60):
        if bench.once(at(3 + life % 4)) != -signal.SIGKILL:
            break
    check(bench, life)


def test_killed_at_random_moments(bench: Bench) -> None:
    """Not only between two saves: while files are written, renderers start, results are read."""
    random = Random(7)
    drops = {f"talk {number}": FILES | {"ann.png": f"slow 0.1 {number}"} for number in range(5)}
    for name, files in drops.items():
        bench.drop(name, files)
    kills = 0
    while (code := _lived(bench, random.uniform(0.1, 0.9) * (1 + kills / 10))) == -signal.SIGKILL:
        kills += 1  # each life may be longer: on a busy machine the first ones are over before they have begun
        assert kills < 60
    assert code in (0, 1)  # whether the last life saw a failed take
    assert bench.places() == [f"done/{name}" for name in sorted(drops)]
    for name, files in drops.items():
        home = bench.root / "done" / name
        assert {path.name: path.read_text() for path in (home / "inputs").iterdir()} == files
        assert not verify(home)
        assert not list(home.glob(".*"))
    assert sum(1 for entry in bench.diary if entry["what"] == "begun") <= 15 + kills


def _lived(bench: Bench, seconds: float) -> int:
    """Run a daemon for so long at most and give its end."""
    pid = bench.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return bench.end(pid)


def test_what_is_made_is_not_made_again(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "once:slow 30"})
    pid = bench.start(once=False)
    bench.wait(lambda: bench.begun("bob.mp4"))
    before = (bench.root / "working/talk/ann.mp4").stat()
    os.kill(pid, signal.SIGKILL)
    assert bench.end(pid) == -signal.SIGKILL
    assert bench.once() == 1
    after = (bench.root / "done/talk/ann.mp4").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert bench.begun("ann.png") == 1
    assert bench.begun("bob.mp4") == 2
