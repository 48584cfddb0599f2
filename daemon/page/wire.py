"""Wire: what changes, told to all browsers that listen; one task looks, however many they are.

Nothing is queued: whoever is slow hears the latest and never what was before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool

_EVERY = 1.0
_HEARTBEAT = 15.0
"""Seconds of silence after which a listener hears that we are there."""
_RETRY = b"retry: 3000\n\n"
_ALIVE = b": here\n\n"


class Wire:
    """Tells all listeners what a look finds, if that is new."""

    def __init__(self, look: Callable[[], str], closing: asyncio.Event, every: float = _EVERY) -> None:
        """Wait for the first listener.

        Args:
            look: Gives what there is, as one line; called in a thread, and only while somebody listens.
            closing: Set when the page ends.
            every: Seconds between two looks.
        """
        self._look = look
        self._closing = closing
        self._every = every
        self._task: asyncio.Task[None] | None = None
        self._latest = b""
        self._changed = asyncio.Event()
        self.listeners = 0

    async def listen(self, welcome: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield what a listener is to hear, until the page ends.

        Args:
            welcome: Says, now and then, whether this one still may.
        """
        self.listeners += 1
        heard = b""
        try:
            yield _RETRY
            while not self._closing.is_set() and welcome():
                self._begin()
                changed = self._changed
                if self._latest == heard:
                    if not await self._news(changed):
                        yield _ALIVE
                    continue
                heard = self._latest
                yield b"data: " + heard + b"\n\n"
        finally:
            self.listeners -= 1

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
        try:
            while self.listeners and not self._closing.is_set():
                self._tell((await run_in_threadpool(self._look)).encode())
                try:
                    await asyncio.wait_for(self._closing.wait(), self._every)
                except TimeoutError:
                    continue
        finally:
            self._latest = b""
            self._tell(b"")

    def _tell(self, latest: bytes) -> None:
        """Wake all who wait; those who wait from now on wait for the next."""
        if latest != self._latest or self._closing.is_set():
            self._latest = latest
            self._changed.set()
            self._changed = asyncio.Event()
