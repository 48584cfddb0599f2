"""The file itself: whether it still is what was hashed, before anything about it is told to the world."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from publishers.base import Artifact, Beat
from publishers.errors import Mismatch, Refused, Unreachable

PIECE = 1024 * 1024


def check_original(artifact: Artifact, beat: Beat) -> None:
    """Hash the file once more.

    Raises:
        Refused: It is gone.
        Mismatch: It changed since it was hashed.
        Unreachable: The disk is failing.
    """
    digest, count = hashlib.sha256(), 0
    for piece in pieces_of(artifact):
        digest.update(piece)
        count += len(piece)
        beat(min(count / max(artifact.bytes, 1), 1.0))
    if digest.hexdigest() != artifact.sha256:
        raise changed(artifact)


def pieces_of(artifact: Artifact, size: int = PIECE) -> Iterator[bytes]:
    """Yield the file in pieces of a size, the last one shorter; of an empty file, nothing.

    Raises:
        Refused: It is gone.
        Unreachable: The disk is failing.
    """
    try:
        with artifact.path.open("rb") as file:
            while piece := file.read(size):
                yield piece
    except FileNotFoundError:
        raise Refused(f"{artifact.name} is no longer where it was made", "Make the job anew.") from None
    except OSError as error:
        raise Unreachable(f"{artifact.name} cannot be read ({error.strerror or error})", "Look at the disk.") from None


def changed(artifact: Artifact) -> Mismatch:
    """Return the error that the file is no longer what was hashed."""
    return Mismatch(f"{artifact.name} changed after it was hashed", "Make the job anew.")
