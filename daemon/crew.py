"""Crew: the render processes, one or several, each at one take at a time. What one of them does disturbs no other."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from daemon.child import LAST_MOMENT
from daemon.errors import LaterError
from daemon.message import Gpu, Request
from daemon.worker import Worker


class Crew:
    """Knows who is at work, and who is the right one for the next take."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        """Nobody is at work yet; no process is started before it is needed.

        Args:
            workers: All there are; one is enough.
        """
        self._workers = tuple(workers)
        self._busy: list[Worker] = []

    @property
    def size(self) -> int:
        """How many takes can be made at once."""
        return len(self._workers)

    @property
    def free(self) -> bool:
        """Whether another take could be begun."""
        return len(self._busy) < len(self._workers)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are running."""
        return tuple(worker.pid for worker in self._workers if worker.pid)

    @property
    def gpu(self) -> Gpu | None:
        """What they said last of the memory of the GPUs, all together; None before any has said anything."""
        said = [(worker.seat.gpu, worker.gpu) for worker in self._workers if worker.gpu is not None]
        return Gpu.together(said) if said else None

    @contextmanager
    def hand(self, request: Request) -> Iterator[Worker]:
        """Give a worker for one take: one that is warm for it, if there is one.

        Raises:
            LaterError: All are at work.
        """
        free = [worker for worker in self._workers if worker not in self._busy]
        if not free:
            raise LaterError("all render processes are at work", wait=1.0, miss=False)
        worker = min(free, key=lambda one: one.strangeness(request))
        self._busy.append(worker)
        try:
            yield worker
        finally:
            self._busy.remove(worker)

    def wait(self, seconds: float) -> None:
        """Wait until one of those at work has something to say, no longer than this."""
        poll = select.poll()
        for worker in self._busy:
            poll.register(worker.fileno(), select.POLLIN)
        poll.poll(seconds * 1000)

    def close(self) -> None:
        """End all processes, whatever they are doing; what they leave behind is waited for together."""
        for worker in self._workers:
            worker.kill()
        end = time.monotonic() + LAST_MOMENT
        for worker in self._workers:
            worker.bury(end)
