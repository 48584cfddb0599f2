"""Stream: the body of a request, into a file as it comes. Whoever goes on with a file takes it over from who stalls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from weakref import WeakValueDictionary

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from daemon.page.upload_refusal import Refusal
from daemon.page.upload_sink import Sink

PATIENCE = 60.0
"""Seconds without a byte after which a connection is given up; what came is kept."""


class Turn:
    """Who writes a file: the last one that began to. One at a time, even while a thread still writes."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.holder: object = None


_TURNS: WeakValueDictionary[Path, Turn] = WeakValueDictionary()


async def pieces(request: Request) -> AsyncIterator[bytes]:
    """Yield a body; it just ends where the connection does.

    Raises:
        HTTPException: 408: nothing comes any more.
    """
    while True:
        try:
            message = await asyncio.wait_for(request.receive(), PATIENCE)
        except TimeoutError as error:
            raise HTTPException(408, headers={"Connection": "close"}) from error
        if message["type"] == "http.disconnect":
            return
        if data := message.get("body", b""):
            yield data
        if not message.get("more_body", False):
            return


async def pour(request: Request, path: Path, offset: int, length: int, spare: int) -> int:
    """Write a body into a file.

    Args:
        request: What brings it.
        path: The file.
        offset: Where the browser goes on.
        length: Bytes that the whole file will have.
        spare: Bytes that stay free on the disk.

    Returns:
        Bytes that the file has now.

    Raises:
        Refusal: 409: another offset is right, or somebody else goes on. 413: it is longer than announced. 507: no room.
        HTTPException: 408: nothing comes any more.
    """
    turn = _TURNS.setdefault(path, Turn())
    mine = turn.holder = object()
    async with turn.lock:
        sink = await run_in_threadpool(Sink, path, offset, spare)
    try:
        if sink.size() != offset:
            raise Refusal(409, "upload.wrong.offset")
        try:
            async for data in pieces(request):
                left = length - sink.position - sink.held
                async with turn.lock:
                    if turn.holder is not mine:
                        raise Refusal(409, "upload.wrong.offset")
                    await sink.take(data[:left])
                if len(data) > left:
                    raise Refusal(413, "upload.wrong.longer")
        finally:
            async with turn.lock:
                if turn.holder is mine:
                    await sink.flush()
    finally:
        sink.close()
    return sink.position
