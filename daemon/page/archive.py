"""Archive: the files of a job as one ZIP, written while it is sent: nothing on disk, little in memory, size known."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import PurePath

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from zipstream import ZipStream

from daemon.name import key, shown
from daemon.page.holdings import INPUT, Held
from daemon.page.house import Opened
from daemon.page.media import CHUNK, disposition

Open = Callable[[Held], Opened]
_FORBIDDEN = frozenset('<>:"|?*\\/')
"""What some system cannot have in a name."""
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_LONGEST = 200
"""Bytes of a name: unpacked somewhere deep, it must still fit."""


class Bundle(StreamingResponse):
    """Pieces that are made as they are sent; where nobody takes them any more, the file at hand is closed."""

    def __init__(self, pieces: Generator[bytes, None, None], headers: dict[str, str]) -> None:
        self._pieces = pieces
        super().__init__(pieces, 200, headers, "application/zip")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._pieces.close()


def archive(name: str, held: Iterable[Held], opening: Open) -> StreamingResponse:
    """Answer with the files as ``NAME.zip``.

    A file that changes its length while it is sent breaks the download off: better none than a wrong one.

    Args:
        name: Of the folder that they are in.
        held: The files.
        opening: How to open one of them.
    """
    folder = usable(name)
    stream = ZipStream(sized=True)
    taken: set[str] = set()
    for one in held:
        path = _path(folder, one, taken)
        stream.add(_pieces(one, opening), path, size=one.bytes)
    headers = {
        "Content-Length": str(len(stream)),
        "Content-Disposition": disposition(f"{folder}.zip"),
        "Cache-Control": "private, no-store",
    }
    return Bundle(iter(stream), headers)


def usable(name: str) -> str:
    """Give a name that every system can have: no control characters, no separators, nothing reserved, not too long."""
    plain = "".join("_" if letter in _FORBIDDEN else letter for letter in shown(name).replace("\\", "_"))
    plain = plain.encode("utf-8", "replace").decode()
    stem, suffix = (plain, "") if plain.startswith(".") else (PurePath(plain).stem, PurePath(plain).suffix)
    suffix = suffix if len(suffix.encode()) <= 20 else ""
    stem = stem if suffix else plain
    while len(stem.encode()) > _LONGEST:
        stem = stem[:-1]
    whole = f"{stem}{suffix}".strip().rstrip(".").lstrip(".")
    return f"_{whole}" if PurePath(whole).stem.lower() in _RESERVED or not whole else whole


def _path(folder: str, one: Held, taken: set[str]) -> str:
    """Give a path in the archive that no other file has, not even where large and small letters are the same."""
    place = f"{folder}/inputs" if one.part == INPUT else folder
    plain = usable(one.name)
    number = 1
    while True:
        name = plain if number == 1 else f"{PurePath(plain).stem} ({number}){PurePath(plain).suffix}"
        if key(f"{place}/{name}") not in taken:
            taken.add(key(f"{place}/{name}"))
            return f"{place}/{name}"
        number += 1


def _pieces(one: Held, opening: Open) -> Iterator[bytes]:
    left = one.bytes
    with opening(one).file as file:
        while left > 0:
            piece = os.read(file.fileno(), min(CHUNK, left))
            if not piece:
                raise OSError(f"{shown(one.name)} became shorter while it was sent")
            yield piece
            left -= len(piece)
