"""SIGKILL at random moments, over and over, while thirty jobs of every kind are made and people meddle with them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from random import Random

import pytest

from tests.daemon.bench import Bench
from tests.e2e.house import House
from tests.e2e.mixed import Mixed

pytestmark = pytest.mark.e2e


def lived(mixed: Mixed, seconds: float) -> bool:
    """Let a daemon live for so long while people meddle, kill it, and say whether it lived until then."""
    pid = mixed.bench.start(once=False, kill=lambda: None, **mixed.settings)
    end = time.monotonic() + seconds
    try:
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, mixed.random.uniform(0.02, 0.2)))
            if mixed.random.random() < 0.4:
                mixed.meddle()
    finally:
        os.kill(pid, signal.SIGKILL)
    return mixed.bench.end(pid) == -signal.SIGKILL


def killed(place: Path, jobs: int, kills: int, seed: int, processes: int = 1) -> Mixed:
    """Kill so often over so many jobs, let the last daemon finish, and look at what there is."""
    mixed = Mixed(Bench(place), jobs, seed, processes)
    mixed.deliver()
    for life in range(kills):
        if life * len(mixed.kinds) >= kills * len(mixed.dropped):
            mixed.deliver(1)  # so that there is work until the last kill
        assert lived(mixed, mixed.random.uniform(0.05, 0.7))
    for _ in range(4):  # what is approved or retried last is looked at in the next life
        mixed.settle()
        assert mixed.bench.end(mixed.bench.start(kill=lambda: None, **mixed.settings), 300) in (0, 1)
    mixed.check(kills)
    return mixed


def test_killed_at_random_moments(tmp_path: Path) -> None:
    killed(tmp_path, jobs=30, kills=60, seed=5)


def test_killed_while_several_are_rendered_at_once(tmp_path: Path) -> None:
    killed(tmp_path, jobs=12, kills=15, seed=6, processes=3)


@pytest.mark.soak
def test_the_real_thing_killed_again_and_again(tmp_path: Path, sample: Path) -> None:
    """The real command, renderer, signer and publisher: whatever they were at, all is signed, whole and paid once."""
    archive, random = tmp_path / "archive", Random(11)
    archive.mkdir()
    house = House(tmp_path, engine="null", more=f'[publish]\nto = ["folder"]\n[publish.folder]\npath = "{archive}"\n')
    for number in range(3):
        folder = tmp_path / f"talk {number}"
        folder.mkdir()
        shutil.copy(sample / "hello.flac", folder / "voice.flac")
        (folder / "face.jpg").write_bytes((sample / "astronaut.jpg").read_bytes() + b"%d" % number)
        folder.rename(house.root / "inbox" / folder.name)
    for _ in range(20):
        with house.watching():
            time.sleep(random.uniform(0.5, 5))
        if not list((house.root / "working").iterdir()) and not list((house.root / "inbox").iterdir()):
            break
    answer = house.run("watch", "--once")
    assert answer.returncode == 0, answer.stderr
    for number in range(3):
        done = house.root / "done" / f"talk {number}"
        assert (done / "inputs" / "face.jpg").read_bytes().endswith(b"%d" % number)
        assert not list(done.glob(".*"))
        said = house.run("verify", done)
        assert (said.returncode, said.stdout.count("is unchanged since lipsyncd")) == (0, 2), said.stdout
    assert not list(archive.glob(".*"))


@pytest.mark.soak
def test_killed_two_hundred_times(tmp_path: Path) -> None:
    meddled = killed(tmp_path, jobs=30, kills=200, seed=200).meddled
    assert min(meddled[what] for what in ("approved", "cancelled", "retried", "renamed")) > 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_killed_two_thousand_times(tmp_path: Path, seed: int) -> None:
    """Ten workloads of thirty jobs, two hundred kills each, with one render process to four."""
    killed(tmp_path, jobs=30, kills=200, seed=seed, processes=1 + seed % 4)
