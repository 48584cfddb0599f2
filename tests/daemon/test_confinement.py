"""What a render process may still do behind its walls, tried out in one."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from daemon import landlock, seccomp
from daemon.cage import Cage, cage_of
from daemon.confinement import Confinement
from daemon.settings import Settings
from daemon.walls import walls

needs_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
needs_seccomp = pytest.mark.skipif(not seccomp.known(), reason="no seccomp here")

PROBE = """
import ctypes, json, os, resource, signal, socket, subprocess, sys, tempfile
from pathlib import Path
from daemon.cage import Cage
from daemon.confinement import Confinement

jobs, place = Path(sys.argv[2]), Path(sys.argv[3])
confinement = Confinement(Cage.of(sys.argv[1]))
said = confinement.begin()
import numpy

def tried(work):
    try:
        return work() or "done"
    except OSError as error:
        return error.strerror

def call(family, kind):
    with socket.socket(family, kind) as near:
        near.connect(("127.0.0.1", 9))

def attempts():
    one, two = jobs / "one", jobs / "two"
    libc = ctypes.CDLL(None, use_errno=True)
    return {
        "read own": tried((one / "inputs" / "a.png").read_text),
        "read own other": tried((one / "inputs" / "b.png").read_text),
        "read link": tried((one / "inputs" / "link.png").read_text),
        "read other job": tried((two / "inputs" / "a.png").read_text),
        "read secret": tried((place / "secret").read_text),
        "list secret": tried(lambda: str(os.listdir(place))),
        "read shadow": tried(Path("/etc/shadow").read_text),
        "write own": tried(lambda: str((one / ".lipsyncd" / "1.mp4").write_text("x"))),
        "rename own": tried(lambda: str((one / ".lipsyncd" / "1.mp4").replace(one / ".lipsyncd" / "2.mp4"))),
        "write input": tried(lambda: str((one / "inputs" / "a.png").open("r+").close())),
        "write other job": tried(lambda: str((two / "x").write_text("x"))),
        "write elsewhere": tried(lambda: str((place / "x").write_text("x"))),
        "delete elsewhere": tried(lambda: (place / "secret").unlink()),
        "link": tried(lambda: (one / ".lipsyncd" / "l").symlink_to("/etc/shadow")),
        "tcp": tried(lambda: call(socket.AF_INET, socket.SOCK_STREAM)),
        "udp": tried(lambda: call(socket.AF_INET6, socket.SOCK_DGRAM)),
        "unix": tried(lambda: call(socket.AF_UNIX, socket.SOCK_STREAM)),
        "signal": tried(lambda: os.kill(os.getppid(), 0)),
        "ptrace": tried(lambda: str(libc.ptrace(16, os.getppid(), 0, 0))),
        "memory of others": tried(Path(f"/proc/{os.getppid()}/mem").open),
        "child reads secret": subprocess.run(["/bin/cat", place / "secret"], capture_output=True, text=True).stdout,
        "null": tried(lambda: str(Path("/dev/null").write_text("x"))),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
        "privileges": "NoNewPrivs:\\t1" in Path("/proc/self/status").read_text(),
    }

outside = attempts()
inside = confinement.within([jobs / "one" / "inputs" / "a.png", jobs / "one" / "inputs" / "link.png"],
    jobs / "one" / ".lipsyncd", attempts)
again = confinement.within([jobs / "two" / "inputs" / "a.png"], jobs / "two" / ".lipsyncd", attempts)
print(json.dumps([said, outside, inside, again]))
"""


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What was tried outside any take, in one take, and in the next one, and what came of it."""
    place = tmp_path_factory.mktemp("place")
    jobs = place / "root" / "working"
    for job in ("one", "two"):
        (jobs / job / "inputs").mkdir(parents=True)
        (jobs / job / ".lipsyncd").mkdir()
        (jobs / job / "inputs" / "a.png").write_text("A")
        (jobs / job / "inputs" / "b.png").write_text("B")
    (jobs / "one" / "inputs" / "link.png").symlink_to(place / "secret")
    (place / "secret").write_text("canary")
    cage = Cage(working=str(jobs), closed=(str(place),), readable=(str(place),), shut=True)
    command = [sys.executable, "-c", PROBE, cage.word(), str(jobs), str(place)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=place)
    assert ran.returncode == 0, ran.stderr
    assert (place / "secret").read_text() == "canary"
    answer: list[Any] = json.loads(ran.stdout)
    return answer


DENIED = "Permission denied"


@needs_landlock
@needs_seccomp
def test_what_stands_is_said(tried: list[Any]) -> None:
    assert tried[0] == f"confined: files (Landlock {landlock.version()}), network (seccomp)"


@needs_landlock
@pytest.mark.parametrize("take", [1, 2, 3])
def test_no_file_but_the_jobs_is_within_reach(tried: list[Any], take: int) -> None:
    found = tried[take]
    for what in (
        *("read link", "read secret", "list secret", "read shadow"),
        *("write elsewhere", "delete elsewhere", "link", "memory of others"),
    ):
        assert found[what] == DENIED, what
    assert found["child reads secret"] == ""
    assert found["null"] == "1"
    if landlock.version() >= 6:
        assert found["signal"] == "Operation not permitted"


@needs_landlock
def test_a_take_reaches_its_own_files_and_no_others(tried: list[Any]) -> None:
    _, outside, inside, again = tried
    assert (inside["read own"], inside["read own other"], inside["write own"]) == ("A", DENIED, "1")
    assert inside["rename own"] not in (DENIED, "")
    assert (inside["write input"], inside["write other job"], inside["read other job"]) == (DENIED, DENIED, DENIED)
    assert (outside["read own"], outside["read other job"]) == ("A", "A"), "the inner wall is the take's alone"
    assert (again["read own"], again["write own"], again["read other job"]) == (DENIED, DENIED, "A")


@needs_seccomp
@pytest.mark.parametrize("take", [1, 2, 3])
def test_no_socket_can_be_made(tried: list[Any], take: int) -> None:
    assert {tried[take][kind] for kind in ("tcp", "udp", "unix")} == {DENIED}
    assert tried[take]["ptrace"] == "-1"


def test_no_core_and_no_new_privileges(tried: list[Any]) -> None:
    assert tried[1]["core"] == 0
    assert tried[1]["privileges"] is True


LIMITS = """
import json, resource, sys
from pathlib import Path
from daemon.cage import Cage
from daemon.confinement import Confinement
confinement = Confinement(Cage(memory_bytes=200_000_000, output_bytes=1_000_000))
print(confinement.begin())
confinement.settle()
ballast = bytearray(50_000_000)
try:
    print(len(bytearray(400_000_000)))
except MemoryError:
    print("no memory")
try:
    Path(sys.argv[1]).write_bytes(bytes(2_000_000))
except OSError as error:
    print(error.strerror)
print(Path("/proc/self/oom_score_adj").read_text().strip())
"""


def test_memory_and_the_size_of_files_are_limited(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LIMITS, str(tmp_path / "x")], capture_output=True, text=True, timeout=240, check=False
    )
    said = ran.stdout.splitlines()
    assert said == ["not confined: render.confined is false", "no memory", "File too large", "500"], ran.stderr


def test_the_cage_is_what_the_settings_say(tmp_path: Path) -> None:
    font = tmp_path / "font.ttf"
    settings = Settings(
        paths={"root": tmp_path / "root", "state": tmp_path / "state"},
        limits={"memory_bytes": 5, "output_bytes": 7},
        render={"device": "cpu", "readable": [str(tmp_path / "weights")]},
        label={"font": str(font)},
    )
    cage = cage_of(settings)
    assert cage == Cage(
        working=str(tmp_path / "root" / "working"),
        closed=(str(tmp_path / "root"), str(tmp_path / "state")),
        readable=(str(font), str(tmp_path / "state" / "weights"), str(tmp_path / "weights")),
        memory_bytes=5,
        output_bytes=7,
        gpu=False,
        shut=True,
    )
    assert Cage.of(cage.word()) == cage


def test_a_lower_limit_of_before_stays(tmp_path: Path) -> None:
    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    script = "import sys; from daemon.cage import Cage; from daemon.confinement import Confinement;" + (
        "Confinement(Cage(output_bytes=10**9)).begin();"
        "import resource; print(resource.getrlimit(resource.RLIMIT_FSIZE))"
    )
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, preexec_fn=lower, check=False)
    assert ran.stdout.strip() == "(1000, 1000)", ran.stderr


def told(settings: Settings) -> dict[str, tuple[str, str]]:
    return {check.name: (check.state, check.found) for check in walls(settings)}


def test_doctor_says_what_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paths = {"root": tmp_path, "state": tmp_path / "state"}
    monkeypatch.setattr(landlock, "version", lambda: 5)
    monkeypatch.setattr(seccomp, "known", lambda: True)
    said = told(Settings(paths=paths))
    assert said["renderer confined"] == ("ok", "files (Landlock 5), network (seccomp), no new privileges")
    assert said["renderer limits"] == ("ok", "memory 8.6 GB, largest output 17.2 GB")
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert told(Settings(paths=paths))["renderer confined"] == ("warn", "only network (seccomp), no new privileges")
    off = Settings(paths=paths, render={"confined": False}, limits={"memory_bytes": 0})
    assert told(off) == {"renderer confined": ("warn", "switched off")}
    loose = Settings(paths=paths, limits={"memory_bytes": 0})
    assert told(loose)["renderer limits"] == ("warn", "none for memory")


def test_an_old_kernel_still_renders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(seccomp, "known", lambda: False)
    confinement = Confinement(Cage(working=str(tmp_path), shut=True))
    monkeypatch.setattr("daemon.confinement._lower", lambda *_: None)
    monkeypatch.setattr(Path, "write_text", lambda *_args, **_more: 0)
    assert confinement.begin() == ("confined: files open (this kernel has no Landlock), network open (no seccomp here)")
    assert confinement.within([], tmp_path, lambda: 7) == 7
