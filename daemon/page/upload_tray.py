"""Tray: what is uploaded of one drop so far. It lies beside the inbox, on the same disk, and nobody takes it.

::

    .incoming/ID/notes/TAG.json   what a browser has announced: name, length, its time there
    .incoming/ID/parts/TAG        how much of it is here: the length of this file is the truth
    .incoming/ID/drop/NAME        files that are whole; this folder is what moves into the inbox
    .incoming/ID/landed           it has moved: under this name
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from daemon import durable, ownership
from daemon.landing import land
from daemon.listing import ORDER, Entry, Listing, kind_of
from daemon.page.upload_name import same
from daemon.page.upload_refusal import Refusal
from daemon.plain import put_plain, read_plain, write_plain

MOST = 500
"""Files of one drop."""
_NOTE = 64 * 1024
_ONE = threading.Lock()
"""Announcing and moving are done one at a time."""


@dataclass(frozen=True)
class Piece:
    """One file of it.

    Attributes:
        tag: What it is called here, so that no name is ever part of an address.
        number: In which order it was announced.
        name: What it will be called.
        length: How long it is.
        mtime: When it was changed, where it comes from; as the browser has it.
        offset: Bytes that are here.
        whole: They are all here, and last.
    """

    tag: str
    number: int
    name: str
    length: int
    mtime: str
    offset: int
    whole: bool


@dataclass(frozen=True)
class Tray:
    """A folder below ``.incoming``."""

    home: Path

    @property
    def id(self) -> str:
        """What it is called in addresses."""
        return self.home.name

    @property
    def drop(self) -> Path:
        """The folder that will move."""
        return self.home / "drop"

    @property
    def landed(self) -> str:
        """Under which name it has moved into the inbox; "" before."""
        try:
            return os.fsdecode(read_plain(self.home / "landed", 1024))
        except OSError:
            return ""

    @property
    def gone(self) -> bool:
        """Whether there is nothing to move any more."""
        return not self.drop.is_dir()

    def touched(self) -> float:
        """Give when something came last, seconds since 1970."""
        found = [self.home, *(path for name in ("notes", "parts", "drop") for path in _within(self.home / name))]
        times = []
        for path in found:
            with contextlib.suppress(OSError):
                times.append(path.lstat().st_mtime)
        return max(times, default=0.0)

    def pieces(self) -> list[Piece]:
        """Give its files, in the order in which they were announced."""
        notes = []
        for path in _within(self.home / "notes"):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                notes.append(self._read(path.stem, json.loads(read_plain(path, _NOTE))))
        return sorted(notes, key=lambda piece: piece.number)

    def piece(self, tag: str) -> Piece:
        """Find a file by its tag.

        Raises:
            Refusal: There is none.
        """
        for piece in self.pieces():
            if piece.tag == tag:
                return piece
        raise Refusal(404, "upload.wrong.gone")

    def part(self, piece: Piece) -> Path:
        """Give where the beginning of a file lies."""
        return self.home / "parts" / piece.tag

    def announce(self, name: str, length: int, mtime: str) -> Piece:
        """Make room for a file; one that is known already goes on where it was.

        Raises:
            Refusal: There is another of that name, or there are too many.
        """
        with _ONE:
            known = self.pieces()
            for piece in known:
                if same(piece.name, name):
                    if (piece.name, piece.length, piece.mtime) == (name, length, mtime):
                        return piece
                    raise Refusal(409, "upload.wrong.twice", name=name)
            if len(known) >= MOST:
                raise Refusal(422, "upload.wrong.many", most=MOST)
            tag = secrets.token_hex(8)
            write_plain(self.home / "parts" / tag, b"")
            number = 1 + max((piece.number for piece in known), default=0)
            piece = Piece(tag, number, name, length, mtime[:40], 0, whole=False)
            self._note(piece)
        return piece

    def measure(self, piece: Piece, length: int) -> Piece:
        """Write down how long a file is, where that is known only at its end."""
        measured = replace(piece, length=length, offset=length)
        self._note(measured)
        return measured

    def complete(self, piece: Piece, inbox: Path) -> None:
        """A file is all here: make that last, and put it under its name.

        Raises:
            OSError: The disk failed.
        """
        part = self.part(piece)
        handle = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        ownership.give(part, inbox)
        part.rename(self.drop / piece.name)

    def forget(self, piece: Piece) -> None:
        """Remove a file."""
        (self.home / "notes" / f"{piece.tag}.json").unlink(missing_ok=True)
        self.part(piece).unlink(missing_ok=True)
        (self.drop / piece.name).unlink(missing_ok=True)

    def listing(self) -> Listing:
        """Give what the folder will hold, as the inbox will list it; job.toml once it is here."""
        pieces = [piece for piece in self.pieces() if piece.name != ORDER or piece.whole]
        entries = (Entry(piece.name, kind_of(piece.name), piece.length, 0) for piece in pieces)
        return Listing(tuple(sorted(entries, key=lambda entry: entry.path)), (), ())

    def order(self, text: str) -> None:
        """Write what the form says into job.toml, unless a file of that name came with the others.

        Raises:
            OSError: The disk refuses.
        """
        if any(piece.name == ORDER for piece in self.pieces()):
            return
        (self.drop / ORDER).unlink(missing_ok=True)
        if text:
            durable.replace(self.drop / ORDER, text)

    def move(self, inbox: Path, name: str) -> str:
        """Put the folder into the inbox, and give the name that it has there.

        Raises:
            OSError: It cannot be moved; all is as it was.
        """
        with _ONE:
            if earlier := self.landed:
                return earlier
            if self.gone:
                raise Refusal(404, "upload.wrong.gone")
            if (self.drop / ORDER).exists():
                ownership.give(self.drop / ORDER, inbox)
            ownership.give(self.drop, inbox, away=False)  # as it is ours, it can be taken
            durable.flush_folder(self.drop)
            target = land(self.drop, inbox, name)
            with contextlib.suppress(OSError):
                write_plain(self.home / "landed", os.fsencode(target.name))
            return target.name

    def _note(self, piece: Piece) -> None:
        said = {name: getattr(piece, name) for name in ("number", "name", "length", "mtime")}
        note = self.home / "notes" / f"{piece.tag}.json"
        put_plain(note, self.home / f"{piece.tag}.part", json.dumps(said).encode())

    def _read(self, tag: str, said: dict[str, object]) -> Piece:
        number, length = int(str(said["number"])), int(str(said["length"]))
        name, mtime = str(said["name"]), str(said["mtime"])
        offset = _length(self.home / "parts" / tag)
        whole = offset is None and _length(self.drop / name) == length
        return Piece(tag, number, name, length, mtime, length if whole else offset or 0, whole)


def _within(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except OSError:
        return


def _length(path: Path) -> int | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
