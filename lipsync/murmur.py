"""Murmur: what an external program says, as a few short lines of plain text, whatever bytes it says and how many."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator

LONGEST = 400
"""Bytes of a line that are kept."""
_BURST, _EACH_SECOND = 200.0, 1.0
"""Lines that may come at once, and how many more with each second."""
_LAST = 12
_END = re.compile(rb"[\r\n]+")


class Murmur:
    """Listens to both streams of one program."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.last: dict[str, deque[str]] = {"err": deque(maxlen=_LAST), "out": deque(maxlen=_LAST)}
        """The last lines of each stream, passed on or not."""
        self._rest = {"err": b"", "out": b""}
        self._clock = clock
        self._left, self._at, self._unsaid = _BURST, clock(), 0

    def hear(self, stream: str, data: bytes) -> Iterator[str]:
        """Take what came on "out" or "err", and yield the lines that are to be passed on."""
        *lines, rest = _END.split(self._rest[stream] + data)
        if len(rest) > LONGEST:
            # no more of this line is of interest, but that it goes on
            rest = rest[: LONGEST + 1]
        self._rest[stream] = rest
        for line in lines:
            yield from self._said(stream, line)

    def end(self) -> Iterator[str]:
        """Yield what is left to be said."""
        for stream, rest in self._rest.items():
            yield from self._said(stream, rest)
        if self._unsaid:
            yield f"({self._unsaid} more lines are left out)"

    def _said(self, stream: str, line: bytes) -> Iterator[str]:
        text = _plain(line)
        if not text:
            return
        self.last[stream].append(text)
        now = self._clock()
        self._left = min(_BURST, self._left + (now - self._at) * _EACH_SECOND)
        self._at = now
        if self._left < 1:
            self._unsaid += 1
            return
        self._left -= 1
        if self._unsaid:
            yield f"({self._unsaid} lines are left out)"
            self._unsaid = 0
        yield text


def _plain(line: bytes) -> str:
    """Give one printable line: nothing in it can move a cursor, turn text round or end a line."""
    text = line[:LONGEST].decode("utf-8", "backslashreplace").strip()
    plain = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
    return plain + ("…" if len(line) > LONGEST else "")
