"""Ending: whether a file is shorter than it says itself, as one whose upload broke off is. Nothing is decoded.

It only ever makes us wait longer: what is really cut off is said by who decodes it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_BOXES = 1000
"""Top-level boxes of an MP4 that are gone through at most; usual are five, of a stream some hundred."""
_CHUNKS, _SEGMENTS = 100_000, 10_000
"""Parts of a PNG and a JPEG, likewise."""
_PIECE, _PIECES = 1 << 20, 200
_NOTHING = b"\0\0\0\0"
_SCAN = 0xDA
"""The marker of a JPEG after which the picture itself comes."""
_STREAMED = (0, 0xFFFFFFFF)
"""Lengths that a RIFF file has whose writer did not know it."""


def short(path: Path) -> bool:
    """Say whether the end of a file is missing, by what it says about itself; False where it says nothing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            size = os.fstat(handle).st_size
            head = file.read(12)
            return _judge(head)(file, head, size)
    except struct.error:
        return True  # it ends where more is said to come
    except OSError:
        return False


def _judge(head: bytes) -> Callable[[BinaryIO, bytes, int], bool]:
    if head[:4] == b"RIFF":
        return _riff
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _mp4
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return _png
    return _jpeg if head[:3] == b"\xff\xd8\xff" else _silent


def _silent(_file: BinaryIO, _head: bytes, _size: int) -> bool:
    return False


def _riff(_file: BinaryIO, head: bytes, size: int) -> bool:
    """WAV, WebP, AVI: the length stands in the first line."""
    said: int = struct.unpack_from("<I", head, 4)[0]
    return said not in _STREAMED and said + 8 > size


def _png(file: BinaryIO, _head: bytes, size: int) -> bool:
    position = 8
    for _ in range(_CHUNKS):
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        position += 12 + length
        if kind in (b"IEND", _NOTHING) or position > size:
            return bool(position > size or kind == _NOTHING)
    return False


def _jpeg(file: BinaryIO, _head: bytes, size: int) -> bool:
    """Look for the end of the picture, not of the file: cameras put more behind it, and a small picture before it."""
    position = 2
    for _ in range(_SEGMENTS):
        file.seek(position)
        start, marker, length = struct.unpack(">BBH", file.read(4))
        if start != 0xFF or length < 2:
            return bool(start == marker == 0)  # room that was made for what is still to come
        position += 2 + length
        if marker == _SCAN:
            return not _ended(file, position)
    return False


def _ended(file: BinaryIO, position: int) -> bool:
    file.seek(position)
    last = b""
    for _ in range(_PIECES):
        piece = file.read(_PIECE)
        if b"\xff\xd9" in last + piece:
            return True
        if not piece:
            return False
        last = piece[-1:]
    return True  # too long to look at


def _mp4(file: BinaryIO, _head: bytes, size: int) -> bool:
    """MP4, MOV, M4A: boxes to the very end, and one of them is the index, which is often written last."""
    position, index = 0, False
    for _ in range(_BOXES):
        if position >= size:
            break
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            return True
        length, kind = struct.unpack_from(">I4s", head)
        if length == 1:
            length = struct.unpack_from(">Q", head, 8)[0]
        elif length == 0 and kind != _NOTHING:
            length = size - position
        if length < 8:
            return not index  # room that was made for what is still to come, unless it is only some rest
        index |= kind == b"moov"
        position += length
    return position > size or (position == size and not index)
