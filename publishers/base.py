"""Artifact, Parcel, Receipt and the protocols of a publisher.

A publisher is a ``Publisher`` or an ``Announcer``. A ``Publisher`` may also be a ``Gatherer``, a ``Quoter`` and
``Examined``; who needs that asks by ``isinstance``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

Beat = Callable[[float], None]
"""Called about every second during long work with the share that is done, 0–1. What it raises ends the work."""


def quietly(_share: float) -> None:
    """Be a ``Beat`` to which nobody listens."""


@dataclass(frozen=True)
class Artifact:
    """A file that no longer changes.

    Attributes:
        path: Where it is on this machine; never written into a manifest.
        name: Its name in the result, unique there ("alice.mp4").
        media_type: "video/mp4", "image/jpeg", …
        bytes: Its size.
        sha256: Lower-case hex of its content.
        cid: CIDv1, base32, under ``profile``.
        profile: Name of the UnixFS profile, e.g. "unixfs-v1-2025".
    """

    path: Path
    name: str
    media_type: str
    bytes: int
    sha256: str
    cid: str
    profile: str


@dataclass(frozen=True)
class Receipt:
    """That a publisher has an artifact, and where a stranger finds it.

    Attributes:
        publisher: "folder", "ipfs", "arweave", …
        name: The artifact's name; "" for all files of a parcel under one address.
        sha256: Of the bytes published; of the directory's block, or of the path manifest, for a parcel.
        address: Permanent address ("ipfs://…", "ar://…"; "folder:…" names a file in the publisher's directory, never
            a path of the machine: receipts go into manifests).
        gateway: Address a browser understands, or "".
        state: "sent", "pending", "confirmed" or "read back".
    """

    publisher: str
    name: str
    sha256: str
    address: str
    gateway: str
    state: str


@dataclass(frozen=True)
class Parcel:
    """What belongs together: the files of one job, or of one call of ``lipsyncd publish``.

    Attributes:
        id: What all files with one id cost together is held to one cap.
        title: For people.
        artifacts: The files known by now, all of them, in order.
        papers: How many small files (at most 64 KiB each: metadata, manifest) will follow.
    """

    id: str
    title: str
    artifacts: tuple[Artifact, ...]
    papers: int = 0


@dataclass(frozen=True)
class QuoteLine:
    """What one file would get and cost.

    Attributes:
        name: The file's; "" for all of them under one address.
        address: The one it will have, or "" where that is known only once it is signed.
        winston: Price in the smallest unit of AR, 0 where nothing is paid, None where the price is not known.
        paid: These bytes are published and paid for already.
    """

    name: str
    address: str
    winston: int | None
    paid: bool = False


@dataclass(frozen=True)
class Quote:
    """What publishing a parcel would come to at one publisher.

    Attributes:
        lines: One a file, in order; then one for all of them, where there is such an address.
        winston: The whole price, papers included; None where it is not known.
        note: A plain sentence on it, or "": where the price is from, what is still unknown.
    """

    publisher: str
    lines: tuple[QuoteLine, ...]
    winston: int | None
    note: str = ""


@dataclass(frozen=True)
class Examination:
    """One thing that a publisher looked at in itself, for ``lipsyncd doctor``.

    Attributes:
        name: What was looked at: "node", "gateway", "wallet", "clock", …
        state: "ok", "warn" (works, but worse than it could) or "fail".
        found: What was found.
        advice: What to do, where the state is not "ok".
    """

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Post:
    """A text to be put before readers."""

    title: str
    markdown: str
    summary: str = ""


@runtime_checkable
class Publisher(Protocol):
    """A place that keeps artifacts for good."""

    @property
    def name(self) -> str:
        """Short name, the one used in ``publish.to``."""
        ...

    def publish(self, artifact: Artifact, parcel: Parcel, beat: Beat) -> Receipt:
        """Return once the service has everything and it was read back.

        A second call with the same artifact *continues* the first, even in a new process or for another parcel, and
        never pays twice.

        Args:
            artifact: What to publish.
            parcel: What it belongs to.
            beat: Called all the while.

        Raises:
            Pending: Everything is sent and only time is missing; call again after ``wait`` seconds.
            PublishError: See ``errors``; ``passing`` says whether to come back.
        """
        ...

    def verify(self, receipt: Receipt) -> None:
        """Fetch what the receipt names and compare its hash.

        Raises:
            Mismatch: The bytes are others.
            Unreachable: Nobody answered.
        """
        ...


@runtime_checkable
class Gatherer(Protocol):
    """A publisher that gives all files of a parcel one address, under which each has its name."""

    def gather(self, parcel: Parcel, receipts: Sequence[Receipt], beat: Beat) -> Receipt:
        """Return the receipt of the whole, named ""; once only, as ``publish``.

        Args:
            parcel: With all its artifacts.
            receipts: One of this publisher for each of them.
            beat: Called all the while.

        Raises:
            PublishError: As ``publish``.
        """
        ...


@runtime_checkable
class Quoter(Protocol):
    """A publisher that knows beforehand what it would cost and where things would be."""

    def quote(self, parcel: Parcel, online: bool) -> Quote:
        """Return addresses and prices.

        Args:
            parcel: With all artifacts, and the number of papers to come.
            online: Ask the service for prices and balance; else nothing leaves this machine.

        Raises:
            Refused: (online) It is dearer than allowed, or more than there is.
            Unreachable: (online) Nobody answered.
        """
        ...


@runtime_checkable
class Examined(Protocol):
    """A publisher that can look whether it would work."""

    def examine(self) -> tuple[Examination, ...]:
        """Look at the service, the rights, the purse and the clock, in under 5 seconds; changes nothing."""
        ...


@runtime_checkable
class Announcer(Protocol):
    """A place that is handed the finished post, as a draft that a person releases there."""

    @property
    def name(self) -> str:
        """Short name, the one used in ``publish.to``."""
        ...

    def announce(self, post: Post, parcel: Parcel, beat: Beat) -> Receipt:
        """Leave the draft there, once for each parcel, and return where the person finds it.

        Raises:
            PublishError: See ``errors``; ``passing`` says whether to come back.
        """
        ...
