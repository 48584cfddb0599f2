"""Chunks, tree and proofs: equal to arweave-js, sound for any size, and false for any changed byte."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from publishers.arweave.data import Data
from publishers.arweave.encoding import encode
from publishers.arweave.merkle import CHUNK, LEAST, Proof, Span, Tree, proves, spans
from publishers.errors import Mismatch

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "arweave.json").read_text())


@pytest.mark.parametrize("size", [int(size) for size in GOLDEN["trees"]])
def test_root_and_every_proof_equal_those_of_arweave_js(size: int, write: Callable[[int], Path]) -> None:
    expected = GOLDEN["trees"][str(size)]
    data = Data.of(write(size))
    assert (data.size, data.root, data.chunks) == (size, expected["data_root"], expected["chunks"])
    digest = hashlib.sha256()
    for index in range(data.chunks):
        chunk = data.chunk(index)
        digest.update(f"{chunk.offset} {encode(chunk.data_path)}\n".encode())
    assert digest.hexdigest() == expected["proofs"]
    assert (chunk.offset, encode(chunk.data_path)) == (expected["last"]["offset"], expected["last"]["data_path"])


def test_nothing_has_no_chunks_and_no_root(write: Callable[[int], Path]) -> None:
    data = Data.of(write(0))
    assert (data.size, data.root, data.chunks, data.inline()) == (0, "", 0, b"")
    with pytest.raises(IndexError):
        data.chunk(0)


def sizes(count: int) -> list[int]:
    """Sizes of up to eight chunks, half of them within a few bytes of where a rule changes."""
    lots = random.Random(20261121)
    borders = [whole * CHUNK + rest for whole in range(8) for rest in (0, LEAST, CHUNK - LEAST)]
    near = [max(1, lots.choice(borders) + lots.randint(-3, 3)) for _ in range(count // 2)]
    return near + [lots.randint(1, 8 * CHUNK) for _ in range(count // 2)]


def test_chunks_cover_the_data_and_are_neither_too_large_nor_too_small() -> None:
    for size in sizes(4000):
        found = list(spans(size))
        assert found[0].start == 0
        assert found[-1].end == size
        assert [span.start for span in found[1:]] == [span.end for span in found[:-1]]
        lengths = [span.end - span.start for span in found]
        assert max(lengths) <= CHUNK
        assert (lengths[-1] == 0) == (size % CHUNK == 0)
        if len(lengths) > 1:
            assert min(lengths if lengths[-1] else lengths[:-1]) >= LEAST


def test_every_proof_of_any_size_is_sound(pattern: bytes) -> None:
    content = pattern * 3
    for size in sizes(120):
        made = content[:size]
        tree = Tree(size, [hashlib.sha256(made[span.start : span.end]).digest() for span in spans(size)])
        for index, span in enumerate(tree.spans):
            piece = made[span.start : span.end]
            assert proves(tree.root, size, tree.proof(index), piece) == bool(piece)  # the empty one proves nothing


def test_a_proof_is_false_with_any_byte_changed(pattern: bytes) -> None:
    lots = random.Random(4)
    content = pattern * 3
    for size in sizes(40):
        made = content[:size]
        tree = Tree(size, [hashlib.sha256(made[span.start : span.end]).digest() for span in spans(size)])
        index = lots.randrange(len(tree.spans) - (size % CHUNK == 0))
        span, proof = tree.spans[index], tree.proof(index)
        piece = made[span.start : span.end]
        for at in lots.sample(range(len(proof.path)), 24):
            assert not proves(tree.root, size, Proof(proof.offset, flipped(proof.path, at)), piece)
        assert not proves(tree.root, size, proof, flipped(piece, lots.randrange(len(piece))))
        assert not proves(flipped(tree.root, lots.randrange(32)), size, proof, piece)
        assert not proves(tree.root, size, Proof(proof.offset - 1, proof.path), piece)
        assert not proves(tree.root, size + 1, Proof(proof.offset + 1, proof.path), piece)
        assert not proves(tree.root, size, Proof(proof.offset, proof.path[:-1]), piece)
        assert not proves(tree.root, size, Proof(proof.offset, proof.path + b"\0"), piece)
        assert not proves(tree.root, size, Proof(proof.offset, b""), piece)
        assert not proves(tree.root, size, Proof(-1, proof.path), piece)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_a_tree_wants_one_digest_for_each_chunk() -> None:
    with pytest.raises(ValueError, match="have 2 chunks, not 1"):
        Tree(CHUNK, [bytes(32)])
    with pytest.raises(ValueError, match="have 0 chunks"):
        Tree(0, [])
    with pytest.raises(IndexError):
        Tree(1, [bytes(32)]).proof(1)
    assert Tree(1, [bytes(32)]).spans == (Span(0, 1),)


def test_a_file_that_changed_is_not_sent(write: Callable[[int], Path]) -> None:
    path = write(3 * CHUNK)
    data = Data.of(path)
    assert data.chunk(1).chunk == path.read_bytes()[CHUNK : 2 * CHUNK]
    with path.open("r+b") as file:
        file.seek(CHUNK + 5)
        file.write(b"?")
    assert data.chunk(0).offset == CHUNK - 1
    with pytest.raises(Mismatch, match="changed"):
        data.chunk(1)
    path.write_bytes(b"short")
    with pytest.raises(Mismatch, match="changed"):
        data.chunk(2)


def test_what_fits_one_chunk_may_travel_in_the_header(write: Callable[[int], Path]) -> None:
    assert Data.of(write(CHUNK)).inline() == write(CHUNK).read_bytes()
    assert Data.of(write(CHUNK + 1)).inline() == b""


def test_reading_tells_how_far_it_is(write: Callable[[int], Path]) -> None:
    heard: list[float] = []
    Data.of(write(4 * CHUNK - 10), heard.append)
    assert len(heard) == 4
    assert heard == sorted(heard)
    assert heard[-1] == 1
