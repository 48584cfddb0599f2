"""Speed of renders while somebody has the page open on them, beside the same renders without a page.

Two daemons with everything as it is delivered, one of them with the page: each has made a video before, and then both
make the same ones in turns. A browser's part is played by a thread: it listens to the events and fetches what the
script of Now fetches, the preview and the board.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import material
from benchmarks.figures import record, table
from daemon.vitals import vitals
from tests.e2e.house import House

PAIRS = 7
SECONDS = 10
LEAST = 0.97
"""Of the speed without a page."""
PICTURE_EVERY, BOARD_EVERY = 1.5, 2.0
"""Seconds, as in now.js."""
_LINK = re.compile(r'data-take="([^"]+)"[\s\S]*?data-preview="([^"]+)"')
PAGE = '[page]\nlisten = "127.0.0.1:0"\n'


@dataclass(frozen=True)
class Cost:
    """What one video took: seconds from its beginning to its end, and processor seconds of who drew it."""

    wall: float
    cpu: float


class Desk:
    """A daemon that renders what it is given, one at a time."""

    def __init__(self, house: House, clip: Path, speech: Path) -> None:
        self.house = house
        self._clip = clip
        self._speech = speech

    def render(self, number: int) -> Cost:
        """Have a video made; each number is another speech, so that nothing is taken from before."""
        before, name = self._cpu(), f"job {number}"
        beside = self.house.place / name
        beside.mkdir()
        shutil.copyfile(self._clip, beside / "face.mp4")
        samples, rate = soundfile.read(self._speech, dtype="float32")
        soundfile.write(beside / "speech.wav", np.roll(samples, 500 * number), rate)
        beside.rename(self.house.root / "inbox" / name)
        self.house.wait(lambda: (self.house.root / "done" / name / "manifest.json").exists(), 300)
        begun, ended = (self._last(event) for event in ("take started", "take finished"))
        return Cost((ended - begun).total_seconds(), self._cpu() - before)

    def _last(self, event: str) -> datetime:
        return max(datetime.fromisoformat(line["timestamp"]) for line in self.house.log() if line["event"] == event)

    def _cpu(self) -> float:
        """Processor seconds of all that has rendered here."""
        if not (self.house.place / "daemon.log").exists():
            return 0.0
        found = [vitals(int(line["pid"])) for line in self.house.log() if line["event"] == "renderer started"]
        return sum(one.cpu for one in found if one)


class Visitor:
    """A browser that shows Now."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._over = threading.Event()
        self.events = self.pictures = self.boards = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch meanwhile."""
        self._over.clear()
        thread = threading.Thread(target=self._watch, name="visitor")
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(60)

    def _watch(self) -> None:
        line = http.client.HTTPConnection(self._address, timeout=60)
        line.request("GET", "/events", headers={"Accept": "text/event-stream"})
        answer = line.getresponse()
        board, seen = "", dict[str, str]()
        links, drawn, fetched = dict[str, str](), 0.0, 0.0
        while not self._over.is_set() and (text := answer.readline()):
            if not text.startswith(b"data: "):
                continue
            self.events += 1
            news = json.loads(text[6:])
            now = time.monotonic()
            if news["board"] != board and now - drawn > BOARD_EVERY:
                board, drawn = news["board"], now
                links = dict(
                    re.findall(r'data-take="([^"]+)"[\s\S]*?data-preview="([^"]+)"', self._get("/now").decode())
                )
                self.boards += 1
            for name, take in news.get("takes", {}).items():
                version = str(take["preview"])
                if name in links and version != seen.get(name) and now - fetched > PICTURE_EVERY:
                    seen[name], fetched = version, now
                    self._get(f"{links[name]}?v={version}")
                    self.pictures += 1
        line.close()

    def _get(self, path: str) -> bytes:
        line = http.client.HTTPConnection(self._address, timeout=60)
        try:
            line.request("GET", path)
            return line.getresponse().read()
        finally:
            line.close()


def measured(folder: Path, pairs: int = PAIRS, seconds: float = SECONDS) -> tuple[list[tuple[Cost, Cost]], Visitor]:
    """Render in turns, without and with the page."""
    clip, speech = material.clip(folder / "clip.mp4", seconds), material.speech(folder / "speech.wav", seconds)
    found = []
    with ExitStack() as end:
        shut, shown = (House(folder / name, more=more) for name, more in (("shut", ""), ("shown", PAGE)))
        for house in (shut, shown):
            end.enter_context(house.watching())
        plain, seen = Desk(shut, clip, speech), Desk(shown, clip, speech)
        shown.wait(lambda: any(line["event"] == "the page is shown" for line in shown.log()))
        visitor = Visitor(next(line["address"] for line in shown.log() if line["event"] == "the page is shown"))
        plain.render(0), seen.render(0)
        for number in range(1, pairs + 1):
            for desk in (plain, seen) if number % 2 else (seen, plain):
                if desk is plain:
                    without = desk.render(number)
                else:
                    with visitor.watching():
                        beside = desk.render(number)
            found.append((without, beside))
            print(number, without, beside, flush=True)
    return found, visitor


def main() -> None:
    """Measure and record."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        found, visitor = measured(Path(name))
    rows, ratios = [], []
    for what, kind in (("from its beginning to its end", "wall"), ("processor time of the render process", "cpu")):
        pairs = [(getattr(one, kind), getattr(other, kind)) for one, other in found]
        ratios.append(statistics.median(one / other for one, other in pairs))
        middle = [f"{statistics.median(column):.2f} s" for column in zip(*pairs, strict=True)]
        spread = f"{min(a / b for a, b in pairs):.3f}–{max(a / b for a, b in pairs):.3f}"
        rows.append([what, *middle, f"{ratios[-1]:.3f}", spread])
    head = [f"{SECONDS} s of 1280×720, reshape", "without a page", "page open", "speed, median of pairs", "spread"]
    note = (
        f"{len(found)} pairs in turns, by daemons that are warm, at a load of {load:.1f} before. On the page one "
        f"visitor at Now: {visitor.events} events, {visitor.pictures} previews and {visitor.boards} boards fetched in "
        f"all, on the same machine. Asked: {LEAST} at least."
    )
    record("watched", "Renders while somebody watches them on the page", f"{table(head, rows)}\n\n{note}")
    if min(ratios) < LEAST:
        sys.exit(f"slower than {LEAST} of the speed without a page")


if __name__ == "__main__":
    main()
