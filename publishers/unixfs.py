"""How IPFS cuts bytes into blocks and names them: UnixFS, dag-pb and CIDv1, for files and flat directories.

Pure arithmetic on digests and sizes: nothing here reads a file. A file is cut into chunks; each chunk is a block of its
own (a raw leaf); parents list up to ``links`` children, all leaves are equally deep (the balanced layout), and the name
of the root is the name of the file. A file of one chunk is that chunk.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from publishers.errors import Refused

KIB = 1024
DIRECTORY_LIMIT = 256 * KIB
"""Largest directory block. Beyond it, nodes split a directory into shards, which is not built here."""

RAW = 0x55
DAG_PB = 0x70
_SHA2_256 = b"\x12\x20"


@dataclass(frozen=True)
class Profile:
    """A set of rules under which a file has exactly one CID.

    Attributes:
        name: What a manifest says.
        chunk: Bytes in a leaf.
        links: Most children of one node.
    """

    name: str
    chunk: int
    links: int


MODERN = "unixfs-v1-2025"
"""IPIP-499's profile: what current nodes agree on."""

LEGACY = "legacy-v1-256k"
"""What ``ipfs add --cid-version=1`` did by default before that profile: 256 KiB chunks, 174 links, raw leaves."""

PROFILES: Mapping[str, Profile] = {
    MODERN: Profile(MODERN, 1024 * KIB, 1024),
    LEGACY: Profile(LEGACY, 256 * KIB, 174),
}


@dataclass(frozen=True)
class Node:
    """A block as its parent lists it.

    Attributes:
        cid: Binary CIDv1.
        size: Bytes of the file under it; 0 for a directory.
        stored: Bytes of all blocks under it and its own ("Tsize").
    """

    cid: bytes
    size: int
    stored: int

    @property
    def text(self) -> str:
        """The CID as people pass it on: base32, lower case."""
        return "b" + base64.b32encode(self.cid).decode().lower().rstrip("=")


Keep = Callable[[bytes, bytes], None]
"""Called with the binary CID and the bytes of every block that is not a leaf, children before parents."""


def _forget(cid: bytes, block: bytes) -> None:
    """Keep nothing."""


def profile_of(name: str) -> Profile:
    """Return the profile of that name.

    Raises:
        ValueError: There is none.
    """
    if name not in PROFILES:
        raise ValueError(f"CID profile {name!r} is unknown; known are {', '.join(PROFILES)}")
    return PROFILES[name]


def binary(text: str) -> bytes:
    """Return the binary form of a base32 CID.

    Raises:
        ValueError: It is not one, or not of a kind made here (CIDv1, raw or dag-pb, sha2-256).
    """
    body = text[1:].upper()
    try:
        cid = base64.b32decode(body + "=" * (-len(body) % 8)) if text[:1] == "b" and text.islower() else b""
    except ValueError:
        cid = b""
    if len(cid) != 36 or cid[0] != 1 or cid[1] not in (RAW, DAG_PB) or cid[2:4] != _SHA2_256:
        raise ValueError(f"{text!r} is not a base32 CIDv1 of a raw or dag-pb block")
    return cid


def leaf(digest: bytes, size: int) -> Node:
    """Return the node of one chunk, given its sha256."""
    return Node(bytes((1, RAW)) + _SHA2_256 + digest, size, size)


class Balanced:
    """Grows the tree of one file from its leaves, in order; holds one open node per level, never all leaves."""

    def __init__(self, profile: Profile, keep: Keep = _forget) -> None:
        self._links = profile.links
        self._keep = keep
        self._levels: list[list[Node]] = [[]]

    def add(self, node: Node, level: int = 0) -> None:
        """Append a node; a leaf at level 0."""
        if level == len(self._levels):
            self._levels.append([])
        if len(self._levels[level]) == self._links:
            self._close(level)
        self._levels[level].append(node)

    def root(self) -> Node:
        """Close what is open and return the top; at least one leaf must have been added."""
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > 1:
            self._close(level)
            level += 1
        return self._levels[level][0]

    def _close(self, level: int) -> None:
        children = self._levels[level]
        self._levels[level] = []
        self.add(_join(children, self._keep), level + 1)


def file_node(size: int, cid: str, profile: Profile) -> Node:
    """Return the node of a file of which only size and CID are known.

    What its blocks take in store follows from the size alone: the tree's shape is fixed by the profile.
    """
    tree = Balanced(profile)
    full, rest = divmod(size, profile.chunk)
    for length in [profile.chunk] * full + ([rest] if rest or not full else []):
        tree.add(leaf(bytes(32), length))
    return Node(binary(cid), size, tree.root().stored)


def directory_node(files: Mapping[str, Node], keep: Keep = _forget) -> Node:
    """Return the node of a flat directory, entries sorted by the bytes of their names.

    Raises:
        Refused: The directory would not fit one block.
    """
    entries = sorted((name.encode(), node) for name, node in files.items())
    block = _dag_pb(b"\x08\x01", entries)
    if len(block) > DIRECTORY_LIMIT:
        raise Refused(
            f"a directory of {len(entries)} files needs {len(block)} bytes; one block holds {DIRECTORY_LIMIT}",
            "Split the job into several folders.",
        )
    return _seal(block, 0, entries, keep)


def _join(children: list[Node], keep: Keep) -> Node:
    """Return the parent of some nodes of one file."""
    size = sum(child.size for child in children)
    sizes = b"".join(b"\x20" + varint(child.size) for child in children)
    entries = [(b"", child) for child in children]
    return _seal(_dag_pb(b"\x08\x02\x18" + varint(size) + sizes, entries), size, entries, keep)


def _seal(block: bytes, size: int, entries: list[tuple[bytes, Node]], keep: Keep) -> Node:
    cid = bytes((1, DAG_PB)) + _SHA2_256 + hashlib.sha256(block).digest()
    keep(cid, block)
    return Node(cid, size, len(block) + sum(node.stored for _, node in entries))


def _dag_pb(data: bytes, entries: list[tuple[bytes, Node]]) -> bytes:
    """Return a dag-pb block: the links first, then the UnixFS message."""
    links = (
        _field(0x0A, node.cid) + _field(0x12, name) + b"\x18" + varint(node.stored)  # Hash, Name, Tsize
        for name, node in entries
    )
    return b"".join(_field(0x12, link) for link in links) + _field(0x0A, data)


def _field(tag: int, value: bytes) -> bytes:
    return bytes((tag,)) + varint(len(value)) + value


def varint(number: int) -> bytes:
    """Return a number as protobuf and multiformats write it: seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
