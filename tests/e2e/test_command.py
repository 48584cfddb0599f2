"""An external program in the real daemon: what it may do behind the walls and outside them, and that it ends."""

from __future__ import annotations

import json
import signal
import sys
import time
import wave
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from daemon import landlock, seccomp
from publishers import verify
from tests.e2e.house import House

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock"),
    pytest.mark.skipif(not seccomp.known(), reason="no seccomp here"),
]

PROGRAM = """
import json, os, resource, shutil, socket, subprocess, sys, tempfile, time
face, audio, out, place = sys.argv[1:]

def tried(work):
    try:
        return work() or "done"
    except OSError as error:
        return error.strerror

def temporary():
    os.makedirs("a/b")
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write("x")
    os.rename(file.name, "a/b/moved")
    os.symlink("a/b/moved", "link")

if os.path.exists(place + "/wait"):
    grand = "import os,sys,time; os.setsid(); open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    subprocess.run([sys.executable, "-c", grand, "pid"])
if os.path.exists(place + "/eat"):
    held = []
    while True:
        held.append(b"x" * 20_000_000)
        time.sleep(0.05)
print("probe", json.dumps({
    "folder": os.getcwd(),
    "secret": tried(lambda: open(place + "/secret").read()),
    "jobs": tried(lambda: str(len(os.listdir(os.path.join(place, "root", "working"))))),
    "write elsewhere": tried(lambda: open(place + "/written", "w").close()),
    "socket": tried(lambda: socket.socket().close()),
    "temporary": tried(temporary),
    "shared memory": tried(lambda: tempfile.NamedTemporaryFile(dir="/dev/shm").close()),
    "memory": resource.getrlimit(resource.RLIMIT_DATA)[0],
    "files": resource.getrlimit(resource.RLIMIT_FSIZE)[0],
}), flush=True)
shutil.copy(place + "/made.mp4", out)
"""


def house(place: Path, *, confined: bool, engine: str = "command", limits: str = "") -> House:
    """A house with a program that hands over a film which is made already."""
    script = place / "tools" / "program.py"
    script.parent.mkdir()
    script.write_text(PROGRAM, encoding="utf-8")
    (place / "secret").write_text("canary")
    film = cv2.VideoWriter(str(place / "made.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (96, 96))
    for number in range(13):
        picture = face()
        picture[50:80, 20:70] = 20 * number
        film.write(picture)
    film.release()
    argv = [sys.executable, "-S", "-E", str(script), "{face}", "{audio}", "{output}", str(place)]
    return House(
        place,
        engine=engine,
        more=f"attempts = 1\nreadable = {json.dumps([str(script.parent), str(place / 'made.mp4')])}\n"
        f"[render.command]\nargv = {json.dumps(argv)}\nconfined = {json.dumps(confined)}\n"
        f"[limits]\nfree_bytes = 0\noutput_bytes = 1000000000\n{limits}[credentials]\nsign = false\n",
    )


def face() -> Any:
    across, down = np.meshgrid(np.linspace(0, 1, 96), np.linspace(0, 1, 96))
    return (np.stack([across, down, across * down], -1) * 200 + 20).astype(np.uint8)


def drop(house: House, name: str, order: str = "") -> None:
    folder = house.place / "upload"
    folder.mkdir()
    with wave.open(str(folder / "voice.wav"), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes((3000 * np.sin(np.arange(8000) / 9)).astype("<i2").tobytes())
    cv2.imwrite(str(folder / "alice.png"), face())
    if order:
        (folder / "job.toml").write_text(order, encoding="utf-8")
    folder.rename(house.root / "inbox" / name)


def probe(house: House, name: str) -> dict[str, Any]:
    """What the program found, as the log of its job has it."""
    log = (house.root / "done" / name / "job.log").read_text(encoding="utf-8")
    (line,) = [line for line in map(json.loads, log.splitlines()) if "program: probe" in line.get("text", "")]
    found: dict[str, Any] = json.loads(line["text"].partition("probe ")[2])
    return found


def test_a_program_behind_the_walls(tmp_path: Path) -> None:
    home = house(tmp_path, confined=True)
    name = "talk $(touch x); 你好"
    drop(home, name)
    assert home.run("config", "check").returncode == 0
    answer = home.run("watch", "--once")
    assert answer.returncode == 0, answer.stderr
    found = probe(home, name)
    assert found["folder"].isascii()
    assert "touch" not in found["folder"]
    denied = {what: found[what] for what in ("secret", "jobs", "write elsewhere", "socket")}
    assert set(denied.values()) == {"Permission denied"}, denied
    assert (found["temporary"], found["shared memory"]) == ("done", "done")
    assert (found["memory"], found["files"]) == (-1, 1_000_000_000)
    job = json.loads((home.root / "done" / name / "job.json").read_text(encoding="utf-8"))
    made = job["takes"][0]["made"]
    assert (made["engine"], made["frames"], made["driven"] > 8) == ("command", 13, True)
    assert not verify(home.root / "done" / name)
    assert not [path for path in (tmp_path / "state" / "scratch").rglob("*") if path.is_file()]


def test_a_program_outside_the_walls_and_everyone_else_within(tmp_path: Path) -> None:
    home = house(tmp_path, confined=False, engine="null")
    drop(home, "1 plain")
    drop(home, "2 chosen", 'engine = "command"')
    drop(home, "3 plain")
    answer = home.run("watch", "--once")
    assert answer.returncode == 0, answer.stderr
    found = probe(home, "2 chosen")
    assert (found["secret"], found["socket"], found["write elsewhere"]) == ("canary", "done", "done")
    said = [
        line["text"] for line in map(json.loads, answer.stderr.splitlines()) if "confined: " in line.get("text", "")
    ]
    walls = f"renderer: confined: files (Landlock {landlock.version()}), network (seccomp)"
    assert said == [walls, f"{walls}, the program outside", walls], "the walls of the others are what they were"


def test_a_drop_cannot_choose_what_is_not_configured(tmp_path: Path) -> None:
    home = House(tmp_path, engine="null", more="[limits]\nfree_bytes = 0\n[credentials]\nsign = false\n")
    drop(home, "talk", 'engine = "command"')
    assert home.run("watch", "--once").returncode == 1
    why = (home.root / "failed" / "talk" / "WHY.txt").read_text(encoding="utf-8")
    assert 'engine is "command", which cannot be used here: no program is configured' in why


@pytest.mark.parametrize("confined", [True, False])
def test_the_memory_of_a_program_counts(tmp_path: Path, confined: bool) -> None:
    home = house(tmp_path, confined=confined, limits="memory_bytes = 300000000\n")
    (tmp_path / "eat").touch()
    drop(home, "talk")
    assert home.run("watch", "--once").returncode == 1
    assert "took more than 0.3 GB of memory" in (home.root / "failed" / "talk" / "WHY.txt").read_text(encoding="utf-8")
    assert not list((tmp_path / "state").glob("scratch/*/*")), "and it is gone"


@pytest.mark.parametrize("confined", [True, False])
def test_a_program_ends_with_the_daemon(tmp_path: Path, confined: bool) -> None:
    home = house(tmp_path, confined=confined)
    (tmp_path / "wait").touch()
    drop(home, "talk")
    with home.watching() as daemon:
        home.wait(lambda: any(path.read_text() for path in (tmp_path / "state").glob("scratch/*/*/pid")))
        (note,) = (tmp_path / "state").glob("scratch/*/*/pid")
        pid, parent = int(note.read_text()), note.parent
        daemon.send_signal(signal.SIGKILL)
    end = time.monotonic() + 60
    while (Path(f"/proc/{pid}").exists() or parent.exists()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    assert not parent.exists(), "what it has written is removed, too"
    (tmp_path / "wait").unlink()
    assert home.run("watch", "--once").returncode == 0
    assert not verify(home.root / "done" / "talk")
