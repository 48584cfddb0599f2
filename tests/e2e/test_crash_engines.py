"""Plug-in engines that crash, hang, leak and make things up, in the real render process: each costs its own take."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from publishers import verify
from tests.e2e.house import House

pytestmark = pytest.mark.e2e

REASONS = {
    "abrt": "ended by the signal SIGABRT",
    "black": "made a bad poster of black.jpg: nothing can be seen in it",
    "cut": "made a bad video of cut.jpg",
    "empty": "made a bad video of empty.jpg",
    "pipe": "",
    "forever": "was not finished after 20 s",
    "frames": "made a bad video of frames.jpg",
    "hang": "gave no sign of life for 8 s",
    "kill": "was killed",
    "leak": "there was not enough memory for leak.jpg",
    "leave": "ended unexpectedly with exit code 1",
    "link": "",
    "long": "99.00 s",
    "none": "made a bad video of none.jpg: no file of its own",
    "segv": "ended by the signal SIGSEGV",
    "shared": "took more than 0.4 GB of memory",
    "size": "instead of 64×",
    "stop": "gave no sign of life for 8 s",
    "stray": "ended by the signal SIGSEGV",
    "text": "made a bad video of text.jpg",
    "throw": "ended unexpectedly with exit code 1",
}
"""How an engine fails, and what WHY.txt says of it; "" where that depends on the kernel: links may not be possible."""

MORE = """attempts = 1
[limits]
take_timeout_s = 20.0
silence_s = 8.0
memory_bytes = 400000000
free_bytes = 0
[credentials]
sign = false
"""


def plug_in(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the rogue engine where Python finds it, for this test only."""
    folder = place / "plug-ins"
    (folder / "rogue-1.dist-info").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("rogue.py"), folder / "rogue_engine.py")
    (folder / "rogue-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: rogue\nVersion: 1\n")
    (folder / "rogue-1.dist-info" / "entry_points.txt").write_text(
        "[lipsyncd.engines]\nrogue = rogue_engine:Rogue\n", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))


def fill(house: House, sample: Path, names: list[str]) -> None:
    folder = house.place / "upload"
    folder.mkdir()
    shutil.copy(sample / "hello.flac", folder / "voice.flac")
    for name in names:
        shutil.copy(sample / "astronaut.jpg", folder / f"{name}.jpg")
    folder.rename(house.root / "inbox" / "talk")


def test_whatever_an_engine_does_costs_its_own_take(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(tmp_path, monkeypatch)
    house = House(tmp_path, engine="rogue", more=MORE)
    fill(house, sample, [*REASONS, "good"])
    answer = house.run("watch", "--once")
    assert answer.returncode == 1, answer.stderr
    done = house.root / "done" / "talk"
    takes = {take["name"]: take for take in json.loads((done / "job.json").read_text(encoding="utf-8"))["takes"]}
    wrong = {
        name: takes[name]["error"]
        for name, reason in REASONS.items()
        if takes[name]["state"] != "FAILED" or reason not in takes[name]["error"]
    }
    assert not wrong
    assert takes["good"]["state"] == "RENDERED"
    why = (done / "WHY.txt").read_text(encoding="utf-8")
    assert all(f"{name}.jpg\n  What was wrong: " in why for name in REASONS)
    assert not verify(done)
    assert {path.name for path in done.glob("*.mp4")} == {"good.mp4"}
    assert not list(done.glob(".*"))
    assert not _alive(house), "nothing that an engine has started lives on"


def _alive(house: House) -> list[str]:
    """Give the command lines of processes that have to do with a house."""
    mark, found = str(house.root).encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if mark in line and int(place.name) != os.getpid():
            found.append(line.decode(errors="replace"))
    return found
