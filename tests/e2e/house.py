"""A house to test in: a root with its folders, a configuration, and the real command in a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av


@dataclass(frozen=True)
class House:
    """One root, one state directory, one config file.

    Attributes:
        more: Further text of the config file.
        state: The state directory, if it is not one of its own.
        settle: Seconds for which a drop must not change before it is taken.
    """

    place: Path
    engine: str = "reshape"
    more: str = ""
    state: Path | None = None
    settle: float = 0.4

    @property
    def root(self) -> Path:
        return self.place / "root"

    def __post_init__(self) -> None:
        for name in ("inbox", "working", "done", "failed"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f'[paths]\nroot = "{self.root}"\nstate = "{self.state or self.place / "state"}"\n'
            f"[inbox]\nsettle = {self.settle}\ninterval = 0.3\n"
            f'[render]\nengine = "{self.engine}"\ndevice = "cpu"\n{self.more}',
            encoding="utf-8",
        )

    @property
    def config(self) -> Path:
        return self.place / "config.toml"

    def command(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-m", "daemon", *map(str, words), "--config", str(self.config)]

    def run(self, *words: str | Path, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Run one command of lipsyncd to its end."""
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=seconds, cwd=self.place, check=False
        )

    def json(self, *words: str | Path) -> Any:
        """Run a command with --json and give the one document it prints."""
        return json.loads(self.run(*words, "--json").stdout)

    @contextmanager
    def watching(self) -> Iterator[subprocess.Popen[bytes]]:
        """A running daemon; its log is beside the config. Killed at the end if it still runs."""
        with (self.place / "daemon.log").open("ab") as log:
            daemon = subprocess.Popen(self.command("watch"), stdout=log, stderr=log, cwd=self.place)
        try:
            yield daemon
        finally:
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGKILL)
            daemon.wait()

    def wait(self, until: Callable[[], bool], seconds: float = 180) -> None:
        """Wait until something is true, or fail with the end of the daemon's log.

        A file that is not there yet, or was just moved on with its job, means: not yet.
        """
        end, missing = time.monotonic() + seconds, ""
        while True:
            try:
                if until():
                    return
            except FileNotFoundError as error:
                missing = str(error)
            if time.monotonic() > end:
                log = self.place / "daemon.log"
                tail = log.read_text(encoding="utf-8", errors="replace")[-3000:] if log.exists() else "(no log)"
                raise AssertionError(f"waited {seconds} s in vain; {missing} {sorted(map(str, self.tree()))}\n{tail}")
            time.sleep(0.05)

    def tree(self) -> list[Path]:
        """Everything under the root, relative to it."""
        return [Path(folder, name).relative_to(self.root) for folder, _, names in os.walk(self.root) for name in names]

    def log(self) -> list[dict[str, Any]]:
        """The daemon's JSON log lines so far."""
        lines = (self.place / "daemon.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def descendants(pid: int) -> list[int]:
    """What a process has started, in whichever of its threads, and what that has started; who ends meanwhile is out."""
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += [int(child) for child in (thread / "children").read_text(encoding="ascii").split()]
    return found + [one for child in found for one in descendants(child)]


def command(pid: int) -> bytes:
    """The command line of a process; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def packets(path: Path) -> list[tuple[str, int | None, bytes]]:
    """Everything that is seen and heard, as it lies in the file: signatures differ each time, this does not."""
    with av.open(str(path)) as container:
        return [(packet.stream.type, packet.pts, bytes(packet)) for packet in container.demux() if packet.size]
