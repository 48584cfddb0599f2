"""A long call to a library that says nothing while it waits: in a thread, with an end, and heard of all the while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from publishers.base import Beat
from publishers.errors import PublishError, Unreachable

T = TypeVar("T")
_PULSE = 0.5


class Outgoing:
    """A file as a library reads it to send it: hands pieces on, knows how many bytes went, and ends when told to.

    Attributes:
        name: The file's, for people and for the name that goes with it.
        size: About how many bytes it has.
        stopped: Set to end it.
    """

    def __init__(self, name: str, pieces: Iterator[bytes], size: int) -> None:
        self.name = name
        self.size = size
        self.stopped = False
        self._pieces = pieces
        self._sent = 0

    @property
    def share(self) -> float:
        """Share that has gone, 0–1."""
        return min(self._sent / self.size, 1.0) if self.size else 1.0

    def read(self, _size: int = -1) -> bytes:
        """Return the next piece, of any length; b"" at the end.

        Raises:
            Unreachable: It was stopped.
        """
        if self.stopped:
            raise Unreachable(f"sending {self.name} was given up")
        piece = next(self._pieces, b"")
        self._sent += len(piece)
        return piece


def carry(act: Callable[[], T], body: Outgoing, seconds: float, beat: Beat, late: PublishError) -> T:
    """Do something in a thread of its own and return what came of it.

    Args:
        act: What; it sends ``body``, and fails by ``PublishError`` alone.
        body: What is sent; stopped where the call is given up.
        seconds: After which it is given up.
        beat: Called twice a second with the share that was sent; what it raises ends the call.
        late: Raised where it is given up.

    Raises:
        PublishError: What ``act`` raised, or ``late``.
    """
    came: SimpleQueue[tuple[T] | PublishError] = SimpleQueue()

    def work() -> None:
        try:
            came.put((act(),))
        except PublishError as error:
            came.put(error)

    # Not waited for at the end of the process: it may hang in a read until its own time is up.
    thread = Thread(target=work, name=f"sending {body.name}", daemon=True)
    end = time.monotonic() + seconds
    thread.start()
    try:
        found = _wait(came, thread, body, beat, end)
    finally:
        body.stopped = True
    if found is None:
        raise late
    if isinstance(found, PublishError):
        raise found
    return found[0]


def _wait(
    came: SimpleQueue[tuple[T] | PublishError], thread: Thread, body: Outgoing, beat: Beat, end: float
) -> tuple[T] | PublishError | None:
    """Return what came, or None once the time is up."""
    while True:
        alive = thread.is_alive()
        try:
            return came.get(timeout=min(_PULSE, max(end - time.monotonic(), 0.0)))
        except Empty:
            if not alive:
                raise RuntimeError(f"{thread.name} died") from None
        if time.monotonic() >= end:
            return None
        beat(body.share)
