"""The manifest: what a stranger needs to find the videos, to know how they were made, and to check every byte.

The dataclasses here and in ``entry`` are the schema ``lipsyncd.manifest/1`` (also written down in
``manifest.schema.json``): a key per field, in this order. All of it is deterministic but ``created`` and the receipts,
and none of it names a path of the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from publishers import codec, disk, unixfs
from publishers.base import Artifact, Receipt
from publishers.cid import directory_cid
from publishers.contenthash import contenthash
from publishers.entry import Speech, Video, check_receipts
from publishers.errors import ManifestError

SCHEMA = "lipsyncd.manifest/1"
FILE_NAME = "manifest.json"
LARGEST = 64 * 1024 * 1024
"""Bytes of a manifest that are read; ours take some kilobytes."""


@dataclass(frozen=True)
class Tool:
    """What made the videos."""

    name: str
    version: str


@dataclass(frozen=True)
class Failure:
    """A face that became no video, why, and what a person can do about it."""

    face: str
    error: str
    hint: str


@dataclass(frozen=True)
class Directory:
    """The IPFS directory that holds all videos and posters, flat, under their names; nothing else is in it.

    Attributes:
        contenthash: What an ENS name's content hash is set to so that it leads to the directory; "" in old manifests.
        receipts: Where all files are kept together under one address (``ipfs://ROOT``, ``ar://PATH-MANIFEST``).
    """

    cid: str
    profile: str
    contenthash: str = field(default="", metadata=codec.OPTIONAL)
    receipts: tuple[Receipt, ...] = field(default=(), metadata=codec.OPTIONAL)

    def __post_init__(self) -> None:
        unixfs.profile_of(self.profile)
        unixfs.binary(self.cid)
        check_receipts(self.receipts)
        if self.contenthash and not re.fullmatch(r"0xe301[0-9a-f]{72}", self.contenthash):
            raise ValueError(f"{self.contenthash!r} is no contenthash of an IPFS address")

    @classmethod
    def of(
        cls, artifacts: Iterable[Artifact], profile: str = unixfs.MODERN, receipts: tuple[Receipt, ...] = ()
    ) -> Directory:
        """Address these files (all videos and posters of a result) as one directory.

        Raises:
            Refused: There are more files than fit one block.
        """
        cid = directory_cid({artifact.name: artifact for artifact in artifacts}, profile)
        return cls(cid, profile, contenthash(cid), receipts)


@dataclass(frozen=True)
class Manifest:
    """All about one result.

    Attributes:
        title: The drop's name, or what its job.toml says.
        created: When it was written; kept to the second, in UTC.
        speech: What ``videos[0]`` says, and every video that names no other.
        videos: What was made, in order.
        failures: What was not.
        description: Some words of the person, or "".
    """

    title: str
    created: datetime
    tool: Tool
    speech: Speech
    videos: tuple[Video, ...]
    failures: tuple[Failure, ...]
    directory: Directory
    description: str = ""

    def __post_init__(self) -> None:
        if self.created.tzinfo is None:
            raise ValueError("created must have a time zone")
        object.__setattr__(self, "created", self.created.astimezone(UTC).replace(microsecond=0))
        listed = [name for video in self.videos for name in (video.file, video.poster.file)]
        listed += [video.metadata.file for video in self.videos if video.metadata]
        if len(set(listed)) != len(listed):
            raise ValueError("two published files have the same name")

    def to_json(self) -> str:
        """Return the document's one text, with a newline at its end."""
        return codec.dumps({"schema": SCHEMA, **codec.encode(self)})

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read a document strictly.

        Raises:
            ManifestError: It is torn, or not of our schema; the message names the place.
        """
        value = codec.loads(text)
        schema = value.pop("schema", None) if isinstance(value, dict) else None
        if schema != SCHEMA:
            raise ManifestError(f"its schema is {schema!r}, not {SCHEMA!r}", "Is lipsyncd up to date?")
        return codec.decode(cls, value)


def write_manifest(manifest: Manifest, folder: Path) -> Path:
    """Write ``manifest.json`` into a folder, whole or not at all, and return where it is.

    Raises:
        OSError: It cannot be written.
    """
    path = folder / FILE_NAME
    disk.replace(path, manifest.to_json().encode())
    return path


def read_manifest(path: Path) -> Manifest:
    """Read a manifest, given it or the folder it is in.

    Raises:
        ManifestError: It is missing, torn or not of our schema.
    """
    if path.is_dir():
        path = path / FILE_NAME
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ManifestError(f"there is no {path.name}", "Give a folder of done/, or its manifest.json.") from None
    except OSError as error:
        raise ManifestError(f"{path.name} cannot be read ({error.strerror})") from None
    if len(text) > LARGEST:
        raise ManifestError(f"{path.name} is larger than any manifest")
    try:
        return Manifest.from_json(text)
    except ManifestError as error:
        hint = error.hint or "Fetch it again, or make the job anew."
        raise ManifestError(f"{path.name} is no manifest: {error.message}", hint) from None
