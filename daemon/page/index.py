"""Index: cards of all jobs in a small database, so that a page over thousands of them need not open their folders.

It is derived from the folders and never a second truth: it may be deleted at any time, and a torn one or one of another
version is built anew. What it says of a folder is looked up there again before anything is done with it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.page.card import Card, Standing, Terms, folded, marks_in
from daemon.page.store import Store

FILE_NAME = "page.sqlite"
VERSION = 3
"""Of what is in it, and of how cards are made."""
PAGE = 24
"""Cards on a page."""
_SCHEMA = """
CREATE TABLE card (
    number INTEGER PRIMARY KEY, place TEXT NOT NULL, folder BLOB NOT NULL, stamp TEXT NOT NULL,
    tag TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, standing TEXT NOT NULL, title TEXT NOT NULL,
    state TEXT NOT NULL, takes INTEGER NOT NULL, made INTEGER NOT NULL, seconds REAL NOT NULL,
    poster TEXT NOT NULL, said TEXT NOT NULL, UNIQUE (place, folder));
CREATE INDEX newest ON card (at, tag, standing) WHERE standing != '';
CREATE INDEX stands ON card (standing, at, tag);
CREATE INDEX named ON card (id);
CREATE INDEX tagged ON card (tag);
CREATE TABLE terms (number INTEGER PRIMARY KEY, words TEXT NOT NULL);
CREATE TABLE mark (text TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (text, number)) WITHOUT ROWID;
CREATE INDEX marked ON mark (number);
"""
_ID = 3
_COLUMNS = "place, folder, tag, id, at, standing, title, state, takes, made, seconds, poster, said"
_PUT = f"INSERT INTO card (stamp, {_COLUMNS}) VALUES ({', '.join('?' * 14)})"  # noqa: S608 - names of our own
_MARKED = "OR number IN (SELECT number FROM mark WHERE text >= ? AND text < ?)"
_LAST = "\U0010ffff"
"""Comes after everything that begins alike."""
Stamped = tuple[str, tuple[Card, Terms] | None]
"""What tells whether a folder has changed; and its card and terms, None where it is no job's."""
Known = dict[str, str]
"""Stamps by folder."""


@dataclass(frozen=True)
class Query:
    """Which cards are wanted.

    Attributes:
        words: All of them must be found; parts of words, too.
        standing: One of :class:`Standing`, or "" for all.
        before: Mark after which older ones follow, or "".
        after: Mark before which newer ones stand, or "".
        oldest: Begin at the other end.
        size: Most cards of a leaf.
    """

    words: str = ""
    standing: str = ""
    before: str = ""
    after: str = ""
    oldest: bool = False
    size: int = PAGE


@dataclass(frozen=True)
class Leaf:
    """Some cards, the newest first.

    Attributes:
        first: Place of the first one among all that were asked for, from 1 on.
        counts: How many there are of each standing, whichever was asked for.
        newer, older: Marks for the leaves on both sides, "" at the ends.
    """

    cards: tuple[Card, ...]
    first: int
    counts: Mapping[str, int]
    total: int
    newer: str
    older: str


class Index:
    """The database in a folder; may be used from several threads."""

    def __init__(self, state: Path) -> None:
        self.path = state / FILE_NAME
        self._store = Store(self.path, _SCHEMA, VERSION)

    @property
    def identity(self) -> object:
        """What changes when it is built anew."""
        return self._store.identity

    def leaf(self, query: Query) -> Leaf:
        """Give one page of cards."""
        return self._store.do(lambda base: _leaf(base, query))

    def lookup(self, key: str) -> tuple[Card, ...]:
        """Give the cards with this id or tag; several where somebody has copied a folder."""
        sql = f"SELECT {_COLUMNS} FROM card WHERE standing != '' AND (id = ? OR tag = ?) ORDER BY at DESC"  # noqa: S608
        return self._store.do(lambda base: _cards(base, base.execute(sql, (key, key)).fetchall())) if key else ()

    def known(self, place: str, folders: Collection[str] | None = None) -> Known:
        """Give the stamps of the folders that are known in a place: of all, or of those among some."""
        sql, given = "SELECT folder, stamp FROM card WHERE place = ?", [place, *map(os.fsencode, folders or ())]
        if folders is not None:
            sql += f" AND folder IN ({', '.join('?' * len(folders))})"  # question marks only
        return self._store.do(lambda base: {os.fsdecode(row[0]): row[1] for row in base.execute(sql, given)})

    def put(self, place: str, found: Mapping[str, Stamped], gone: Collection[str] = ()) -> None:
        """Remember what was found in folders, and forget those that are gone."""
        self._store.do(lambda base: _put(base, place, found, gone))


def _put(base: sqlite3.Connection, place: str, found: Mapping[str, Stamped], gone: Collection[str]) -> None:
    base.execute("BEGIN IMMEDIATE")
    try:
        for folder in (*gone, *found):
            _forget(base, place, folder)
        for folder, (stamp, read) in found.items():
            number = base.execute(_PUT, (stamp, *(_values(read[0]) if read else _nothing(place, folder)))).lastrowid
            if read:
                base.execute("INSERT INTO terms VALUES (?, ?)", (number, read[1].words))
                base.executemany("INSERT INTO mark VALUES (?, ?)", [(mark, number) for mark in read[1].marks])
        base.execute("COMMIT")
    except sqlite3.Error:
        with contextlib.suppress(sqlite3.Error):
            base.execute("ROLLBACK")
        raise


def _forget(base: sqlite3.Connection, place: str, folder: str) -> None:
    where = (place, os.fsencode(folder))
    for (number,) in base.execute("SELECT number FROM card WHERE place = ? AND folder = ?", where).fetchall():
        for table in ("mark", "terms", "card"):
            base.execute(f"DELETE FROM {table} WHERE number = ?", (number,))  # noqa: S608 - names of our own


def _values(card: Card) -> tuple[object, ...]:
    return (
        *(card.place, os.fsencode(card.folder), card.tag, card.id, card.at, str(card.standing), card.title, card.state),
        *(card.takes, card.made, card.seconds, card.poster, card.said),
    )


def _nothing(place: str, folder: str) -> tuple[object, ...]:
    """Give the row of a folder that is no job's: it need not be read again until it changes."""
    return place, os.fsencode(folder), "", "", 0, "", "", "", 0, 0, 0, "", ""


def _cards(base: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> tuple[Card, ...]:
    marks = ", ".join("?" * len(rows))
    sql = f"SELECT id FROM card WHERE id IN ({marks}) AND id != '' GROUP BY id HAVING count(*) > 1"  # noqa: S608
    shared = {found[0] for found in base.execute(sql, [row[_ID] for row in rows])}
    return tuple(_card(row, row[_ID] in shared) for row in rows)


def _card(row: tuple[Any, ...], shared: bool) -> Card:
    place, folder, tag, id_, at, standing, *rest = row
    return Card(place, os.fsdecode(folder), tag, id_, at, Standing(standing), *(*rest, shared))


def _leaf(base: sqlite3.Connection, query: Query) -> Leaf:
    said, given = _found(base, query), tuple[object, ...]()
    sql = f"SELECT standing, count(*) FROM card WHERE {said} GROUP BY standing"  # noqa: S608 - words of our own
    counts = {row[0]: row[1] for row in base.execute(sql)}
    total = counts.get(query.standing, 0) if query.standing else sum(counts.values())
    if query.standing:
        said, given = f"{said} AND standing = ?", (*given, query.standing)
    rows = _rows(base, query, said, given)
    if not rows:
        return Leaf((), 0, counts, total, "", "")
    cards = _cards(base, rows)
    top = _before(base, said, given, cards[0])
    newer = _mark(cards[0]) if top else ""
    older = _mark(cards[-1]) if top + len(cards) < total else ""
    return Leaf(cards, top + 1, counts, total, newer, older)


def _found(base: sqlite3.Connection, query: Query) -> str:
    """Look for the words, once, and give what holds for every card that has them, of whichever standing."""
    words = folded(query.words).split()
    if not words:
        return "standing != ''"
    parts, given = list[str](), list[str]()
    for word in words:
        mark = next(iter(marks_in(word)), "")
        parts.append(f"(instr(words, ?) {_MARKED if mark else ''})")
        given += [word, mark, f"{mark}{_LAST}"] if mark else [word]
    base.execute("PRAGMA temp_store = MEMORY")
    base.execute("CREATE TEMP TABLE IF NOT EXISTS hit (number INTEGER PRIMARY KEY)")
    base.execute("DELETE FROM hit")
    base.execute(f"INSERT INTO hit SELECT number FROM terms WHERE {' AND '.join(parts)}", given)  # noqa: S608
    return "standing != '' AND number IN hit"


def _rows(base: sqlite3.Connection, query: Query, said: str, given: tuple[object, ...]) -> list[tuple[Any, ...]]:
    upwards = query.oldest
    if query.after and (mark := _marked(query.after)):
        said, given, upwards = f"{said} AND (at, tag) > (?, ?)", (*given, *mark), True
    elif query.before and (mark := _marked(query.before)):
        said, given = f"{said} AND (at, tag) < (?, ?)", (*given, *mark)
    order = "at, tag" if upwards else "at DESC, tag DESC"
    sql = f"SELECT {_COLUMNS} FROM card WHERE {said} ORDER BY {order} LIMIT ?"  # noqa: S608 - the values are bound
    rows = base.execute(sql, (*given, query.size)).fetchall()
    return rows[::-1] if upwards else rows


def _before(base: sqlite3.Connection, said: str, given: tuple[object, ...], card: Card) -> int:
    """Count what is newer than a card."""
    sql = f"SELECT count(*) FROM card WHERE {said} AND (at, tag) > (?, ?)"  # noqa: S608 - the values are bound
    return int(base.execute(sql, (*given, card.at, card.tag)).fetchone()[0])


def _mark(card: Card) -> str:
    return f"{card.at}-{card.tag}"


def _marked(mark: str) -> tuple[int, str] | None:
    """Read a mark; what is none is as if it was not there."""
    at, _, tag = mark.partition("-")
    return (int(at), tag) if at.isascii() and at.isdigit() and len(at) < 19 else None
