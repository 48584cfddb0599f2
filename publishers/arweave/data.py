"""A file as Arweave sees it: chunks, each with the proof that it belongs to the file.

``Data.of`` reads the file once and keeps the digests of its chunks; ``chunk`` reads one again when it is to be sent.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from publishers.arweave.encoding import encode
from publishers.arweave.merkle import CHUNK, Span, Tree, proves, spans
from publishers.base import Beat, quietly
from publishers.errors import Mismatch

INLINE = CHUNK
"""Data of at most so many bytes may travel in the header itself, in one call (arweave-js does the same)."""


@dataclass(frozen=True)
class Chunk:
    """A piece of the data with its proof, as ``POST /chunk`` takes it.

    Attributes:
        data_root: Of the transaction, base64url.
        data_size: Bytes of all the data.
        data_path: The proof.
        offset: Position of the chunk's last byte in the data.
        chunk: The bytes.
    """

    data_root: str
    data_size: int
    data_path: bytes
    offset: int
    chunk: bytes

    @property
    def document(self) -> dict[str, str]:
        """What is posted: numbers as text, bytes as base64url."""
        return {
            "data_root": self.data_root,
            "data_size": str(self.data_size),
            "data_path": encode(self.data_path),
            "offset": str(self.offset),
            "chunk": encode(self.chunk),
        }


@dataclass(frozen=True)
class Data:
    """A file as Arweave sees it; holds digests, never the bytes.

    Attributes:
        path: The file, which no longer changes.
        size: Its bytes.
        tree: Of its chunks; None where there are no bytes.
    """

    path: Path
    size: int
    tree: Tree | None

    @classmethod
    def of(cls, path: Path, beat: Beat = quietly) -> Data:
        """Read a file once, from beginning to end, a chunk at a time.

        Raises:
            OSError: It cannot be read.
            Mismatch: It changed while it was read.
        """
        size = path.stat().st_size
        digests = []
        with path.open("rb") as file:
            for span in spans(size):
                digests.append(hashlib.sha256(_read(file, span)).digest())
                beat(span.end / size)
            if file.read(1):
                raise _changed()
        return cls(path, size, Tree(size, digests) if size else None)

    @property
    def root(self) -> str:
        """``data_root``, base64url; "" where there are no bytes."""
        return encode(self.tree.root) if self.tree else ""

    @property
    def chunks(self) -> int:
        """How many chunks are to be sent; the empty one at the end is not."""
        if self.tree is None:
            return 0
        return len(self.tree.spans) - (self.size % CHUNK == 0)

    def chunk(self, index: int) -> Chunk:
        """Read a chunk, compare it with what was read before, and check its proof.

        Args:
            index: 0 up to, and without, ``chunks``.

        Raises:
            IndexError: There is no such chunk.
            OSError: The file cannot be read.
            Mismatch: The file is no longer the one that was read.
        """
        if self.tree is None or not 0 <= index < self.chunks:
            raise IndexError(f"there is no chunk {index} of {self.chunks}")
        span, proof = self.tree.spans[index], self.tree.proof(index)
        with self.path.open("rb") as file:
            file.seek(span.start)
            piece = _read(file, span)
        if not proves(self.tree.root, self.size, proof, piece):
            raise _changed()
        return Chunk(self.root, self.size, proof.path, proof.offset, piece)

    def inline(self) -> bytes:
        """Return all bytes where they may travel in the header, else none.

        Raises:
            OSError: The file cannot be read.
            Mismatch: The file is no longer the one that was read.
        """
        return self.chunk(0).chunk if 0 < self.size <= INLINE else b""


def _read(file: BinaryIO, span: Span) -> bytes:
    piece = file.read(span.end - span.start)
    if len(piece) != span.end - span.start:
        raise _changed()
    return piece


def _changed() -> Mismatch:
    return Mismatch("the file changed after it was read", "Make the job anew.")
