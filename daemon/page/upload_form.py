"""Form: files sent without any script, as one multipart body; each goes straight to its place, never through memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from daemon.page.upload_stream import pieces

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_FIELDS = 64 * 1024
"""Bytes of all that is no file."""
_PARTS = 1200


@dataclass
class Part:
    """One part of the body: a field, or a file where ``filename`` is no None."""

    name: str = ""
    filename: str | None = None


@dataclass(frozen=True)
class Event:
    """Something of a part came: some bytes, or its end (None)."""

    part: Part
    data: bytes | None


class Reader:
    """Takes a multipart body apart while it comes.

    Attributes:
        over: Its end was there: it did not break off.
    """

    def __init__(self, kind: str) -> None:
        """Begin.

        Args:
            kind: The header ``Content-Type``.

        Raises:
            HTTPException: 400: it is no multipart form.
        """
        which, options = parse_options_header(kind)
        if which != b"multipart/form-data" or not options.get(b"boundary"):
            raise HTTPException(400)
        calls: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_header_field": self._field,
            "on_header_value": self._value,
            "on_header_end": self._header,
            "on_end": self._close,
        }
        try:
            self._parser = MultipartParser(options[b"boundary"], calls)
        except FormParserError as error:
            raise HTTPException(400) from error
        self._events: list[Event] = []
        self._part = Part()
        self._count = 0
        self._key, self._said = b"", b""
        self.over = False

    def read(self, data: bytes) -> list[Event]:
        """Take some bytes, and give what came of them.

        Raises:
            HTTPException: 400: that is no multipart form. 413: it has too many parts.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise HTTPException(400) from error
        found, self._events = self._events, []
        return found

    def _close(self) -> None:
        self.over = True

    def _begin(self) -> None:
        self._count += 1
        if self._count > _PARTS:
            raise HTTPException(413)
        self._part = Part()

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._key += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._said += data[start:end]

    def _header(self) -> None:
        if self._key.lower() == b"content-disposition":
            _, options = parse_options_header(self._said)
            self._part.name = _text(options.get(b"name", b""))
            if b"filename" in options:
                self._part.filename = _plain(_text(options[b"filename"]))
        self._key, self._said = b"", b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(Event(self._part, data[start:end]))

    def _end(self) -> None:
        self._events.append(Event(self._part, None))


async def read_form(request: Request, take: Callable[[Part, bytes | None], Awaitable[None]]) -> dict[str, str]:
    """Read a form with files.

    Args:
        request: What brings it.
        take: Is given the bytes of each file, and None at its end.

    Returns:
        What its fields say.

    Raises:
        HTTPException: It is none, or does not come.
    """
    reader = Reader(request.headers.get("content-type", ""))
    fields: dict[str, bytes] = {}
    count = 0
    async for data in pieces(request):
        for event in reader.read(data):
            if event.part.filename is not None:
                await take(event.part, event.data)
            elif event.data is not None:
                count += len(event.data)
                if count > _FIELDS:
                    raise HTTPException(413)
                fields[event.part.name] = fields.get(event.part.name, b"") + event.data
    if not reader.over:
        raise HTTPException(400)
    return {name: _text(value) for name, value in fields.items()}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _plain(name: str) -> str:
    """Undo what browsers do to quotes and ends of lines in names."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
