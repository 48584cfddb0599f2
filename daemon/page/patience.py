"""Patience: whoever begins a request and does not finish its headers is hung up on; uvicorn itself would wait."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from daemon.page.crowd import Crowd

_PATIENCE = 10.0
"""Seconds for the headers of a request."""


class Patient(H11Protocol):
    """One connection.

    Attributes:
        crowd: All of them; each server has one of its own.
    """

    crowd: ClassVar[Crowd]
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self.crowd.come(self, self.client[0] if self.client else "?")
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting while what has come is less than a request; every byte of one that is whole counts."""
        super().data_received(data)
        if self._asked():
            self._calm()
            self.crowd.work(self)
        elif self._late is None:
            self._wait()

    def on_response_complete(self) -> None:
        """From here on uvicorn waits for the next one, unless that came already."""
        self._calm()
        super().on_response_complete()
        if not self._asked():
            self.crowd.rest(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._calm()
        self.crowd.go(self)
        super().connection_lost(exc)

    def unread(self) -> bool:
        """Say whether bytes have come that were not read yet."""
        try:
            said = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.FIONREAD, bytes(4))
        except OSError:
            return False
        return bool(struct.unpack("i", said)[0])

    def hang_up(self) -> None:
        """End the connection, also where the other side takes nothing any more."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.close()

    def _asked(self) -> bool:
        """Say whether a request is under way."""
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._late = self.loop.call_later(_PATIENCE, self._give_up)

    def _calm(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        self.hang_up()
