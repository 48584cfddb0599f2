"""All gateways that are asked: one that also takes what is posted, and others that must show the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from publishers.arweave.answers import Anchor, Status
from publishers.arweave.encoding import decode
from publishers.arweave.network import Gateway
from publishers.arweave.pathmanifest import MEDIA_TYPE
from publishers.base import Artifact, Beat
from publishers.errors import Mismatch, PublisherError, Unreachable
from publishers.http import Answer, Read

_NOT_THERE = frozenset({202, 404, 410})


@dataclass(frozen=True)
class Gateways:
    """The first is asked for everything; the others for what must not rest on one answer.

    Attributes:
        first: Takes transactions.
        also: Read back from, and asked before something is given up.
    """

    first: Gateway
    also: tuple[Gateway, ...] = ()

    @property
    def all(self) -> Sequence[Gateway]:
        """The first and the others."""
        return (self.first, *self.also)

    def close(self) -> None:
        """Close what is open."""
        for gateway in self.all:
            gateway.close()

    def status(self, identity: str) -> Status:
        """Return what has become of a transaction; "absent" only where no gateway that answers knows it.

        Raises:
            Unreachable: The first does not answer.
        """
        status = self.first.status(identity)
        for gateway in self.also:
            if status.state != "absent":
                break
            try:
                status = gateway.status(identity)
            except Unreachable:
                continue
        return status

    def gone(self, identity: str, anchor: Anchor, owner: str, sha256: str) -> bool:
        """Return whether a transaction is nowhere, and can no longer come to be anywhere.

        Every gateway must answer, be of the first one's network and so far on that the anchor has expired; none may
        know the transaction by its state, itself, or in its index.

        Args:
            identity: Of the transaction.
            anchor: Of its header.
            owner: Address of the wallet that signed it.
            sha256: Of the bytes, in hex.

        Raises:
            Unreachable: One does not answer.
            PublisherError: One belongs to another network.
        """
        network = self.first.info().network
        for gateway in self.all:
            info = gateway.info()
            if info.network != network:
                raise PublisherError(
                    f"{gateway.url} shows the network {info.network}, and {self.first.url} {network}",
                    "Take it out of publish.arweave.also.",
                )
            if not anchor.expired(info.height) or gateway.status(identity).state != "absent":
                return False
            if gateway.header(identity) is not None or identity in (gateway.find(owner, sha256) or ()):
                return False
        return True

    def read_back(self, gateway: Gateway, identity: str, artifact: Artifact, beat: Beat) -> bool:
        """Read the bytes from a gateway; return whether it has them yet.

        Raises:
            Mismatch: It has others.
            Unreachable: It does not answer.
        """
        found = _read(gateway, identity, artifact.bytes, artifact.media_type, beat)
        if isinstance(found, Answer):
            if found.status in _NOT_THERE:
                return False
            raise gateway.web.fault(found, f"asked for {artifact.name or 'the path manifest'}")
        if found.bytes < artifact.bytes:
            return False  # a gateway that has not gathered all chunks yet serves what it has
        if found.sha256 != artifact.sha256:
            raise Mismatch(
                f"{gateway.web.host} serves other bytes for {artifact.name or 'the path manifest'} than were published",
                "Ask another gateway; what was paid for is not lost.",
            )
        return True


def _read(gateway: Gateway, identity: str, size: int, media_type: str, beat: Beat) -> Read | Answer:
    """Read a transaction's own bytes: of a path manifest, a gateway shows the file that it points at."""
    if media_type != MEDIA_TYPE:
        return gateway.web.read(f"/{identity}", size, beat=beat)
    found = gateway.web.read(f"/raw/{identity}", size, beat=beat)
    if isinstance(found, Read) or found.status not in _NOT_THERE:
        return found
    answer = gateway.web.get(f"/tx/{identity}/data")  # as nodes give it: base64url, up to 12 MB
    if answer.status != 200:
        return answer
    try:
        data = decode(answer.text)
    except ValueError:
        return Answer(404, b"")
    return Read(hashlib.sha256(data).hexdigest(), len(data), media_type)
