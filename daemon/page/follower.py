"""Follower: what is added to a log, told to all browsers that listen; one reads, and nobody has a queue of their own.

The last lines are kept once, for all. Whoever is slow gets those that are still there, and so memory stays as it is.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict

from starlette.concurrency import run_in_threadpool

from daemon.page.broadcast import ALIVE, EVERY, RETRY, Broadcast
from daemon.page.line import Filter, Line
from daemon.page.tail import Tail

KEPT = 500
"""Lines that are kept."""
_AT_ONCE = 100
"""Lines that are told at once."""


class Follower(Broadcast):
    """Follows one log while somebody listens."""

    def __init__(self, tail: Callable[[], Tail], closing: asyncio.Event, every: float = EVERY) -> None:
        """Wait for the first listener.

        Args:
            tail: Begins to read the log.
            closing: Set when the page ends.
            every: Seconds between two looks.
        """
        super().__init__(closing, every)
        self._begin_tail = tail
        self._tail: Tail | None = None
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._count = 0
        self._looked = False

    async def listen(self, after: str, wanted: Filter, welcome: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield the lines that come, until the page ends.

        Args:
            after: Mark of the last line that this one has; where that is not known any more, it is told to begin anew.
            wanted: Which lines are told.
            welcome: Says, now and then, whether this one still may.
        """
        place: int | None = None
        with self._listening():
            yield RETRY
            while not self._closing.is_set() and welcome():
                self._begin()
                changed = self._changed
                if place is None and self._looked:
                    place = self._place(after)
                    if place is None:
                        place = 0
                        yield b"event: anew\ndata: \n\n"
                if place is None or place == self._count:
                    if not await self._news(changed):
                        yield ALIVE
                    continue
                fresh = list(self._lines)[-(self._count - place) :][:_AT_ONCE]
                place = max(place, self._count - len(self._lines)) + len(fresh)
                if told := [line for line in fresh if wanted.wants(line)]:
                    yield _event(told, fresh[-1].mark)

    def _place(self, after: str) -> int | None:
        """Give how many lines there were when that one was the last."""
        if not after and not self._lines:
            return self._count
        for back, line in enumerate(reversed(self._lines)):
            if line.mark == after:
                return self._count - back
        return None

    async def _look_once(self) -> None:
        self._tail = self._tail or self._begin_tail()
        try:
            lines = await run_in_threadpool(self._tail.look)
        except OSError:  # a share that is away for a moment
            lines = []
        self._lines.extend(lines)
        self._count += len(lines)
        if lines or not self._looked:
            self._looked = True
            self._wake()

    def _forget(self) -> None:
        self._lines.clear()
        self._tail, self._looked = None, False
        self._wake()


def _event(lines: list[Line], mark: str) -> bytes:
    data = json.dumps([asdict(line) for line in lines], ensure_ascii=False, separators=(",", ":"))
    return f"id: {mark}\ndata: {data}\n\n".encode("utf-8", "replace")
