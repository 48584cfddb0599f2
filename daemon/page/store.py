"""Store: a small database that is derived from elsewhere: torn, old or lost it is made anew, and never missed.

Where the disk does not take it (full, read-only), it is kept in memory for a while: the page must not fail when it is
needed most.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import RLock
from typing import TypeVar

_AGAIN = 60.0
"""Seconds after which the disk is tried again."""
_PATIENCE = 10.0
"""Seconds that another process may take with it."""
_NUMBERS = itertools.count(1)
T = TypeVar("T")


class Store:
    """The database; may be used from several threads."""

    def __init__(self, path: Path, schema: str, version: int) -> None:
        """Open nothing yet.

        Args:
            path: Its file.
            schema: SQL that makes an empty one.
            version: Of the schema, not 0; a file of another version is made anew.
        """
        self.path = path
        self._schema = f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {version}; COMMIT;"
        self._version = version
        self._lock = RLock()
        self._memory: sqlite3.Connection | None = None
        self._number = 0
        self._until = 0.0

    @property
    def identity(self) -> tuple[int, int]:
        """What changes when it is made anew."""
        with self._lock:
            if self._memory is not None and time.monotonic() < self._until:
                return 0, self._number
        try:
            return self.path.stat().st_ino, 0
        except OSError:
            return 0, 0

    def do(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """Do something with the database."""
        with self._lock:
            if self._memory is not None:
                if time.monotonic() < self._until:
                    return act(self._memory)
                self._memory.close()
                self._memory = None
            try:
                return self._on_disk(act)
            except (sqlite3.OperationalError, OSError):
                return act(self._in_memory())

    def _on_disk(self, act: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._opened() as base:
                return act(base)
        except sqlite3.DatabaseError as error:
            if not _torn(error):
                raise
            self._discard()
        with self._opened() as base:
            return act(base)

    def _in_memory(self) -> sqlite3.Connection:
        self._number, self._until = next(_NUMBERS), time.monotonic() + _AGAIN
        self._memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._memory.executescript(self._schema)
        return self._memory

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        base = self._connected()
        try:
            if base.execute("PRAGMA user_version").fetchone()[0] != self._version:
                base.close()
                self._discard()
                base = self._connected()
                base.execute("PRAGMA journal_mode = WAL")
                base.executescript(self._schema)
            yield base
        finally:
            base.close()

    def _connected(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
        base.execute("PRAGMA synchronous = OFF")  # what a power cut tears is made anew
        return base

    def _discard(self) -> None:
        for tail in ("", "-wal", "-shm", "-journal"):
            self.path.with_name(self.path.name + tail).unlink(missing_ok=True)


def _torn(error: sqlite3.DatabaseError) -> bool:
    """Say whether an error means that the file is not ours any more; a disk that is full is another matter."""
    return type(error) is sqlite3.DatabaseError or "no such table" in str(error) or "no such column" in str(error)
