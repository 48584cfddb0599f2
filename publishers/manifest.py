"""The manifest: what a stranger needs to find the videos, to know how they were made, and to check every byte.

The dataclasses are the schema ``lipsyncd.manifest/1`` (also written down in ``manifest.schema.json``): a key per field,
in this order. All of it is deterministic but ``created`` and the receipts, and none of it names a path of the machine.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from publishers import codec, disk, unixfs
from publishers.base import Artifact, Receipt
from publishers.cid import directory_cid
from publishers.errors import ManifestError
from publishers.filename import plain

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
class Speech:
    """An audio file as it was dropped; ``duration`` in seconds."""

    file: str
    sha256: str
    bytes: int
    duration: float

    def __post_init__(self) -> None:
        _check_file(self.file, self.sha256, self.bytes)
        _check_seconds(self.duration)


@dataclass(frozen=True)
class Face:
    """A photo or a video as it was dropped."""

    file: str
    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        _check_file(self.file, self.sha256, self.bytes)


@dataclass(frozen=True)
class Weights:
    """Weights that took part."""

    name: str
    sha256: str
    licence: str

    def __post_init__(self) -> None:
        _check_sha256(self.sha256)


@dataclass(frozen=True)
class Engine:
    """Which engine drew the mouths, with which weights."""

    name: str
    version: str
    weights: tuple[Weights, ...]


@dataclass(frozen=True)
class Poster:
    """A still picture of a video; its receipts are left out while there are none."""

    file: str
    sha256: str
    bytes: int
    cid: str
    receipts: tuple[Receipt, ...] = field(default=(), metadata=codec.OPTIONAL)

    def __post_init__(self) -> None:
        _check_file(self.file, self.sha256, self.bytes)
        unixfs.binary(self.cid)
        _check_receipts(self.receipts)

    @classmethod
    def of(cls, artifact: Artifact, receipts: tuple[Receipt, ...] = ()) -> Poster:
        """Describe an identified picture."""
        return cls(artifact.name, artifact.sha256, artifact.bytes, artifact.cid, receipts)


@dataclass(frozen=True)
class Video:
    """A finished video.

    Attributes:
        duration: Seconds.
        fps: Frames per second, exact.
        coverage: Share of the frames whose mouth was driven, 0–1.
        receipts: Where it is kept.
        speech: What it says, where that differs from the manifest's ``speech``; left out otherwise.
        who: The photo that told who is meant, where there was one.
        warnings: Plain sentences about what is less good than it could be; left out where there are none.
    """

    file: str
    sha256: str
    bytes: int
    cid: str
    media_type: str
    duration: float
    width: int
    height: int
    fps: Fraction
    frames: int
    face: Face
    coverage: float
    engine: Engine
    poster: Poster
    receipts: tuple[Receipt, ...] = ()
    speech: Speech | None = field(default=None, metadata=codec.OPTIONAL)
    who: Face | None = field(default=None, metadata=codec.OPTIONAL)
    warnings: tuple[str, ...] = field(default=(), metadata=codec.OPTIONAL)

    def __post_init__(self) -> None:
        _check_file(self.file, self.sha256, self.bytes)
        unixfs.binary(self.cid)
        _check_seconds(self.duration)
        _check_receipts(self.receipts)
        if min(self.width, self.height) < 1 or self.frames < 0 or self.fps <= 0:
            raise ValueError(f"{self.file} has {self.width}x{self.height} pixels, {self.frames} frames, {self.fps} fps")
        if not 0 <= self.coverage <= 1:
            raise ValueError(f"coverage is {self.coverage}; it must be from 0 to 1")


@dataclass(frozen=True)
class Failure:
    """A face that became no video, why, and what a person can do about it."""

    face: str
    error: str
    hint: str


@dataclass(frozen=True)
class Directory:
    """The IPFS directory that holds all videos and posters, flat, under their names; nothing else is in it."""

    cid: str
    profile: str

    def __post_init__(self) -> None:
        unixfs.profile_of(self.profile)
        unixfs.binary(self.cid)

    @classmethod
    def of(cls, artifacts: Iterable[Artifact], profile: str = unixfs.MODERN) -> Directory:
        """Address these files (all videos and posters of a result) as one directory.

        Raises:
            Refused: There are more files than fit one block.
        """
        return cls(directory_cid({artifact.name: artifact for artifact in artifacts}, profile), profile)


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


def _check_file(name: str, sha256: str, size: int) -> None:
    plain(name)
    _check_sha256(sha256)
    if size < 0:
        raise ValueError(f"{name} has {size} bytes")


def _check_sha256(sha256: str) -> None:
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"{sha256!r} is not a sha256 in lower-case hex")


def _check_seconds(seconds: float) -> None:
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"duration is {seconds}")


def _check_receipts(receipts: tuple[Receipt, ...]) -> None:
    for receipt in receipts:
        _check_sha256(receipt.sha256)
        for address in (receipt.address, receipt.gateway):
            if address.startswith(("/", "file:", "\\")):
                raise ValueError(f"{receipt.publisher} gave a path of this machine as an address")
