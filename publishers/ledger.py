"""The ledger: what was, or may have been, sent to whom and paid for, written down before it is.

A change is on the disk when its method returns; how the file does that, see ``book``.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from pathlib import Path

from publishers.book import Book
from publishers.errors import PublisherError
from publishers.record import LOST, Record
from publishers.turn import turn


@dataclass(frozen=True)
class Memory:
    """Something once seen, such as a price, and when (seconds since 1970)."""

    value: str
    seen: float


Check = Callable[[int, tuple[Record, ...]], None]
"""Is told what the parcel has cost so far in Winston, and which records of the owner are not known to be in a block;
refuses by raising."""

_COLUMNS = tuple(field.name for field in fields(Record))
_UNMINED = "place = ? AND owner = ? AND block = 0 AND state != ? ORDER BY created"


class Ledger:
    """The records of all publishers; for use from any thread, and by several processes at once."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.time) -> None:
        """Name the directory; the file is made with the first record.

        Args:
            state: Directory of the service's own files.
            clock: Seconds since 1970.
        """
        self._turns = state / "turns"
        self._book = Book(state)
        self._clock = clock

    def turn(self, place: str, key: str) -> AbstractContextManager[None]:
        """Hold these bytes at this place against everybody else on this machine, until the block ends.

        Raises:
            Unreachable: Somebody else holds them; ``wait`` says when to look again.
        """
        return turn(self._turns, place, key)

    def find(self, place: str, key: str) -> Record | None:
        """Return the record that counts, or None where there is none.

        Raises:
            PublisherError: The ledger is damaged.
        """
        records = self._records("place = ? AND key = ? AND state != ? ORDER BY number DESC LIMIT 1", place, key, LOST)
        return records[0] if records else None

    def lost(self, place: str, key: str) -> tuple[Record, ...]:
        """Return the records that were given up, oldest first: they are still looked for."""
        return self._records("place = ? AND key = ? AND state = ? ORDER BY number", place, key, LOST)

    def doubled(self, place: str) -> tuple[Record, ...]:
        """Return what took the place of a record that was given up and turned up after all: it was paid for twice."""
        first = "number > 1 AND EXISTS (SELECT 1 FROM record AS old WHERE old.place = record.place"
        old = "AND old.key = record.key AND old.number < record.number AND old.state != ?)"
        return self._records(f"place = ? AND state != ? AND {first} {old} ORDER BY created", place, LOST, LOST)

    def of(self, place: str, parcel: str) -> tuple[Record, ...]:
        """Return all records of a parcel, in the order in which they were made."""
        return self._records("place = ? AND parcel = ? ORDER BY created, key, number", place, parcel)

    def spent(self, place: str, parcel: str) -> int:
        """Return what a parcel has cost or may still cost, in Winston."""
        return _cost(self.of(place, parcel))

    def unmined(self, place: str, owner: str) -> tuple[Record, ...]:
        """Return what an owner has promised to pay and no block is known to hold: their balance does not show it."""
        return self._records(_UNMINED, place, owner, LOST)

    def costs(self) -> tuple[tuple[str, str, int], ...]:
        """Return place, state and price in Winston of every record there is."""
        with self._book.reading() as base:
            rows = base.execute("SELECT place, state, winston FROM record").fetchall() if base else []
        return tuple((str(place), str(state), int(winston)) for place, state, winston in rows)

    def intend(self, record: Record, check: Check | None = None) -> Record:
        """Write down what is about to be sent; once this returns it survives a power cut.

        Args:
            record: Its number and times are set here.
            check: Looks at the costs while nobody else can add to them.

        Returns:
            The record as it is in the ledger.

        Raises:
            PublisherError: The ledger is damaged, or has a record for it that is not lost.
        """
        with self._book.writing() as base:
            known = _select(base, "place = ? AND key = ? ORDER BY number", record.place, record.key)
            if any(one.state != LOST for one in known):
                raise PublisherError(
                    "the ledger knows these bytes already", "Call publish again: it goes on by itself."
                )
            if check is not None:
                mine = _select(base, "place = ? AND parcel = ?", record.place, record.parcel)
                check(_cost(mine), _select(base, _UNMINED, record.place, record.owner, LOST))
            now = self._clock()
            record = replace(record, number=len(known) + 1, created=now, updated=now)
            _insert(base, record)
        return record

    def update(self, record: Record, **changes: str | int | bytes) -> Record:
        """Write changes to a record down, and return it with them.

        Args:
            record: One that ``find`` or ``intend`` returned.
            changes: Of ``state``, ``chunk``, ``block``, ``gateway``, ``address``, ``header``, ``winston``.

        Raises:
            PublisherError: The ledger is damaged, or no longer has it.
        """
        changed = replace(record, updated=self._clock(), **changes)  # type: ignore[arg-type]
        names = (*changes, "updated")
        sql = (
            f"UPDATE record SET {', '.join(f'{name} = ?' for name in names)} WHERE place = ? AND key = ? AND number = ?"  # noqa: S608 - names of our own fields
        )
        with self._book.writing() as base:
            row = [_stored(changed, name) for name in names]
            done = base.execute(sql, (*row, record.place, record.key, record.number))
            if done.rowcount != 1:
                raise PublisherError(f"the ledger has lost its record of {record.address}", "Put its last copy back.")
        return changed

    def remember(self, name: str, value: str) -> None:
        """Keep something seen, such as a price, in place of what was seen before under that name."""
        with self._book.writing() as base:
            base.execute("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", (name, value, self._clock()))

    def recall(self, name: str) -> Memory | None:
        """Return what was last kept under that name, or None."""
        with self._book.reading() as base:
            row = base.execute("SELECT value, seen FROM memory WHERE name = ?", (name,)).fetchone() if base else None
        return Memory(str(row[0]), float(row[1])) if row else None

    def _records(self, where: str, *values: str) -> tuple[Record, ...]:
        with self._book.reading() as base:
            return _select(base, where, *values) if base else ()


def _select(base: sqlite3.Connection, where: str, *values: str) -> tuple[Record, ...]:
    rows = base.execute(f"SELECT {', '.join(_COLUMNS)} FROM record WHERE {where}", values)  # noqa: S608 - our own words
    found = (dict(zip(_COLUMNS, row, strict=True)) for row in rows)
    return tuple(Record(**{**row, "winston": int(row["winston"])}) for row in found)


def _insert(base: sqlite3.Connection, record: Record) -> None:
    marks = ", ".join("?" * len(_COLUMNS))
    row = [_stored(record, name) for name in _COLUMNS]
    base.execute(f"INSERT INTO record ({', '.join(_COLUMNS)}) VALUES ({marks})", row)  # noqa: S608 - our own words


def _stored(record: Record, name: str) -> str | int | float | bytes:
    """Return a field as the file has it: amounts as text, for Winston may be more than an SQLite integer holds."""
    value: str | int | float | bytes = getattr(record, name)
    return str(value) if name == "winston" else value


def _cost(records: tuple[Record, ...]) -> int:
    return sum(record.winston for record in records if record.state != LOST)
