"""What identifies a file: its sha256 and its CID, both found in one pass over its bytes.

Every byte is hashed twice, once for its chunk and once for the whole. Two threads share the work (hashing lets go of
the interpreter), so a pass takes about as long as a plain sha256 wherever a second core is free.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePosixPath

from publishers.base import Artifact
from publishers.filename import plain
from publishers.unixfs import MODERN, Balanced, Node, Profile, directory_node, file_node, leaf, profile_of

MEDIA_TYPES: Mapping[str, str] = {
    ".aac": "audio/aac",
    ".avi": "video/x-msvideo",
    ".bmp": "image/bmp",
    ".car": "application/vnd.ipld.car",
    ".flac": "audio/flac",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".m4v": "video/x-m4v",
    ".md": "text/markdown",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".png": "image/png",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
}
"""By suffix. Our own list: the system's differs from machine to machine, and a manifest must not."""

PIECE = 1024 * 1024
"""Bytes handed from thread to thread at a time; a multiple of every profile's chunk."""

AHEAD = 4
"""Pieces in memory at once."""


@dataclass(frozen=True)
class Identity:
    """What a file's bytes are: hex sha256, and the root of its DAG (``.size`` bytes under ``.text``)."""

    sha256: str
    root: Node


def identify(path: Path, name: str | None = None, profile: str = MODERN) -> Artifact:
    """Hash a file once and return what identifies it.

    Args:
        path: A regular file that no longer changes.
        name: Its name in the result; by default the name it has.
        profile: Rules of the CID, one of ``PROFILES``.

    Raises:
        ValueError: The name cannot be one, or the profile is unknown.
        OSError: The file cannot be read.
    """
    name = plain(path.name if name is None else name)
    found = measure(path, profile_of(profile))
    return Artifact(path, name, media_type(name), found.root.size, found.sha256, found.root.text, profile)


def media_type(name: str) -> str:
    """Return the media type that a name's suffix stands for, or "application/octet-stream"."""
    return MEDIA_TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")


def directory_cid(files: Mapping[str, Artifact], profile: str = MODERN) -> str:
    """Return the CID of a flat directory that holds these files under these names.

    Args:
        files: Artifacts by name in the directory.
        profile: The one all artifacts were identified under.

    Raises:
        ValueError: A name cannot be one, or an artifact has another profile.
        Refused: There are more files than fit one block (some thousands).
    """
    rules = profile_of(profile)
    nodes = {}
    for name, artifact in files.items():
        if artifact.profile != profile:
            raise ValueError(f"{name} was identified under {artifact.profile}, not {profile}")
        nodes[plain(name)] = file_node(artifact.bytes, artifact.cid, rules)
    return directory_node(nodes).text


def measure(path: Path, profile: Profile) -> Identity:
    """Read a file from beginning to end, once, and return what it is; holds a few MiB whatever its size.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(f"{path.name} is not a regular file")
    with path.open("rb", buffering=0) as file:
        pieces = _pieces(file)
        first = next(pieces, memoryview(b""))
        if len(first) <= profile.chunk and len(first) < PIECE:  # the end was met: the only chunk is the whole
            digest = hashlib.sha256(first)
            return Identity(digest.hexdigest(), leaf(digest.digest(), len(first)))
        return _measure_long(first, pieces, profile)


def _measure_long(first: memoryview, others: Iterator[memoryview], profile: Profile) -> Identity:
    whole = hashlib.sha256()
    tree = Balanced(profile)
    waiting: deque[Future[list[Node]]] = deque()

    def settle(most: int) -> None:
        while len(waiting) > most:
            for node in waiting.popleft().result():
                tree.add(node)

    with ThreadPoolExecutor(1, "cid") as pool:
        piece: memoryview | None = first
        while piece is not None:
            waiting.append(pool.submit(_leaves, piece, profile.chunk))
            whole.update(piece)
            settle(AHEAD - 1)  # the next piece overwrites the oldest buffer
            piece = next(others, None)
        settle(0)
    return Identity(whole.hexdigest(), tree.root())


def _leaves(piece: memoryview, chunk: int) -> list[Node]:
    parts = (piece[start : start + chunk] for start in range(0, len(piece), chunk))
    return [leaf(hashlib.sha256(part).digest(), len(part)) for part in parts]


def _pieces(file: FileIO) -> Iterator[memoryview]:
    """Yield the file in pieces of ``PIECE`` bytes, the last one shorter; each is overwritten ``AHEAD`` pieces later."""
    ring = deque(memoryview(bytearray(PIECE)) for _ in range(AHEAD))
    while True:
        piece = ring[0]
        ring.rotate(-1)
        length = _fill(file, piece)
        if length:
            yield piece[:length]
        if length < PIECE:
            return


def _fill(file: FileIO, piece: memoryview) -> int:
    """Read until the piece is full or the file ends: one read may give less than it was asked for."""
    length = 0
    while length < len(piece):
        got = os.readv(file.fileno(), [piece[length:]])
        if not got:
            break
        length += got
    return length
