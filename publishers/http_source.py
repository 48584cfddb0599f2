"""Source: one address of a file, opened at any byte: over HTTP, or on a disk of this machine.

No name, password or token is ever sent, and nobody can lead us from a sealed line to an open one.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

import httpx

from publishers.errors import Mismatch, Refused, Unreachable
from publishers.fetch import check_address, host
from publishers.http_faults import plainly

PIECE = 1 << 18
READ, CONNECT = 30.0, 10.0
"""Seconds between two pieces, and to get through."""
LEAST, WINDOW = 1024, 60.0
"""Bytes a second that a line must bring over so many seconds; a slower one is as good as broken."""
REDIRECTS = 8
_LATER = (408, 425, 429)
_HINT = "Look at the address; `lipsyncd models import FILE` takes a file from elsewhere."


@dataclass(frozen=True)
class Mark:
    """What tells one version of a file from another, and how far we are with it.

    Attributes:
        url: Where the part came from.
        tag: Its strong ETag, or "".
        modified: Its Last-Modified, or "".
        total: Bytes of the whole; 0 where nobody said.
    """

    url: str
    tag: str = ""
    modified: str = ""
    total: int = 0

    @property
    def condition(self) -> str:
        """What to send as If-Range; "" where nothing tells versions apart."""
        return self.tag or self.modified


@dataclass(frozen=True)
class Flow:
    """An open source.

    Attributes:
        start: The byte that comes first; 0 where the source begins anew.
        mark: Of the version that flows.
        pieces: The bytes, in order.
    """

    start: int
    mark: Mark
    pieces: Iterator[bytes]


@contextmanager
def opened(url: str, start: int, mark: Mark | None) -> Iterator[Flow]:
    """Open a source at a byte, or at its beginning where that is not to be had.

    Args:
        url: Where.
        start: Bytes that are there already.
        mark: Of the version they belong to; None where nobody knows.

    Raises:
        Unreachable: Nobody answered, or broke off, or is too slow; worth another try.
        Refused: It is not there, or nobody may have it.
        Mismatch: It answers with something else than a file.
    """
    check_address(url)
    if urlsplit(url).scheme == "file":
        with _disk(url, start, mark) as flow:
            yield flow
        return
    timeout = httpx.Timeout(READ, connect=CONNECT)
    with plainly(host(url)), httpx.Client(timeout=timeout, follow_redirects=False, trust_env=True) as client:
        response = _follow(client, url, start, mark)
        try:
            yield _flow(response, url, start, mark)
        finally:
            response.close()


def _follow(client: httpx.Client, url: str, start: int, mark: Mark | None) -> httpx.Response:
    """Open the stream, led on by hand: from https to http nobody leads us, and only to addresses of HTTP."""
    headers = {"User-Agent": "lipsyncd", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if mark and mark.condition and mark.url == url:
            headers["If-Range"] = mark.condition
    here = url
    for _ in range(REDIRECTS + 1):
        response = client.send(client.build_request("GET", here, headers=headers), stream=True)
        if response.status_code not in (301, 302, 303, 307, 308):
            return response
        onward = urljoin(here, response.headers.get("location", ""))
        response.close()
        here = _led(here, onward)
    raise Refused(f"{host(url)} sends us from one address to the next", _HINT)


def _led(here: str, onward: str) -> str:
    try:
        before, after = urlsplit(here), urlsplit(onward)
        named = after.username is not None or after.password is not None
        sound = after.scheme in ("http", "https") and bool(after.hostname) and not named
    except ValueError:
        sound = False
    if not sound:
        raise Refused(f"{host(here)} sends us to something that is no address", _HINT)
    if before.scheme == "https" and after.scheme != "https":
        raise Refused(f"{host(here)} sends us from https to http ({after.hostname}), where anybody could listen", _HINT)
    return onward


def _flow(response: httpx.Response, url: str, start: int, mark: Mark | None) -> Flow:
    who, status, said = host(url), response.status_code, response.headers
    if status == 416:
        raise Mismatch(f"{who} has no more than the {start} bytes that are here")
    if status in _LATER or status >= 500:
        raise Unreachable(f"{who} answered {status}", "It is tried again; is the service busy?")
    if status not in (200, 206):
        raise Refused(f"{who} answered {status}", _HINT)
    if said.get("content-encoding", "identity").lower() != "identity" or said.get("content-type", "").startswith(
        ("text/html", "multipart/")
    ):
        raise Mismatch(f"{who} answered with a page, not with a file", _HINT)
    fresh = Mark(url, _strong(said.get("etag", "")), said.get("last-modified", ""), _length(response))
    if status == 200:
        return Flow(0, fresh, _steadily(response, who))
    begin, total = _range(said.get("content-range", ""))
    fresh = Mark(fresh.url, fresh.tag, fresh.modified, total)
    if begin != start or (mark and mark.url == url and _differ(mark, fresh)):
        raise Mismatch(f"{who} has another version by now")
    return Flow(start, fresh, _steadily(response, who))


def _differ(before: Mark, now: Mark) -> bool:
    pairs = ((before.tag, now.tag), (before.modified, now.modified), (before.total, now.total))
    return any(old and new and old != new for old, new in pairs)


def _strong(tag: str) -> str:
    return "" if tag.startswith("W/") else tag


def _length(response: httpx.Response) -> int:
    said = response.headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdecimal() else 0


def _range(said: str) -> tuple[int, int]:
    """Give the first byte and the whole's length of a Content-Range; (-1, 0) where it is none."""
    found = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", said.strip(), re.ASCII)
    return (int(found[1]), 0 if found[2] == "*" else int(found[2])) if found else (-1, 0)


def _steadily(response: httpx.Response, who: str) -> Iterator[bytes]:
    """Yield pieces as they come (gathered, those before a break would be lost), as long as enough of them do."""
    since, count = time.monotonic(), 0
    for piece in response.iter_raw():
        yield piece
        count += len(piece)
        now = time.monotonic()
        if now - since >= WINDOW:
            if count < LEAST * (now - since):
                raise Unreachable(f"{who} is too slow ({count / (now - since):.0f} bytes a second)")
            since, count = now, 0


@contextmanager
def _disk(url: str, start: int, mark: Mark | None) -> Iterator[Flow]:
    path = Path(url2pathname(urlsplit(url).path))
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}", "Look at the folder and its rights.") from error
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise Refused(f"{path} is no file", "Look at the folder.")
        fresh = Mark(url, "", f"{facts.st_mtime_ns} {facts.st_ino}", facts.st_size)
        begin = 0 if start > facts.st_size or (mark and mark.url == url and _differ(mark, fresh)) else start
        os.lseek(handle, begin, os.SEEK_SET)
        yield Flow(begin, fresh, _read(handle, path))
    finally:
        os.close(handle)


def _read(handle: int, path: Path) -> Iterator[bytes]:
    try:
        while piece := os.read(handle, PIECE):
            yield piece
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror}", "Look at the disk.") from error
