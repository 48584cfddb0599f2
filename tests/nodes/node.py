"""Node: a real server in a process of its own, that may hang, be away, and come back as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.nodes.process import Process


class Node:
    """What all nodes have in common; each says how it starts and stops."""

    process: Process

    def start(self) -> None:
        """Start it and wait until it answers."""
        raise NotImplementedError

    def stop(self) -> None:
        """End it; a later start goes on with what it had."""
        raise NotImplementedError

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It hangs: connections are accepted, nothing is answered."""
        self.process.pause()
        try:
            yield
        finally:
            self.process.resume()

    @contextmanager
    def away(self) -> Iterator[None]:
        """It is not there: connections are refused. Afterwards it is back, with what it had."""
        self.stop()
        try:
            yield
        finally:
            self.start()
