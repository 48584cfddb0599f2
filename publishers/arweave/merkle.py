"""How Arweave cuts data into chunks, and the tree by which each chunk proves that it belongs to the data.

Chunks have 256 KiB. Where the rest behind a chunk would be under 32 KiB, the two are evened out. A size that is a
multiple of 256 KiB ends in a chunk of no bytes, which has its leaf in the tree and is never sent. Pairs of nodes make
the next layer; an odd one goes up as it is. A proof is the way from the root down to a leaf. All as ``merkle`` of
arweave-js and ``ar_merkle`` of the node do it; nothing here reads a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CHUNK = 256 * 1024
LEAST = 32 * 1024
"""Bytes that the last of several chunks has at least, the empty one excepted."""
HASH = 32
NOTE = 32
"""Bytes in which a position is written."""


@dataclass(frozen=True)
class Span:
    """Where a chunk lies: from ``start`` up to, and without, ``end``; in bytes."""

    start: int
    end: int


@dataclass(frozen=True)
class Proof:
    """That a chunk lies where it does.

    Attributes:
        offset: Position of its last byte in the data.
        path: Digests and positions from the root to the chunk (``data_path``).
    """

    offset: int
    path: bytes


@dataclass(frozen=True)
class _Node:
    digest: bytes
    end: int


def spans(size: int) -> Iterator[Span]:
    """Yield where the chunks of ``size`` bytes lie, the empty one at the end included; of no bytes there are none."""
    start = 0
    while size - start >= CHUNK:
        rest = size - start
        length = (rest + 1) // 2 if 0 < rest - CHUNK < LEAST else CHUNK
        yield Span(start, start + length)
        start += length
    if size:
        yield Span(start, size)


class Tree:
    """The tree over the digests of all chunks; holds some 200 bytes for each of them."""

    def __init__(self, size: int, digests: Sequence[bytes]) -> None:
        """Build it.

        Args:
            size: Bytes of the data, more than none.
            digests: SHA-256 of each chunk, in order, one for each of ``spans(size)``.

        Raises:
            ValueError: There are no bytes, or more or fewer digests than chunks.
        """
        self.spans = tuple(spans(size))
        self.digests = tuple(digests)
        if not self.spans or len(self.spans) != len(self.digests):
            raise ValueError(f"{size} bytes have {len(self.spans)} chunks, not {len(self.digests)}")
        self._layers = [_leaves(self.spans, self.digests)]
        while len(self._layers[-1]) > 1:
            self._layers.append(_parents(self._layers[-1]))

    @property
    def root(self) -> bytes:
        """The digest that stands for the data (``data_root``)."""
        return self._layers[-1][0].digest

    def proof(self, index: int) -> Proof:
        """Return the proof of a chunk.

        Raises:
            IndexError: There is no such chunk.
        """
        if not 0 <= index < len(self.spans):
            raise IndexError(f"there is no chunk {index} of {len(self.spans)}")
        end = self.spans[index].end
        steps = [self.digests[index] + _note(end)]
        for layer in self._layers[:-1]:
            left = index & ~1
            if left + 1 < len(layer):
                steps.append(layer[left].digest + layer[left + 1].digest + _note(layer[left].end))
            index >>= 1
        return Proof(end - 1, b"".join(reversed(steps)))


def proves(root: bytes, size: int, proof: Proof, chunk: bytes) -> bool:
    """Return whether a proof shows that these bytes are the chunk of the data at the proof's offset.

    Args:
        root: ``data_root`` of the data.
        size: Its bytes.
        proof: What comes with the chunk.
        chunk: The bytes.
    """
    found = _span(root, size, proof)
    if found is None or found.end != proof.offset + 1 or found.end - found.start != len(chunk):
        return False
    return proof.path[-HASH - NOTE : -NOTE] == _sha256(chunk)


def _span(root: bytes, size: int, proof: Proof) -> Span | None:
    """Walk down from the root; return where the leaf lies, or None where a step does not fit the one above."""
    start, end, expected, path = 0, size, root, memoryview(proof.path)
    if not 0 <= proof.offset < size:
        return None
    while len(path) > HASH + NOTE:
        left, right, note = bytes(path[:HASH]), bytes(path[HASH : 2 * HASH]), bytes(path[2 * HASH : 2 * HASH + NOTE])
        if len(note) != NOTE or _digest(left, right, note) != expected:
            return None
        border = int.from_bytes(note)
        if proof.offset < border:
            expected, end = left, min(end, border)
        else:
            expected, start = right, max(start, border)
        path = path[2 * HASH + NOTE :]
    if len(path) != HASH + NOTE or _digest(bytes(path[:HASH]), bytes(path[HASH:])) != expected:
        return None
    return Span(start, end) if int.from_bytes(path[HASH:]) == end else None


def _leaves(places: Sequence[Span], digests: Sequence[bytes]) -> list[_Node]:
    pairs = zip(places, digests, strict=True)
    return [_Node(_digest(digest, _note(span.end)), span.end) for span, digest in pairs]


def _parents(nodes: Sequence[_Node]) -> list[_Node]:
    made = [
        _Node(_digest(left.digest, right.digest, _note(left.end)), right.end)
        for left, right in zip(nodes[::2], nodes[1::2], strict=False)
    ]
    return [*made, nodes[-1]] if len(nodes) % 2 else made


def _digest(*parts: bytes) -> bytes:
    return _sha256(b"".join(_sha256(part) for part in parts))


def _note(position: int) -> bytes:
    return position.to_bytes(NOTE)


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
