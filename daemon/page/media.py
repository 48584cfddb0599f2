"""Media: one file of a job over HTTP: in parts (RFC 9110), never read whole, shown only if it is of a known kind."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from email.utils import formatdate, parsedate_to_datetime
from pathlib import PurePath
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from daemon.name import shown
from daemon.page.card import LATEST
from daemon.page.house import Opened

CHUNK = 256 * 1024
KINDS = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
}
"""What a browser may show; everything else is only downloaded."""
_UNKNOWN = "application/octet-stream"
_RANGE = re.compile(r"bytes=[ \t]*(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))[ \t]*")


class Stream(StreamingResponse):
    """Pieces that come from an open file, which is closed at the end, however the end comes."""

    def __init__(self, opened: Opened, begin: int, count: int, status: int, headers: dict[str, str]) -> None:
        self._opened = opened
        super().__init__(self._pieces(begin, count), status, headers | {"Content-Length": str(count)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._opened.file.close()

    async def _pieces(self, begin: int, count: int) -> AsyncIterator[bytes]:
        handle = self._opened.file.fileno()
        while count > 0:
            piece = await run_in_threadpool(os.pread, handle, min(CHUNK, count), begin)
            if not piece:  # it has become shorter: the length that was promised cannot be kept, and they shall see it
                raise OSError(f"{shown(self._opened.name)} became shorter while it was sent")
            yield piece
            begin, count = begin + len(piece), count - len(piece)


def kind(name: str) -> str:
    """Give the media type of a file that a browser may show, "" for all others."""
    return KINDS.get(PurePath(name).suffix.lower(), "")


def disposition(name: str, *, inline: bool = False) -> str:
    """Give a Content-Disposition with any name: in ASCII for the old, and in UTF-8 for the others (RFC 6266, 8187)."""
    clean = shown(name).replace("/", "_").encode("utf-8", "replace").decode()
    plain = "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in clean)
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"


def serve(request: Request, opened: Opened, *, download: bool = False) -> Response:
    """Answer with a file, or with the part of it that is asked for.

    Args:
        request: Its conditions and its range count.
        opened: The file; it is closed when it is sent.
        download: It shall be saved, not shown.
    """
    status = opened.status
    tag = f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'
    known = kind(opened.name)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Last-Modified": formatdate(min(max(0.0, status.st_mtime), LATEST), usegmt=True),
        "Cache-Control": "private, no-cache",
        "Content-Type": known or _UNKNOWN,
        "Content-Disposition": disposition(opened.name, inline=bool(known) and not download),
    }
    if _unchanged(request, tag, status.st_mtime):
        opened.file.close()
        return Response(None, 304, {name: headers[name] for name in ("ETag", "Last-Modified", "Cache-Control")})
    begin, count, code = 0, status.st_size, 200
    span = _span(request, tag, headers["Last-Modified"], status.st_size)
    if span is not None:
        begin, count = span
        if count <= 0:
            opened.file.close()
            return Response(None, 416, {"Accept-Ranges": "bytes", "Content-Range": f"bytes */{status.st_size}"})
        code = 206
        headers["Content-Range"] = f"bytes {begin}-{begin + count - 1}/{status.st_size}"
    if request.method == "HEAD":
        opened.file.close()
        return Response(None, code, headers | {"Content-Length": str(count)})
    return Stream(opened, begin, count, code, headers)


def _unchanged(request: Request, tag: str, changed: float) -> bool:
    """Say whether the browser has these bytes already."""
    if said := request.headers.get("if-none-match"):
        tags = [part.strip().removeprefix("W/") for part in said.split(",")]
        return tag in tags or "*" in tags
    since = _moment(request.headers.get("if-modified-since", ""))
    return since is not None and int(changed) <= since


def _span(request: Request, tag: str, changed: str, size: int) -> tuple[int, int] | None:
    """Give where to begin and how many bytes to send; none of them where nothing is there, None for the whole file.

    Several ranges at once are answered with the whole file, which RFC 9110 allows; no player asks for them.
    """
    said = request.headers.get("range", "")
    if not said or request.method != "GET" or request.headers.get("if-range", tag) not in (tag, changed):
        return None
    found = _RANGE.fullmatch(said)
    if not found:
        return None
    first, last, tail = found.groups()
    if tail is not None:
        count = min(int(tail), size)
        return size - count, count
    begin, end = int(first), min(int(last) if last else size - 1, size - 1)
    if last and int(last) < begin:
        return None
    return begin, end - begin + 1


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
