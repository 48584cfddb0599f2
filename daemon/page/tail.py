"""Tail: the end of a log that grows, is cut, or goes on in another file; never more of it than what is shown."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import BinaryIO, TypeAlias

from daemon.page.line import Line, line_of

Files: TypeAlias = Sequence[tuple[str, BinaryIO]]
"""The files of a log, the oldest first, each with what it is known by from one look to the next."""
TAIL = 1_000_000
"""Bytes that one look reads at most."""
_LONGEST = 64 * 1024
"""Bytes after which a line is taken for one though it has no end."""


class Tail:
    """Reads what has been added since the last look; at the first one, the end."""

    def __init__(self, opening: Callable[[], Files], most: int = TAIL) -> None:
        """Read nothing yet.

        Args:
            opening: Opens the files for one look; none where there is no log. They are closed afterwards.
            most: Bytes read in one look.
        """
        self._opening = opening
        self._most = most
        self._place: tuple[str, int] | None = None

    def look(self) -> list[Line]:
        """Give the lines that came since the last look."""
        with contextlib.ExitStack() as stack:
            files = [(name, stack.enter_context(file)) for name, file in self._opening()]
            lines: list[Line] = []
            for name, file, begin, torn in self._parts(files):
                lines += self._read(name, file, begin, torn=torn)
            return lines

    def _parts(self, files: list[tuple[str, BinaryIO]]) -> list[tuple[str, BinaryIO, int, bool]]:
        """Give from which byte to read each file, and whether that is amidst a line."""
        names = [name for name, _ in files]
        known = self._place if self._place and self._place[0] in names else None
        parts, room = list[tuple[str, BinaryIO, int, bool]](), self._most
        for number, (name, file) in reversed(list(enumerate(files))):
            size, begin = os.fstat(file.fileno()).st_size, 0
            if known and number < names.index(known[0]):
                break
            if known and name == known[0]:
                begin = known[1] if known[1] <= size else 0  # it was cut: what is in it now is new
            first = max(begin, size - room)
            if room > 0:
                parts.append((name, file, first, first > begin))
            room -= size - first
        return parts[::-1]

    def _read(self, name: str, file: BinaryIO, begin: int, *, torn: bool) -> list[Line]:
        if torn:
            begin -= 1  # a line that begins just here is whole
        data = os.pread(file.fileno(), self._most + 1, begin)
        lines = list[Line]()
        for piece in _split(data):
            whole = piece.endswith(b"\n")
            if not whole and len(piece) < _LONGEST:
                break
            begin += len(piece)
            if not torn:
                lines.append(line_of(piece[:_LONGEST], f"{name}-{begin}"))
            torn = False
        self._place = (name, begin)
        return lines


def _split(data: bytes) -> list[bytes]:
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
