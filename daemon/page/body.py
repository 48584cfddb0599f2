"""Body: what comes with a request, counted while it comes; and read ahead where the guard must see it first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

LARGEST = 1 << 20
"""Bytes of a form."""
_PATIENCE, _WHOLE = 30.0, 120.0
"""Seconds without a byte of it, and for all of it."""
_FIELDS = 1000


class Body:
    """Stands between the server and an area."""

    def __init__(self, receive: Receive, most: int | None) -> None:
        """Begin.

        Args:
            receive: The server's.
            most: Bytes that are taken; None for any.
        """
        self._receive = receive
        self._most = most
        self._count = 0
        self._ahead: list[Message] = []
        self._whole = False
        self._until = time.monotonic() + _WHOLE

    async def __call__(self) -> Message:
        """Give the next piece.

        Raises:
            HTTPException: 413: it is too large. 408: it does not come.
        """
        return self._ahead.pop(0) if self._ahead else await self._next()

    async def fields(self) -> Mapping[str, list[str]]:
        """Read the whole as a form, which is never large; the area reads it once more."""
        self._most = LARGEST if self._most is None else self._most  # it is kept, and nobody has come in yet
        pieces: list[Message] = []
        while not pieces or pieces[-1].get("more_body"):
            pieces.append(await self._next())
        self._ahead = pieces
        text = b"".join(piece.get("body", b"") for piece in pieces).decode("utf-8", "replace")
        try:
            return parse_qs(text, keep_blank_values=True, max_num_fields=_FIELDS)
        except ValueError as error:
            raise HTTPException(413) from error

    async def _next(self) -> Message:
        if self._whole or self._most is None:  # nothing comes any more but the end of the connection
            return await self._receive()
        try:
            left = min(_PATIENCE, self._until - time.monotonic())
            message = await asyncio.wait_for(self._receive(), max(0.01, left))
        except TimeoutError as error:
            raise HTTPException(408, headers={"Connection": "close"}) from error
        self._count += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._count > self._most:
            raise HTTPException(413, headers={"Connection": "close"})
        return message
