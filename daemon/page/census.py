"""Census: keeps the index in step with the folders under the root.

What came and went is seen at every look, from the names alone; what changed within a folder that was known, from
times and sizes, some seconds later and by a thread of its own. The first look of all reads every job.json: it goes on
behind the page's back, which shows what is known so far.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from daemon.journal import Journal
from daemon.page.card import Card, card_of, paper_of
from daemon.page.index import Index, Stamped

_BATCH = 100
"""Folders that are written to the index at once."""
_AT_ONCE = 40
"""Folders that are read before the page is shown; more are read behind its back."""
_PATIENCE = 1.0
"""Seconds that this may take: a job.json may be as large as somebody has made it."""
_EVERY = 30.0
"""Seconds between two looks into every folder, while somebody looks at the page."""
_QUIET = 2.0
"""Seconds after a change from which on the time of a folder tells of the next one: clocks of disks are coarse."""


@dataclass(frozen=True)
class Coverage:
    """How far the index is: folders that are there, and those of them that are still to be read."""

    folders: int
    left: int


class Census:
    """Compares the folders of three places with the index."""

    def __init__(self, root: Path, index: Index) -> None:
        self.index = index
        self._places = {place: root / place for place in Journal.PLACES}
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._looked = float("-inf")
        self._seen: dict[str, tuple[object, int]] = {}

    def look(self, *, whole: bool = False) -> Coverage:
        """Bring the index up to date, as far as that is quick; the rest is done by a thread.

        Args:
            whole: Look into every folder now, and return when all of it is done.
        """
        if whole:
            self._work()
            return Coverage(sum(len(_folders(path)) for path in self._places.values()), 0)
        coverage = self.glance()
        if coverage.left or time.monotonic() - self._looked > _EVERY:
            self._start()
        return coverage

    def glance(self) -> Coverage:
        """See what came and went, as far as that is quick, and no more."""
        folders, left, until = 0, 0, time.monotonic() + _PATIENCE
        for place, path in self._places.items():
            found, unread = self._glance(place, path, until)
            folders, left = folders + found, left + unread
        return Coverage(folders, left)

    def _glance(self, place: str, path: Path, until: float) -> tuple[int, int]:
        """See what came to a place and went from it, and give how many folders there are, and are not yet read."""
        sign = self._sign(path)
        if place != "working" and sign is not None and self._seen.get(place, (None, 0))[0] == sign:
            return self._seen[place][1], 0
        names = _folders(path)
        known = self.index.known(place)
        fresh = [name for name in names if name not in known]
        moving = list(known.keys() & names) if place == "working" else []
        left = len(fresh[_AT_ONCE:])
        left += self._read(place, path, [*moving, *fresh[:_AT_ONCE]], known, known.keys() - names, until)[1]
        self._seen[place] = (None if left else sign, len(names))
        return len(names), left

    def _sign(self, path: Path) -> object:
        """Give what is the same as long as nothing comes or goes; None where that cannot be told just now."""
        with contextlib.suppress(OSError):
            found = path.stat()
            if time.time() - found.st_mtime > _QUIET:
                return found.st_dev, found.st_ino, found.st_mtime_ns, self.index.identity
        return None

    def confirm(self, cards: Iterable[Card]) -> bool:
        """Look into the folders of these cards again, as far as that is quick, and say whether any has changed."""
        changed, until = False, time.monotonic() + _PATIENCE
        for place, path in self._places.items():
            names = [card.folder for card in cards if card.place == place]
            changed |= bool(names) and self._read(place, path, names, self.index.known(place, names), (), until)[0]
        return changed

    def _start(self) -> None:
        with contextlib.suppress(RuntimeError):  # no more threads: the next look tries again
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="census", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        """Look into every folder; what the disk or the database refuses is tried again at the next look."""
        with self._turn, contextlib.suppress(OSError):
            for place, path in self._places.items():
                known, names = self.index.known(place), _folders(path)
                self.index.put(place, {}, known.keys() - names)
                for start in range(0, len(names), _BATCH):
                    self._read(place, path, names[start : start + _BATCH], known)
            self._looked = time.monotonic()

    def _read(
        self,
        place: str,
        path: Path,
        names: list[str],
        known: dict[str, str],
        gone: Iterable[str] = (),
        until: float = math.inf,
    ) -> tuple[bool, int]:
        """Read those of these folders that are not as they are known, at least one of them.

        Returns:
            Whether there were any, and how many were left when the time was over.
        """
        found: dict[str, Stamped] = {}
        gone, left = set(gone), len(names)
        for name in names:
            stamp = _stamp(path / name)
            if not stamp:
                gone.add(name)
            elif known.get(name) != stamp:
                if found and time.monotonic() > until:
                    break
                found[name] = (stamp, card_of(path / name))
            left -= 1
        if found or gone:
            self.index.put(place, found, gone)
        return bool(found or gone), left


def _folders(place: Path) -> list[str]:
    try:
        with os.scandir(place) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _stamp(home: Path) -> str:
    """Give what changes when a job's folder or its job.json does; "" where it is gone."""
    try:
        folder = os.lstat(home)
    except OSError:
        return ""
    said = f"{folder.st_ino} {folder.st_mtime_ns}"
    with contextlib.suppress(OSError):
        paper = os.lstat(paper_of(home))
        said += f" {paper.st_ino} {paper.st_mtime_ns} {paper.st_size}"
    return said
