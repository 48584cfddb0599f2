"""Places: where notices go. What may be said in the settings itself, and what is read from where secrets are kept.

An address for Apprise mostly holds a token or a password: such ones stand in files of mode 0600, one a line, or in the
systemd credential ``notify-urls``. Who is asked for a place here never gives its address to anybody but Apprise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from daemon.name import shown
from publishers import PublisherError, read_secret

CREDENTIAL = "notify-urls"
"""Of systemd: ``LoadCredential=notify-urls:FILE``; one address a line."""
_OPEN = frozenset({"json", "jsons", "xml", "xmls", "form", "forms"})
"""Kinds of addresses that need no secret; all others belong into a file."""
_TOKEN = re.compile(r"(?=[^/]*\d)[\w~.=:%+-]{20,}")
"""What is as long as this and has digits in it is taken for a secret."""
_MOST = 50


@dataclass(frozen=True)
class Place:
    """Where a notice can go.

    Attributes:
        label: What it is called in logs and on screens: where it stands, and its kind.
        url: For Apprise alone; "" where it could not be read.
        fault: Why it could not be read, or "".
    """

    label: str
    url: str = field(default="", repr=False)
    fault: str = ""


def is_file(entry: str) -> bool:
    """Say whether an entry of the settings is the path of a file."""
    return entry.startswith(("/", "~/")) and entry.isprintable()


def is_open(entry: str) -> bool:
    """Say whether an entry is an address that holds nothing secret."""
    try:
        parts = urlsplit(entry)
        sound = parts.scheme in _OPEN and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    bare = "@" not in parts.netloc and not parts.query and not parts.fragment and entry.isprintable()
    return sound and bare and not _TOKEN.search(parts.path)


def wanted(entries: Sequence[str]) -> bool:
    """Say whether anybody shall be told anything."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(entries) or (bool(folder) and (Path(folder) / CREDENTIAL).exists())


def places(entries: Sequence[str]) -> list[Place]:
    """Give all places: those that the settings name, those in the files they name, and those systemd hands over."""
    found: list[Place] = []
    for number, entry in enumerate(entries, 1):
        if is_file(entry):
            found += _read(shown(Path(entry).name), entry)
        else:
            found.append(Place(f"notify.urls {number} ({_kind(entry)})", entry))
    return [*found, *_read(f"credential {CREDENTIAL}", "")][:_MOST]


def _read(called: str, file: str) -> Iterator[Place]:
    try:
        secret = read_secret(file, CREDENTIAL)
    except PublisherError as error:
        yield Place(called, fault=f"{error.message}. {error.hint}")
        return
    lines = [line.strip() for line in secret.reveal().splitlines()] if secret else []
    for number, url in enumerate(lines, 1):
        if url and not url.startswith("#"):
            yield Place(f"{called} line {number} ({_kind(url)})", url)
    if secret and all(not url or url.startswith("#") for url in lines):
        yield Place(called, fault="it holds no address; put one on each line")


def _kind(url: str) -> str:
    """Give the part before "://" where it can be shown: somebody may have put a bare token into the line."""
    kind = url.partition("://")[0] if "://" in url else ""
    return kind if re.fullmatch(r"[a-z][a-z0-9]{1,15}", kind) else "?"
