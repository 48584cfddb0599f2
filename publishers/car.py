"""CARv1 archives: the blocks of files and of their directory in one stream, which any IPFS node or service imports.

Because the blocks are ours, whatever imports the archive arrives at our CIDs, whatever it does by default. Every CID is
known beforehand, so an archive is written in one pass and holds one piece of one file in memory.

The format: https://ipld.io/specs/transport/car/carv1/. Leaves stand before their parents; two writers' archives of one
file may differ, so an archive's own hash identifies nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from publishers import disk
from publishers.base import Artifact, Beat, quietly
from publishers.filename import plain
from publishers.original import changed, pieces_of
from publishers.unixfs import Balanced, Node, Profile, binary, directory_node, file_node, leaf, profile_of, varint

_BEFORE, _AFTER = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00", b"\x67version\x01"
"""DAG-CBOR of ``{"roots": [CID], "version": 1}`` around the CID: 36 bytes, behind the multibase prefix 0x00."""


def write_car(artifacts: Sequence[Artifact], target: Path, profile: str, beat: Beat = quietly) -> str:
    """Write files, and the flat directory of them, as one archive.

    Args:
        artifacts: Files that no longer change, identified under the profile.
        target: The archive; it is there whole or not at all, and replaces what was there.
        profile: Of all artifacts.
        beat: Called all the while.

    Returns:
        The CID of the directory, which is the archive's root.

    Raises:
        ValueError: A name cannot be one or is there twice, or an artifact has another profile.
        Refused: A file is gone, or there are more than fit a directory.
        Mismatch: A file changed since it was identified.
        OSError: The archive cannot be written.
    """
    blocks: list[bytes] = []
    root = gathered(artifacts, profile, blocks)
    rules = profile_of(profile)
    most = sum(artifact.bytes for artifact in artifacts) or 1
    beside = target.with_name(f".{target.name}.part")
    done = 0
    try:
        with beside.open("wb") as file:
            file.write(header(root.cid))
            for artifact in artifacts:
                for piece in file_blocks(artifact, rules):
                    done += file.write(piece)
                    beat(min(done / most, 1.0))
            file.writelines(blocks)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    disk.flush_folder(target.parent)
    return root.text


def gathered(artifacts: Iterable[Artifact], profile: str, blocks: list[bytes]) -> Node:
    """Return the node of the flat directory of some files, and append its block as it stands in an archive.

    Raises:
        ValueError: A name cannot be one or is there twice, or an artifact has another profile.
        Refused: There are more files than fit a directory.
    """
    rules = profile_of(profile)
    nodes: dict[str, Node] = {}
    for artifact in artifacts:
        if artifact.profile != profile:
            raise ValueError(f"{artifact.name} was identified under {artifact.profile}, not {profile}")
        if artifact.name in nodes:
            raise ValueError(f"two files are called {artifact.name}")
        nodes[plain(artifact.name)] = file_node(artifact.bytes, artifact.cid, rules)
    return directory_node(nodes, lambda cid, block: blocks.append(_section(cid, block)))


def file_car(artifact: Artifact) -> Iterator[bytes]:
    """Yield an archive of one file, whose root is the file's CID, in pieces.

    Raises:
        Refused: The file is gone.
        Mismatch: It changed since it was identified.
    """
    yield header(binary(artifact.cid))
    yield from file_blocks(artifact, profile_of(artifact.profile))


def header(root: bytes) -> bytes:
    """Return how an archive with one root, a binary CID, begins."""
    head = _BEFORE + root + _AFTER
    return varint(len(head)) + head


def file_blocks(artifact: Artifact, rules: Profile) -> Iterator[bytes]:
    """Yield the blocks of one file as they stand in an archive, leaves before parents.

    Raises:
        Refused: The file is gone.
        Mismatch: It changed since it was identified; its root has not been yielded then.
    """
    ready: list[bytes] = []
    tree = Balanced(rules, lambda cid, block: ready.append(_section(cid, block)))
    empty = True
    for chunk in pieces_of(artifact, rules.chunk):
        empty = False
        yield from ready
        ready.clear()
        node = leaf(hashlib.sha256(chunk).digest(), len(chunk))
        tree.add(node)
        ready.append(_section(node.cid, chunk))
    if empty:
        node = leaf(hashlib.sha256().digest(), 0)
        tree.add(node)
        ready.append(_section(node.cid, b""))
    if tree.root().text != artifact.cid:
        raise changed(artifact)
    yield from ready


def _section(cid: bytes, block: bytes) -> bytes:
    return varint(len(cid) + len(block)) + cid + block
