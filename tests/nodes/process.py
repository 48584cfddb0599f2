"""One node as a process group of its own: started, waited for, paused, stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.nodes.cache import ENVIRONMENT

START = 90.0
"""Seconds that a node is given to answer; it takes 5 to 8 on an idle machine."""


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def call(url: str, data: bytes | None = None, method: str | None = None, seconds: float = 30) -> bytes:
    """Ask a node and give the body of its answer.

    Raises:
        OSError: It did not answer, or with an error (`urllib.error.HTTPError`).
    """
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=seconds) as answer:
        return bytes(answer.read())


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What a node's process sees."""
    return ENVIRONMENT | {"NODE_NO_WARNINGS": "1"} | dict(extra)


def preloading(*names: str) -> dict[str, str]:
    """The setting that has Node.js run modules of this folder first, and end when we do."""
    files = [Path(__file__).with_name(name) for name in ("preload_orphan.cjs", *names)]
    return {"NODE_OPTIONS": " ".join(f'--require="{file}"' for file in files)}


class Process:
    """A command that may be started several times; whatever it starts dies with it."""

    def __init__(self, command: Sequence[str], folder: Path, extra: Mapping[str, str], log: Path) -> None:
        self._command, self._folder, self._extra, self._log = command, folder, extra, log
        self._running: subprocess.Popen[bytes] | None = None

    def start(self, ready: str, method: str = "GET") -> None:
        """Start it, and wait until an address answers 200.

        Raises:
            RuntimeError: It ended, or did not answer in time; its last words are in the message.
        """
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command, cwd=self._folder, env=environment(self._extra), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + START
        while True:
            try:
                call(ready, method=method, seconds=5)
            except (OSError, urllib.error.URLError):
                if self._running.poll() is not None or time.monotonic() > end:
                    break
                time.sleep(0.1)
            else:
                return
        self.kill()
        said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{self._command} did not answer at {ready}: {said}")

    @property
    def running(self) -> bool:
        """Whether it runs (or is paused)."""
        return self._running is not None and self._running.poll() is None

    def pause(self) -> None:
        """Make it hang: it accepts connections and never answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self, seconds: float = 10) -> None:
        """Ask it to end, and see that it does."""
        if self.running and self._running:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._running.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._running:
            self._signal(signal.SIGKILL)
            self._running.wait()
            self._running = None

    def _signal(self, number: signal.Signals) -> None:
        if not self._running:
            raise RuntimeError(f"{self._command[0]} is not running")
        try:
            os.killpg(self._running.pid, number)
        except ProcessLookupError:
            return
