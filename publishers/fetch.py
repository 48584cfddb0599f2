"""Fetch: a large file from the first address that gives it whole, and how such addresses look. Loads no httpx early."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from publishers.errors import PublisherError

Step = Callable[[int, int], None]
"""Called with the bytes that are here and those of the whole; 0 where nobody knows."""


@dataclass(frozen=True)
class Wanted:
    """A file to fetch.

    Attributes:
        file: What it is to be called.
        urls: Where it is, in the order to try.
        bytes: Its size; 0 where unknown.
        sha256: Its sha256, or the beginning of it, or "".
    """

    file: str
    urls: tuple[str, ...]
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Fetched:
    """A file that is here, whole and checked."""

    path: Path
    bytes: int
    sha256: str
    url: str


def download(
    wanted: Wanted,
    folder: Path,
    step: Step,
    note: Callable[[str], None],
    *,
    spare: int = 0,
    pause: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Fetch a file, from the first address that gives it whole.

    Args:
        wanted: What.
        folder: Where it is to lie; made where it is missing.
        step: Told all the while how far it is.
        note: Told what went wrong and is tried again.
        spare: Bytes that stay free on the disk.
        pause: Waits some seconds between two tries.

    Raises:
        Unstorable: There is no room or no right to write, or another fetch of this file is running.
        Unreachable: No address answered, or each broke off; what came is kept for the next time.
        Refused: No address has it.
        Mismatch: What came is not what was promised; it is gone.
    """
    from publishers import http_download

    return http_download.download(wanted, folder, step, note, spare, pause)


def address(base: str, file: str) -> str:
    """Give where a file is at a mirror.

    Args:
        base: "https://…", "http://…", "file:///…" or a folder of this machine.
        file: The file's name.

    Raises:
        PublisherError: The mirror is none of those.
    """
    if base.startswith(("/", "~/")):
        return (Path(base).expanduser() / file).as_uri()
    url = f"{base.rstrip('/')}/{quote(file)}"
    check_address(url)
    return url


def check_address(url: str) -> None:
    """See that an address is one that can be fetched from.

    Raises:
        PublisherError: It is not, or has a name or password in it.
    """
    hint = 'It must be "https://…", "http://…", "file:///…" or a folder, without a name or password.'
    try:
        parts = urlsplit(url)
        named = parts.username is not None or parts.password is not None
        local = parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/")
        sound = not named and (local or (parts.scheme in ("http", "https") and bool(parts.hostname)))
    except ValueError:
        sound, named = False, False
    if not sound:
        raise PublisherError("an address has a name or password in it" if named else f"{url!r} is no address", hint)


def host(url: str) -> str:
    """Give what a person calls a source: its host, or "this machine"."""
    parts = urlsplit(url)
    return "this machine" if parts.scheme == "file" else parts.netloc
