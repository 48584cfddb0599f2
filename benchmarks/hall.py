"""A root with a config file, small drops, and real daemons with the null engine on it, for benchmarks of long life."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

CONFIG = """
[paths]
root = "{root}"
state = "{state}"
[inbox]
settle = 0.2
interval = 1
[limits]
free_bytes = 0
[render]
engine = "null"
device = "cpu"
[credentials]
sign = {sign}
[publish]
to = ["folder"]
[publish.folder]
path = "{kept}"
[metrics]
listen = "127.0.0.1:0"
"""


class Hall:
    """A root with a config file, and real daemons on it."""

    def __init__(self, place: Path, *, sign: bool = False) -> None:
        self.place = place
        self.root = place / "root"
        self.log = place / "log"
        place.mkdir(parents=True, exist_ok=True)
        for name in ("root/inbox", "root/working", "root/done", "root/failed", "kept"):
            (place / name).mkdir(parents=True, exist_ok=True)
        self.config = place / "config.toml"
        folders = {"root": self.root, "state": place / "state", "kept": place / "kept"}
        self.config.write_text(CONFIG.format(**folders, sign=str(sign).lower()), encoding="utf-8")
        self._made = 0
        _material(place)

    def command(self, *words: str) -> list[str]:
        """Give a command of lipsyncd on this root."""
        return [sys.executable, "-m", "daemon", *words, "--config", str(self.config)]

    def drop(self, name: str = "") -> str:
        """Put a folder together elsewhere and move it in; each speech is another one."""
        self._made += 1
        name = name or f"job {self._made:05}"
        upload = self.place / "upload"
        upload.mkdir()
        shutil.copyfile(self.place / "face.jpg", upload / "face.jpg")
        _sound(upload / "words.wav", self._made)
        upload.rename(self.root / "inbox" / name)
        return name

    def count(self, place: str) -> int:
        """Count what is in a place."""
        with os.scandir(self.root / place) as entries:
            return sum(1 for _ in entries)

    @property
    def over(self) -> int:
        """How many jobs have come to their end."""
        return self.count("done") + self.count("failed")

    @contextmanager
    def watching(self) -> Iterator[subprocess.Popen[bytes]]:
        """A daemon that is ready."""
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            daemon = subprocess.Popen(self.command("watch"), stdout=log, stderr=log, cwd=self.place)
        try:
            self.wait(lambda: '"event": "ready"' in self._said(before), daemon, 0.005)
            yield daemon
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(20)

    def wait(
        self, until: Callable[[], bool], daemon: subprocess.Popen[bytes], nap: float = 0.02, seconds: float = 120
    ) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end or daemon.poll() is not None:
                raise RuntimeError(f"waited in vain, daemon {daemon.poll()}: {self._said(0)[-2000:]}")
            time.sleep(nap)

    def shown(self) -> str:
        """What the daemon shows to Prometheus."""
        address = re.findall(r'"event": "metrics are shown".*"address": "([^"]+)"', self._said(0))[-1]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
            return str(answer.read().decode())

    def _said(self, start: int) -> str:
        with self.log.open("rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")


def _material(place: Path) -> None:
    ramp = np.linspace(0, 255, 128, dtype=np.uint8)
    picture = np.stack([*np.meshgrid(ramp, ramp), np.full((128, 128), 90, np.uint8)], -1)
    Image.fromarray(picture).save(place / "face.jpg")


def _sound(path: Path, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(-3000, 3000, 4800).astype("<i2")
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(noise.tobytes())
