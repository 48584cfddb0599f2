"""Whereabouts: in which folder a job is, by its id; quick the second time, and never trusted without a look."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from daemon.errors import JournalError
from daemon.journal import Filed, Journal, folders


class Whereabouts:
    """Remembers where jobs were seen; threads may share it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._homes: dict[str, Path] = {}
        self._seen: dict[Path, tuple[int, int]] = {}

    def find(self, identity: str, hints: Iterable[Path] = ()) -> Filed | None:
        """Give a job by its id; None where there is none.

        Args:
            identity: The id.
            hints: Folders, from a listing, in which it may be: with thousands of jobs a search takes its time.
        """
        with self._lock:
            known = self._homes.get(identity)
            for home in (*([known] if known else []), *hints):
                if filed := self._look(home, identity):
                    return filed
            return self._search(identity)

    def _look(self, home: Path, identity: str) -> Filed | None:
        """Read a job's papers, if it is still the one."""
        if home.is_symlink():
            return None
        try:
            job = self._journal.load(home)
        except JournalError:
            return None
        return Filed(job, home, home.parent.name) if job.id == identity else None

    def _search(self, identity: str) -> Filed | None:
        """Look at all folders that are new, or have changed, since the last search."""
        found = None
        homes: dict[str, Path] = {}
        seen: dict[Path, tuple[int, int]] = {}
        known = {home: name for name, home in self._homes.items()}
        for place in Journal.PLACES:
            for home in folders(self._journal.root / place):
                stamp = _stamp(home)
                seen[home] = stamp
                if self._seen.get(home) == stamp and home in known and known[home] != identity:
                    homes[known[home]] = home
                    continue
                try:
                    job = self._journal.load(home)
                except JournalError:
                    continue
                homes[job.id] = home
                if job.id == identity:
                    found = Filed(job, home, place)
        self._homes, self._seen = homes, seen
        return found


def _stamp(home: Path) -> tuple[int, int]:
    try:
        status = home.stat()
    except OSError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns
