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

from daemon.page.line import Filter, Line
from daemon.page.tail import Tail

KEPT = 500
"""Lines that are kept."""
_EVERY = 1.0
_HEARTBEAT = 15.0
"""Seconds of silence after which a listener hears that we are there."""
_AT_ONCE = 100
"""Lines that are told at once."""
_RETRY = b"retry: 3000\n\n"
_ALIVE = b": here\n\n"


class Follower:
    """Follows one log while somebody listens."""

    def __init__(self, tail: Callable[[], Tail], closing: asyncio.Event, every: float = _EVERY) -> None:
        """Wait for the first listener.

        Args:
            tail: Begins to read the log.
            closing: Set when the page ends.
            every: Seconds between two looks.
        """
        self._begin_tail = tail
        self._closing = closing
        self._every = every
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._looked = False
        self.listeners = 0

    async def listen(self, after: str, wanted: Filter, welcome: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield the lines that come, until the page ends.

        Args:
            after: Mark of the last line that this one has; where that is not known any more, it is told to begin anew.
            wanted: Which lines are told.
            welcome: Says, now and then, whether this one still may.
        """
        self.listeners += 1
        place: int | None = None
        try:
            yield _RETRY
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
                        yield _ALIVE
                    continue
                fresh = list(self._lines)[-(self._count - place) :][:_AT_ONCE]
                place = max(place, self._count - len(self._lines)) + len(fresh)
                if told := [line for line in fresh if wanted.wants(line)]:
                    yield _event(told, fresh[-1].mark)
        finally:
            self.listeners -= 1

    def _place(self, after: str) -> int | None:
        """Give how many lines there were when that one was the last."""
        if not after and not self._lines:
            return self._count
        for back, line in enumerate(reversed(self._lines)):
            if line.mark == after:
                return self._count - back
        return None

    async def _news(self, changed: asyncio.Event) -> bool:
        """Wait until there is something new, or the page ends; False after a long silence."""
        try:
            await asyncio.wait_for(changed.wait(), _HEARTBEAT)
        except TimeoutError:
            return False
        return True

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Look again and again while somebody listens."""
        tail = self._begin_tail()
        try:
            while self.listeners and not self._closing.is_set():
                try:
                    lines = await run_in_threadpool(tail.look)
                except OSError:  # a share that is away for a moment
                    lines = []
                self._lines.extend(lines)
                self._count += len(lines)
                if lines or not self._looked:
                    self._looked = True
                    self._tell()
                try:
                    await asyncio.wait_for(self._closing.wait(), self._every)
                except TimeoutError:
                    continue
        finally:
            self._lines.clear()
            self._looked = False
            self._tell()

    def _tell(self) -> None:
        """Wake all who wait; those who wait from now on wait for the next."""
        self._changed.set()
        self._changed = asyncio.Event()


def _event(lines: list[Line], mark: str) -> bytes:
    data = json.dumps([asdict(line) for line in lines], ensure_ascii=False, separators=(",", ":"))
    return f"id: {mark}\ndata: {data}\n\n".encode("utf-8", "replace")
