"""The real daemon with the real engine, stopped and killed in the middle of a take."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.e2e.house import House

pytestmark = pytest.mark.e2e


def drop(house: House, sample: Path, times: int = 1) -> None:
    """Two faces of one speech, said so many times over, moved in whole."""
    folder = house.place / "talk"
    folder.mkdir()
    samples, rate = soundfile.read(sample / "hello.flac")
    soundfile.write(folder / "hello.flac", np.tile(samples, times), rate)
    shutil.copy(sample / "astronaut.jpg", folder / "first.jpg")
    shutil.copy(sample / "astronaut.mp4", folder / "second.mp4")
    folder.rename(house.root / "inbox" / "talk")


def status(house: House) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in house.root.glob("working/*/STATUS.txt"))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def kill(daemon: int, number: signal.Signals) -> list[int]:
    """Send a signal to all that the daemon has started; give whom."""
    started = children(daemon)
    for pid in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return started


def far_from_done(house: House) -> bool:
    """Say whether the second take would last longer than a daemon that is asked to end waits."""
    left = re.search(r"about (\d+) (s|min)", status(house))
    return "second.mp4" in status(house) and (not left or left[2] == "min" or int(left[1]) > 10)


def drawing_second(house: House) -> bool:
    return "second.mp4" in status(house) and bool(list(house.root.glob("working/talk/first.mp4")))


def test_sigterm_parks_and_kill_loses_nothing(tmp_path: Path, sample: Path) -> None:
    house = House(tmp_path, more="[credentials]\nsign = false\n")  # signing puts a signed copy in each video's place
    drop(house, sample, times=4)
    with house.watching() as daemon:
        house.wait(lambda: drawing_second(house))
        kill(
            daemon.pid, signal.SIGSTOP
        )  # however fast the machine is, the take in hand is not finished before the stop
        time.sleep(1.5)
        house.wait(lambda: far_from_done(house))
        begin = time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(60) == 0
        assert time.monotonic() - begin < 30
    made = house.root / "working" / "talk" / "first.mp4"
    first = made.stat().st_ino, made.stat().st_mtime_ns
    assert not (made.parent / "second.mp4").exists(), "parked, not finished"
    with house.watching() as daemon:
        house.wait(lambda: "second.mp4" in status(house) and "%" in status(house))
        time.sleep(0.5)
        daemon.send_signal(signal.SIGKILL)
        daemon.wait(60)
    answer = house.run("watch", "--once")
    assert answer.returncode == 0, answer.stderr
    done = house.root / "done" / "talk"
    assert {"first.mp4", "second.mp4", "manifest.json", "post.md"} <= {path.name for path in done.iterdir()}
    kept = (done / "first.mp4").stat()
    assert (kept.st_ino, kept.st_mtime_ns) == first, "what was made is not made again"
    assert len(json.loads((done / "manifest.json").read_text(encoding="utf-8"))["videos"]) == 2
    assert house.run("verify", done).returncode == 0


def test_a_render_process_that_dies_costs_one_attempt(tmp_path: Path, sample: Path) -> None:
    house = House(tmp_path)
    drop(house, sample)
    with house.watching() as daemon:
        house.wait(lambda: "%" in status(house))
        renderers = kill(daemon.pid, signal.SIGKILL)
        assert renderers
        house.wait(lambda: (house.root / "done" / "talk" / "manifest.json").exists(), 300)
        assert daemon.poll() is None
        assert set(children(daemon.pid)).isdisjoint(renderers)
        daemon.terminate()
        assert daemon.wait(60) == 0
    manifest = json.loads((house.root / "done" / "talk" / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest["videos"]) == 2
    assert not manifest["failures"]
