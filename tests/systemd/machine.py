"""A machine within this one: a real systemd as first process of its own namespaces. Nothing outside is changed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = HERE.parents[1]
SYSTEMD = Path("/lib/systemd/systemd")
UNIT = "lipsyncd.service"


def lacking() -> str:
    """Say what this machine lacks to boot another within; "" where it lacks nothing."""
    if os.geteuid() != 0:
        return "only root can make namespaces with a systemd in them"
    if not SYSTEMD.exists():
        return "systemd is not installed"
    if _groups() is None:
        return "control groups (v2) cannot be made here"
    tools = ("unshare", "nsenter", "setpriv", "journalctl", "useradd", "pgrep")
    absent = [tool for tool in tools if shutil.which(tool) is None]
    return f"{absent[0]} is not installed" if absent else ""


def _groups() -> Path | None:
    """Give where control groups of the second version are mounted and can be made."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, point, kind, options, *_ = line.split(" ")
        if kind == "cgroup2" and "rw" in options.split(","):
            trial = Path(point) / f"lipsyncd-trial-{os.getpid()}"
            with contextlib.suppress(OSError):
                trial.mkdir()
                trial.rmdir()
                return Path(point)
    return None


@dataclass(frozen=True)
class Machine:
    """One that has booted.

    Attributes:
        pid: Its first process, seen from here.
        share: A folder that both sides see; it is /mnt/share in there.
    """

    pid: int
    share: Path

    def run(self, *words: str, seconds: float = 180, check: bool = True) -> str:
        """Run a program in there and give what it prints."""
        ran = self.attempt(*words, seconds=seconds)
        assert ran.returncode == 0 or not check, f"{words}: {ran.stdout}{ran.stderr}\n{self.log()}"
        return ran.stdout

    def attempt(self, *words: str, seconds: float = 180) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/opt/lipsyncd/.venv/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            ["nsenter", "-a", "-t", str(self.pid), "--wd=/", "--", *words],
            capture_output=True, text=True, timeout=seconds, env=environment, check=False,
        )  # fmt: skip

    def sh(self, script: str, seconds: float = 180) -> str:
        return self.run("sh", "-euc", script, seconds=seconds)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file in there, as root."""
        beside = self.share / "beside"
        beside.write_text(text, encoding="utf-8")
        self.run("install", "-D", "-m", f"{mode:o}", "/mnt/share/beside", path)

    def shown(self, name: str) -> str:
        return self.run("systemctl", "show", "-P", name, UNIT).strip()

    @property
    def main(self) -> int:
        """The daemon's process id, seen from in there."""
        return int(self.shown("MainPID"))

    def children(self) -> list[int]:
        """The processes that the daemon has started, seen from in there."""
        return [int(word) for word in self.run("pgrep", "-P", str(self.main), check=False).split()]

    def within(self, pid: int, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script where a process of the service is: same files, same user; not behind its filters."""
        return self.attempt("nsenter", "-m", "-U", "-t", str(pid), "--preserve-credentials", "sh", "-c", script)

    def status(self, pid: int) -> dict[str, str]:
        """What the kernel says about a process in there."""
        lines = self.run("cat", f"/proc/{pid}/status").splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def journal(self) -> list[dict[str, Any]]:
        """Every entry of the service's journal, also of what was said just now."""
        self.attempt("journalctl", "--sync")
        text = self.run("journalctl", "-u", UNIT, "-o", "json", "--no-pager", "--all")
        return [json.loads(line) for line in text.splitlines()]

    def log(self) -> str:
        return self.attempt("journalctl", "-u", UNIT, "--no-pager", "-n", "60").stdout

    def wait(self, until: Callable[[], object], seconds: float = 180) -> None:
        """Wait until something is so, or fail with the end of the journal."""
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, f"waited {seconds} s in vain\n{self.log()}"
            time.sleep(0.1)

    def exists(self, path: str) -> bool:
        return self.attempt("test", "-e", path).returncode == 0


@contextlib.contextmanager
def booted(share: Path) -> Iterator[Machine]:
    """A machine that runs as long as this context; then all its processes are killed at once."""
    groups = _groups()
    assert groups is not None
    for left in groups.glob("lipsyncd-test-*"):  # of tests that were killed
        if not Path("/proc", left.name.rpartition("-")[2]).exists():
            _remove(left)
    group = groups / f"lipsyncd-test-{os.getpid()}"
    group.mkdir()
    words = [
        "unshare",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount",
        "--mount-proc",
        "--cgroup",
        "--uts",
        "--ipc",
        "--net",
    ]
    places = [HERE / "boot.sh", share, SOURCE, sysconfig.get_paths()["purelib"], sys.base_prefix]
    enter = f'echo $$ > {group}/cgroup.procs; exec "$@"'
    with (share / "boot.log").open("wb") as log:
        outer = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "sh", "-c", enter, "sh", *words, "bash", *map(str, places)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        machine = Machine(_first(outer), share)
        _await(machine, outer)
        yield machine
    finally:
        for child in _children(outer.pid):
            os.kill(child, signal.SIGKILL)
        outer.kill()
        outer.wait()
        _empty(group)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return []


def _first(outer: subprocess.Popen[bytes]) -> int:
    """Wait for the first process in there."""
    end = time.monotonic() + 60
    while time.monotonic() < end and outer.poll() is None:
        named = Path(f"/proc/{outer.pid}/comm").read_text(encoding="utf-8").strip()
        if named == "unshare" and (children := _children(outer.pid)):
            return children[0]
        time.sleep(0.05)
    raise AssertionError("no namespaces")


def _await(machine: Machine, outer: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 180
    state = ""
    while time.monotonic() < end and outer.poll() is None:
        state = machine.attempt("systemctl", "is-system-running").stdout.strip()
        if state in ("running", "degraded"):
            return
        time.sleep(0.2)
    raise AssertionError(f"systemd is {state!r}\n{(machine.share / 'boot.log').read_text(errors='replace')}")


def _empty(group: Path) -> None:
    """Remove control groups, deepest first, once the last process has left them."""
    end = time.monotonic() + 60
    while group.exists() and time.monotonic() < end:
        _remove(group)
        time.sleep(0.1)


def _remove(group: Path) -> None:
    """Remove what is empty of a control group."""
    for folder, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
