"""Artifact, Receipt and the protocol of a publisher."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


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
        name: The artifact's name.
        sha256: Of the bytes published.
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


@runtime_checkable
class Publisher(Protocol):
    """A place that keeps artifacts for good."""

    @property
    def name(self) -> str:
        """Short name, the one used in ``publish.to``."""
        ...

    def publish(self, artifact: Artifact, drawer: Path) -> Receipt:
        """Return once the service has everything and it was read back.

        A second call with the same artifact and drawer *continues* the first, even in a new process,
        and never pays twice.

        Args:
            artifact: What to publish.
            drawer: A private directory of this publisher for this job; outlives the process.

        Raises:
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
