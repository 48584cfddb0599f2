"""Lures through the real daemon: a canary file and a listening port, and neither is touched."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon import landlock, seccomp
from lipsync import AUDIO_SUFFIXES, PHOTO_SUFFIXES, VIDEO_SUFFIXES
from tests.e2e import lures
from tests.e2e.house import House

pytestmark = pytest.mark.e2e

FACES = tuple(sorted(PHOTO_SUFFIXES | VIDEO_SUFFIXES))


class Listener:
    """A port of this machine for TCP and UDP, and how often somebody came."""

    def __init__(self) -> None:
        self.stream = socket.create_server(("127.0.0.1", 0))
        self.port = self.stream.getsockname()[1]
        self.packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.packets.bind(("127.0.0.1", self.port))
        self.calls = 0
        self.threads = [threading.Thread(target=serve) for serve in (self._accept, self._receive)]
        for thread in self.threads:
            thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.stream.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()

    def _receive(self) -> None:
        while self.packets.recv(100) != b"end":
            self.calls += 1

    def close(self) -> None:
        self.stream.shutdown(socket.SHUT_RDWR)
        self.packets.sendto(b"end", ("127.0.0.1", self.port))
        for thread in self.threads:
            thread.join()
        self.stream.close()
        self.packets.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


def atime(path: Path) -> int:
    return path.stat().st_atime_ns


@pytest.mark.parametrize("confined", [True, False])
def test_no_lure_makes_us_read_or_call_anything_else(
    tmp_path: Path, sample: Path, listener: Listener, confined: bool
) -> None:
    """Neither behind the walls, nor without them, where the list of demuxers has to do."""
    house = House(tmp_path, engine="null", more=f"confined = {str(confined).lower()}\n[credentials]\nsign = false\n")
    canary = tmp_path / "canary.mp4"
    canary.write_bytes((sample / "astronaut.mp4").read_bytes())
    os.utime(
        canary, ns=(1, canary.stat().st_mtime_ns)
    )  # the first read of it would be written down, whatever the mount
    before = atime(canary)
    targets = (str(canary), f"file:{canary}", f"http://127.0.0.1:{listener.port}/c.mp4", "../../../../canary.mp4")
    targets += (
        f"tcp://127.0.0.1:{listener.port}",
        f"udp://127.0.0.1:{listener.port}",
        f"subfile,,start,0,end,9,,:{canary}",
    )
    targets = targets if confined else targets[:3]
    faces = tmp_path / "faces"
    faces.mkdir()
    (faces / "say.flac").write_bytes((sample / "hello.flac").read_bytes())
    names = lures.planted(faces, FACES, targets, listener.port)
    sound = {path.name for path in faces.iterdir() if path.suffix in AUDIO_SUFFIXES} - {"say.flac"}
    for name in sound:
        (faces / name).unlink()
    spoken = {f"talk {suffix}": suffix for suffix in sorted(AUDIO_SUFFIXES)}
    for number, (drop, suffix) in enumerate(spoken.items()):
        folder = tmp_path / drop
        folder.mkdir()
        kind = list(lures.PLAYLISTS)[number]
        (folder / f"say{suffix}").write_text(
            lures.PLAYLISTS[kind].format(target=targets[number % len(targets)], port=listener.port)
        )
        (folder / "p.png").write_bytes(b"\x89PNG" if number % 2 else (sample / "astronaut.jpg").read_bytes())
        folder.rename(house.root / "inbox" / drop)
    faces.rename(house.root / "inbox" / "faces")
    done = house.run("watch", "--once")
    assert done.returncode == 1, done.stderr[-3000:]
    assert listener.calls == 0
    assert atime(canary) == before, "the canary was read"
    check_reasons(house, [name for name in names if name not in sound], list(spoken))
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert not [
        line for line in lines if line["event"] in ("the renderer crashed", "a bug in lipsyncd; please report it")
    ]
    if landlock.version():
        assert any("confined: files (" in str(line.get("text")) for line in lines) is confined


def check_reasons(house: House, names: list[str], drops: list[str]) -> None:
    """Each of them is refused with a reason, or was a film all the same and is made of its own pictures."""
    home = next(path for path in (house.root / "failed" / "faces", house.root / "done" / "faces") if path.exists())
    why = (home / "WHY.txt").read_text(encoding="utf-8")
    job: dict[str, Any] = json.loads(next(home.rglob("job.json")).read_text(encoding="utf-8"))
    states = {take["face"]: take for take in job["takes"]}
    assert set(states) == set(names)
    for name, take in states.items():
        assert take["state"] in ("RENDERED", "FAILED")
        if take["state"] == "FAILED":
            assert take["error"]
            assert f"{name}\n" in why
    for drop in drops:
        assert "say." in (house.root / "failed" / drop / "WHY.txt").read_text(encoding="utf-8")


FOLLOW = """
import sys
from pathlib import Path
import av
from daemon.cage import Cage
from daemon.confinement import Confinement
place, walls, form = Path(sys.argv[1]), sys.argv[2] == "walls", sys.argv[3]
confinement = Confinement(Cage(working=str(place / "working"), closed=(str(place),), shut=walls))
confinement.begin()
own = {"safe": "0"} if form == "concat" else {"allowed_extensions": "ALL", "extension_picky": "0"}
def follow():
    options = own | {"protocol_whitelist": "file,http,tcp"}
    with av.open(str(place / "working" / "lure.mp4"), format=form, container_options=options) as container:
        return sum(1 for _ in container.decode(video=0))
try:
    print(confinement.within([place / "working" / "lure.mp4"], place / "working" / "hidden", follow))
except av.FFmpegError as error:
    print(error.strerror)
"""


@pytest.mark.parametrize("form", ["concat", "hls"])
@pytest.mark.parametrize("walls", [False, True])
def test_walls_hold_where_ffmpeg_does_follow(
    tmp_path: Path, sample: Path, listener: Listener, form: str, walls: bool
) -> None:
    """An FFmpeg told to follow lures falls for them, and behind the walls it gets nowhere: each wall stands alone."""
    if walls and not (landlock.version() and seccomp.known()):
        pytest.skip("this kernel has not both Landlock and seccomp")
    canary = tmp_path / "canary.mp4"
    canary.write_bytes((sample / "astronaut.mp4").read_bytes())
    os.utime(canary, ns=(1, canary.stat().st_mtime_ns))
    before = atime(canary)
    (tmp_path / "working" / "hidden").mkdir(parents=True)
    target = str(canary) if form == "concat" else f"http://127.0.0.1:{listener.port}/c.mp4"
    text = lures.PLAYLISTS["ffconcat" if form == "concat" else "m3u8"].format(target=target, port=listener.port)
    (tmp_path / "working" / "lure.mp4").write_text(text)
    command = [sys.executable, "-c", FOLLOW, str(tmp_path), "walls" if walls else "open", form]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    if walls:
        assert not ran.stdout.strip().isdigit()
        assert (atime(canary), listener.calls) == (before, 0)
    elif form == "concat":
        assert int(ran.stdout) > 10
    else:
        assert listener.calls


def test_the_canary_can_be_read_and_the_port_answers(tmp_path: Path, listener: Listener) -> None:
    canary = tmp_path / "canary"
    canary.write_bytes(b"x")
    os.utime(canary, ns=(1, canary.stat().st_mtime_ns))
    before = atime(canary)
    canary.read_bytes()
    if atime(canary) == before:
        pytest.skip("this file system notes no reading (noatime)")
    socket.create_connection(("127.0.0.1", listener.port)).close()
    for _ in range(1500):
        if listener.calls:
            break
        threading.Event().wait(0.02)
    assert listener.calls == 1
