"""Patience: whoever begins a request and does not finish its headers is hung up on; uvicorn itself would wait."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

_PATIENCE = 10.0
"""Seconds for the headers of a request."""


class Patient(H11Protocol):
    """One connection."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting while what has come is less than a request; every byte of one that is whole counts."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._calm()
        elif self._late is None:
            self._wait()

    def on_response_complete(self) -> None:
        """From here on uvicorn waits for the next one."""
        self._calm()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._calm()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(_PATIENCE, self._give_up)

    def _calm(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()
