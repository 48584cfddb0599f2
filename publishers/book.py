"""The file of the ledger: SQLite, whole or an error, and on the disk when a change returns.

``synchronous=FULL`` with a journal that is truncated: with a journal that is deleted, FULL may lose the last change in
a power cut; WAL would not work at all on a network share. A share must have working locks all the same: the state
directory belongs on a local disk.

A ledger that is damaged is an error and never replaced: an empty one would pay for everything again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from publishers import disk
from publishers.errors import PublisherError, Unreachable

NAME = "ledger.sqlite"
BUSY = 10.0
"""Seconds to wait for another process that is writing."""
_WAIT = 10.0
"""Seconds until a disk that refuses is asked again."""
_OF_THE_DISK = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
    }
)

_MIGRATIONS = (
    """
    CREATE TABLE record (
        place TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL,
        address TEXT NOT NULL, state TEXT NOT NULL, parcel TEXT NOT NULL, owner TEXT NOT NULL, winston TEXT NOT NULL,
        anchor TEXT NOT NULL, height INTEGER NOT NULL, block INTEGER NOT NULL, chunk INTEGER NOT NULL,
        gateway TEXT NOT NULL, header BLOB NOT NULL, created REAL NOT NULL, updated REAL NOT NULL,
        PRIMARY KEY (place, key, number)
    );
    CREATE INDEX record_parcel ON record (place, parcel);
    CREATE TABLE memory (name TEXT PRIMARY KEY, value TEXT NOT NULL, seen REAL NOT NULL);
    """,
)
"""Each brings the schema from the version that is its index to the next; only ever appended to."""


class Book:
    """Connections to the file, each for one short use: from any thread, and by several processes at once."""

    def __init__(self, state: Path) -> None:
        """Name the directory; the file is made with the first thing written."""
        self._state = state
        self._path = state / NAME
        self._sound = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Give a connection, or None where there is no ledger yet: looking makes none."""
        with self._faults():
            if not self._exists():
                yield None
                return
            with closing(self._connect(self._path)) as base:
                yield base

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection within a transaction, which nobody else's can come between."""
        with self._faults():
            if not self._exists():
                self._create()
            with closing(self._connect(self._path)) as base:
                base.execute("BEGIN IMMEDIATE")
                try:
                    yield base
                except BaseException:
                    if base.in_transaction:  # a full disk ends it by itself
                        base.execute("ROLLBACK")
                    raise
                base.execute("COMMIT")

    def _exists(self) -> bool:
        """Whether there is a ledger. A file without a byte was one: ours are never empty, and SQLite would fill it."""
        try:
            if self._path.stat().st_size:
                return True
        except FileNotFoundError:
            if _size(self._path.with_name(f"{NAME}-journal")) == 0:
                return False
        raise self._damaged("it is empty or gone, and there was one")

    def _connect(self, path: Path) -> sqlite3.Connection:
        base = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
        try:
            base.execute("PRAGMA synchronous = FULL")
            base.execute("PRAGMA journal_mode = TRUNCATE")
            if not self._sound:
                self._inspect(base)
        except BaseException:
            base.close()
            raise
        return base

    def _inspect(self, base: sqlite3.Connection) -> None:
        """Look once a process whether the file is whole and ours, and bring it up to date.

        Raises:
            PublisherError: It is damaged, or from a later release.
        """
        found = base.execute("PRAGMA quick_check(1)").fetchone()[0]
        version = base.execute("PRAGMA user_version").fetchone()[0]
        if found != "ok" or version == 0:
            raise self._damaged("it is not whole" if version else "it is not a ledger")
        if version > len(_MIGRATIONS):
            raise PublisherError("the ledger was written by a later release of lipsyncd", "Install that release again.")
        _migrate(base)
        self._sound = True

    def _create(self) -> None:
        """Make an empty ledger beside and give it its name whole, so that a torn one is never ours."""
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_name(f".{NAME}.{os.getpid()}.{os.urandom(4).hex()}")
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        try:
            with closing(sqlite3.connect(beside, isolation_level=None)) as base:
                base.execute("PRAGMA synchronous = FULL")
                _migrate(base)
            try:
                os.link(beside, self._path)
            except FileExistsError:
                return  # somebody was quicker
        finally:
            beside.unlink(missing_ok=True)
        disk.flush_folder(self._state)

    def _damaged(self, how: str) -> PublisherError:
        return PublisherError(
            f"the ledger {NAME} in the state directory is damaged: {how}",
            "Nothing is published until it is mended, so that nothing is paid twice: put its last copy back, or try "
            "`sqlite3 ledger.sqlite .recover`, with lipsyncd stopped. Do not simply delete it.",
        )

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn what SQLite and the disk say into what a person can act on."""
        try:
            yield
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise Unreachable("the ledger is busy", "It is tried again by itself.", 5.0) from error
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise self._damaged(str(error)) from error
            if code in _OF_THE_DISK:
                raise _unusable(str(error)) from error
            raise self._damaged(str(error)) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error
        except OSError as error:
            raise _unusable(error.strerror or str(error)) from error


def _migrate(base: sqlite3.Connection) -> None:
    """Bring the schema up to date, each step wholly or not at all."""
    version = base.execute("PRAGMA user_version").fetchone()[0]
    for number, script in enumerate(_MIGRATIONS[version:], version + 1):
        base.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _unusable(said: str) -> Unreachable:
    return Unreachable(
        f"the ledger {NAME} in the state directory cannot be used ({said})",
        "Look at the rights and the space of the state directory; nothing is published until then.",
        _WAIT,
    )
