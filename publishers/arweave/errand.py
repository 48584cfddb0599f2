"""One file on its way to one network: what every step of posting it needs to know."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from publishers.arweave.data import Data
from publishers.base import Artifact, Beat, Parcel
from publishers.errors import Mismatch, Refused

PIECE = 1024 * 1024


@dataclass(frozen=True)
class Errand:
    """What is to be posted, for whom, and where.

    Attributes:
        artifact: The file; its name is "" for a path manifest.
        parcel: What pays for it.
        beat: Called all the while.
        place: The ledger's name of the network.
        height: The network's at the beginning.
    """

    artifact: Artifact
    parcel: Parcel
    beat: Beat
    place: str
    height: int

    @property
    def called(self) -> str:
        """What people call the file."""
        return self.artifact.name or "the path manifest"

    def data(self) -> Data:
        """Read the file and return its chunks.

        Raises:
            Refused: It is gone or empty.
            Mismatch: It changed since it was hashed.
        """
        if not self.artifact.bytes:
            raise nothing_in(self.called)
        try:
            if self._sha256() != self.artifact.sha256:
                raise Mismatch(f"{self.called} changed after it was hashed", "Make the job anew.")
            return Data.of(self.artifact.path, lambda _share: self.beat(0.0))
        except OSError as error:
            raise Refused(
                f"{self.called} is no longer where it was made ({error.strerror or error})", "Make the job anew."
            ) from error

    def _sha256(self) -> str:
        digest = hashlib.sha256()
        with self.artifact.path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                self.beat(0.0)
        return digest.hexdigest()


def nothing_in(name: str) -> Refused:
    """Return what is to be said of a file without bytes: no node takes it."""
    return Refused(f"{name} is empty: there is nothing to publish on Arweave", "Take it out.")
