"""Power cuts: every rename and fsync in the right order, and whatever a cut leaves, the job ends well."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.job import State, TakeState
from daemon.journal import OURS, folders, read
from publishers import verify
from tests.daemon.bench import Bench
from tests.e2e import power

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

FILES = {"voice.wav": "some words", "ann.png": "ok", "bob.png": "no-face"}
FAILS = {"voice.wav": "some words", "cat.png": "no-face"}
SETTINGS = {"render": {"attempts": 1}}


def bench_of(place: Path, files: dict[str, str]) -> Bench:
    bench = Bench(place)
    (place / "archive").mkdir()
    bench.drop("talk", files)
    return bench


def settings(bench: Bench) -> dict[str, dict[str, object]]:
    return SETTINGS | {"publish": {"to": ["folder"], "folder": {"path": bench.place / "archive"}}}


def traced(place: Path, files: dict[str, str]) -> tuple[power.Disk, list[power.Act]]:
    """Let a daemon make a job under strace; give the disk before, and all that was done to it."""
    bench = bench_of(place, files)
    disk = power.Disk(place)
    log = place.parent / "trace"
    job = [sys.executable, "-m", "tests.e2e.power_job", str(place)]
    ran = subprocess.run([*power.command(log), *job], capture_output=True, text=True, check=False, timeout=600)
    if "PTRACE" in ran.stderr:
        pytest.skip("nothing may be traced here")
    assert ran.returncode == 1, ran.stderr
    return disk, list(power.acts(log, [bench.root, place / "archive", place / "state"]))


def states(disk: power.Disk, acts: Sequence[power.Act]) -> dict[str, dict[str, bytes | None]]:
    """Give every different state that a power cut can leave, by what was done last."""
    found: dict[str, dict[str, bytes | None]] = {}
    known: set[str] = set()
    for number, act in enumerate(acts):
        disk.do(act)
        for names in (False, True):
            left = disk.left(names=names)
            told = repr(sorted(pair for pair in left.items() if not pair[0].endswith(("lock", "owner.json", "log"))))
            if told not in known:
                known.add(told)
                found[f"{number} {act.kind} {Path(act.path).name} {'names' if names else ''}"] = left
    return found


def check(place: Path, files: dict[str, str], left: dict[str, bytes | None]) -> None:
    """Start a daemon on what is left, and look at what comes of it."""
    for name in ("root/inbox", "root/working", "root/done", "root/failed", "archive"):
        (place / name).mkdir(parents=True)
    power.write(left, place)
    bench = Bench(place)
    assert bench.once(kill=lambda: None, **settings(bench)) in (0, 1)
    homes = [*folders(bench.journal.done), *folders(bench.journal.failed)]
    assert len(homes) == 1, bench.places()
    assert not list(bench.journal.inbox.iterdir())
    shells = {path.name for path in bench.journal.working.rglob("*")}
    assert shells <= {"talk", OURS, "lock", "owner.json", "STATUS.txt", "job.log"}, "goes away after a lease"
    home = homes[0]
    failed = home.parent.name == "failed"
    inputs = home if failed else home / "inputs"
    there = {path.name: path.read_text() for path in inputs.iterdir() if path.name not in (OURS, "WHY.txt")}
    assert there == files
    job = read(home / OURS / "job.json" if failed else home / "job.json")
    assert job.state is (State.FAILED if failed else State.DONE)
    assert "no face in" in (home / "WHY.txt").read_text().lower()
    if not failed:
        assert not verify(home)
        assert [take.name for take in job.in_state(TakeState.RENDERED)] == ["ann"]
        assert (home / "ann.mp4").read_text() == "video of oksome words"
        assert (home / "ann.jpg").read_text() == "poster of oksome words"
        manifest = json.loads((home / "manifest.json").read_text())
        assert [video["file"] for video in manifest["videos"]] == ["ann.mp4"]


def outcomes(tmp_path: Path, files: dict[str, str], every: int) -> dict[str, str]:
    """Cut the power at every so-manieth moment that makes a difference, and give what went wrong."""
    disk, acts = traced(tmp_path / "before", files)
    wrong = {}
    found = states(disk, acts)
    assert len(found) > 20
    for number, (what, left) in enumerate(found.items()):
        if number % every == 0:
            place = tmp_path / str(number)
            try:
                check(place, files, left)
            except AssertionError as error:
                wrong[what] = str(error)[:600]
            else:
                shutil.rmtree(place)
    return wrong


def test_whatever_a_power_cut_leaves_the_job_ends_well(tmp_path: Path) -> None:
    assert not outcomes(tmp_path, FILES, every=4)


@pytest.mark.soak
@pytest.mark.parametrize("files", [FILES, FAILS])
def test_the_power_goes_at_every_moment(tmp_path: Path, files: dict[str, str]) -> None:
    assert not outcomes(tmp_path, files, every=1)
