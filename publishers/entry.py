"""What a manifest lists: a video and all that belongs to it, each a frozen dataclass with a key per field."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from fractions import Fraction

from publishers import codec, unixfs
from publishers.base import Artifact, Receipt
from publishers.filename import plain


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
class Credentials:
    """Content credentials (C2PA) inside a file, as they were read back after signing.

    Attributes:
        state: "valid" where signature and content agree, else what is wrong with them.
        issuer: Who signed, as the certificate says; anybody can make a certificate that says anything.
        trusted: Whether an authority that strangers know vouches for ``issuer``; false for a self-made certificate.
        source: The digital source type that was signed, by its short name ("compositeWithTrainedAlgorithmicMedia").
        certificate: sha256 of the signing certificate (DER) in lower-case hex, or "".
    """

    state: str
    issuer: str
    trusted: bool
    source: str = field(default="", metadata=codec.OPTIONAL)
    certificate: str = field(default="", metadata=codec.OPTIONAL)

    def __post_init__(self) -> None:
        if self.certificate:
            _check_sha256(self.certificate)


@dataclass(frozen=True)
class Label:
    """How a video says of itself that it was made by a machine.

    Attributes:
        visible: The words that are seen in it, or "" where there are none.
        style: Where they are seen: "corner" or "opening"; "" where there are none.
        metadata: Names of what programs read in the file: "AIGC" (GB 45438-2025), "IPTC" (digital source type).
    """

    visible: str = ""
    style: str = ""
    metadata: tuple[str, ...] = ()


@dataclass(frozen=True)
class Poster:
    """A still picture of a video; its receipts are left out while there are none."""

    file: str
    sha256: str
    bytes: int
    cid: str
    receipts: tuple[Receipt, ...] = field(default=(), metadata=codec.OPTIONAL)
    credentials: Credentials | None = field(default=None, metadata=codec.OPTIONAL)

    def __post_init__(self) -> None:
        _check_file(self.file, self.sha256, self.bytes)
        unixfs.binary(self.cid)
        check_receipts(self.receipts)

    @classmethod
    def of(
        cls, artifact: Artifact, receipts: tuple[Receipt, ...] = (), credentials: Credentials | None = None
    ) -> Poster:
        """Describe an identified picture."""
        return cls(artifact.name, artifact.sha256, artifact.bytes, artifact.cid, receipts, credentials)


@dataclass(frozen=True)
class Paper:
    """A small file about a video that lies beside it: its metadata.json. It is not in the directory, which it names."""

    file: str
    sha256: str
    bytes: int
    cid: str
    receipts: tuple[Receipt, ...] = field(default=(), metadata=codec.OPTIONAL)

    def __post_init__(self) -> None:
        _check_file(self.file, self.sha256, self.bytes)
        unixfs.binary(self.cid)
        check_receipts(self.receipts)

    @classmethod
    def of(cls, artifact: Artifact, receipts: tuple[Receipt, ...] = ()) -> Paper:
        """Describe an identified paper."""
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
        credentials: The content credentials in it; left out where there are none.
        label: How it is marked as made by a machine; left out where it is not.
        metadata: Its metadata.json, where one was made.
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
    credentials: Credentials | None = field(default=None, metadata=codec.OPTIONAL)
    label: Label | None = field(default=None, metadata=codec.OPTIONAL)
    metadata: Paper | None = field(default=None, metadata=codec.OPTIONAL)

    def __post_init__(self) -> None:
        _check_file(self.file, self.sha256, self.bytes)
        unixfs.binary(self.cid)
        _check_seconds(self.duration)
        check_receipts(self.receipts)
        if min(self.width, self.height) < 1 or self.frames < 0 or self.fps <= 0:
            raise ValueError(f"{self.file} has {self.width}x{self.height} pixels, {self.frames} frames, {self.fps} fps")
        if not 0 <= self.coverage <= 1:
            raise ValueError(f"coverage is {self.coverage}; it must be from 0 to 1")


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


def check_receipts(receipts: tuple[Receipt, ...]) -> None:
    """Refuse receipts that tell where things are on this machine.

    Raises:
        ValueError: One does, or its hash is none.
    """
    for receipt in receipts:
        _check_sha256(receipt.sha256)
        for address in (receipt.address, receipt.gateway):
            if address.startswith(("/", "file:", "\\")):
                raise ValueError(f"{receipt.publisher} gave a path of this machine as an address")
