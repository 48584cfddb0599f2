"""Wire: what changes, told to all browsers that listen; one task looks, however many they are.

Nothing is queued: whoever is slow hears the latest and never what was before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool

from daemon.page.broadcast import ALIVE, EVERY, RETRY, Broadcast


class Wire(Broadcast):
    """Tells all listeners what a look finds, if that is new."""

    def __init__(self, look: Callable[[], str], closing: asyncio.Event, every: float = EVERY) -> None:
        """Wait for the first listener.

        Args:
            look: Gives what there is, as one line; called in a thread, and only while somebody listens.
            closing: Set when the page ends.
            every: Seconds between two looks.
        """
        super().__init__(closing, every)
        self._look = look
        self._latest = b""

    async def listen(self, welcome: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield what a listener is to hear, until the page ends.

        Args:
            welcome: Says, now and then, whether this one still may.
        """
        heard = b""
        with self._listening():
            yield RETRY
            while not self._closing.is_set() and welcome():
                self._begin()
                changed = self._changed
                if self._latest == heard:
                    if not await self._news(changed):
                        yield ALIVE
                    continue
                heard = self._latest
                yield b"data: " + heard + b"\n\n"

    async def _look_once(self) -> None:
        self._tell((await run_in_threadpool(self._look)).encode())

    def _forget(self) -> None:
        self._tell(b"")

    def _tell(self, latest: bytes) -> None:
        if latest != self._latest or self._closing.is_set():
            self._latest = latest
            self._wake()
