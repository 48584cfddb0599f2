"""Waiting: the jobs that wait for somebody to approve them; read from their folders, and only where those changed."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

from daemon.errors import JournalError
from daemon.job import Job, State
from daemon.journal import FILE_NAME, Filed, Journal, folders
from daemon.work import APPROVE, CANCEL

_FRESH = 1.0
"""Seconds for which a count holds."""


class Waiting:
    """Knows which jobs in working/ wait for approval."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[tuple[int, int, int], Filed | None]] = {}
        self._count = 0
        self._counted = float("-inf")

    def jobs(self) -> list[Filed]:
        """Give them, who waits longest first; those about which somebody has decided just now are none of them."""
        with self._lock:
            found: dict[Path, tuple[tuple[int, int, int], Filed | None]] = {}
            for home in folders(self._journal.working):
                stamp = _stamp(home / FILE_NAME)
                known = self._known.get(home)
                found[home] = known if known and stamp and known[0] == stamp else (stamp, self._look(home))
            self._known = found
            jobs = [filed for _, filed in found.values() if filed and not decided(filed.home)]
            self._count, self._counted = len(jobs), time.monotonic()
        return sorted(jobs, key=lambda filed: filed.job.created)

    def count(self) -> int:
        """Say how many there are; in the event loop, where no disk may be waited for, how many there were last."""
        if time.monotonic() - self._counted > _FRESH and not _in_loop():
            try:
                self.jobs()
            except OSError:
                return self._count
        return self._count

    def _look(self, home: Path) -> Filed | None:
        try:
            job = self._journal.load(home)
        except JournalError:
            return None
        return Filed(job, home, self._journal.working.name) if unapproved(job) else None


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = os.lstat(path)
    except OSError:
        return (0, 0, 0)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def unapproved(job: Job) -> bool:
    """Say whether a job waits for approval, as far as its job.json knows."""
    return job.state is State.REVIEW and not job.approved


def decided(home: Path) -> bool:
    """Say whether somebody has approved a job or given it up, and the daemon has not seen it yet."""
    return any(os.path.lexists(home / name) for name in (APPROVE, CANCEL))
