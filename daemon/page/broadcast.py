"""Broadcast: one task looks while anybody listens, and wakes all who do. Nobody has a queue of their own."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

EVERY = 1.0
"""Seconds between two looks."""
_HEARTBEAT = 15.0
"""Seconds of silence after which a listener hears that we are there."""
RETRY = b"retry: 3000\n\n"
ALIVE = b": here\n\n"


class Broadcast(ABC):
    """Looks again and again, but only while somebody listens."""

    def __init__(self, closing: asyncio.Event, every: float = EVERY) -> None:
        """Wait for the first listener.

        Args:
            closing: Set when the page ends.
            every: Seconds between two looks.
        """
        self._closing = closing
        self._every = every
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.listeners = 0

    @abstractmethod
    async def _look_once(self) -> None:
        """Look, and wake the listeners if there is something new."""

    @abstractmethod
    def _forget(self) -> None:
        """Nobody listens any more: keep nothing."""

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Count one listener more."""
        self.listeners += 1
        try:
            yield
        finally:
            self.listeners -= 1

    def _begin(self) -> None:
        """Have somebody look, if nobody does."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())

    async def _news(self, changed: asyncio.Event) -> bool:
        """Wait until there is something new, or the page ends; False after a long silence."""
        try:
            await asyncio.wait_for(changed.wait(), _HEARTBEAT)
        except TimeoutError:
            return False
        return True

    def _wake(self) -> None:
        """Wake all who wait; those who wait from now on wait for the next."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _watch(self) -> None:
        try:
            while self.listeners and not self._closing.is_set():
                await self._look_once()
                try:
                    await asyncio.wait_for(self._closing.wait(), self._every)
                except TimeoutError:
                    continue
        finally:
            self._forget()
