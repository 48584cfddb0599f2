"""What a transaction says about its data: names and values in the open, by which it is found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from publishers.base import Artifact

APP = "lipsyncd"
APP_NAME, CONTENT_TYPE, SHA256 = "App-Name", "Content-Type", "SHA-256"
LARGEST = 2048
"""Bytes that all names and values together may have; the nodes take no more."""
MOST = 128
_ROOM = 1024
"""Bytes for a title, cut where there are more: the file's own name is what must stay."""


@dataclass(frozen=True)
class Tag:
    """A name and a value; UTF-8."""

    name: str
    value: str


def describe(artifact: Artifact, title: str) -> tuple[Tag, ...]:
    """Return the tags of a file.

    Args:
        artifact: The file.
        title: Of what it belongs to; cut after 1024 bytes, left out where it is empty.
    """
    said = (
        (CONTENT_TYPE, artifact.media_type),
        (APP_NAME, APP),
        ("App-Version", version(APP)),
        ("Title", title.strip().encode()[:_ROOM].decode(errors="ignore")),
        ("File-Name", artifact.name),
        ("IPFS-CID", artifact.cid),
        (SHA256, artifact.sha256),
    )
    return tuple(Tag(name, value) for name, value in said if value)


def check(tags: Sequence[Tag]) -> None:
    """Check what every node checks.

    Raises:
        ValueError: There are too many tags, too many bytes in them, or one is empty.
    """
    if len(tags) > MOST:
        raise ValueError(f"a transaction takes {MOST} tags, not {len(tags)}")
    if any(not tag.name or not tag.value for tag in tags):
        raise ValueError("a tag has no name or no value")
    size = sum(len(tag.name.encode()) + len(tag.value.encode()) for tag in tags)
    if size > LARGEST:
        raise ValueError(f"the tags of a transaction have at most {LARGEST} bytes, not {size}")
