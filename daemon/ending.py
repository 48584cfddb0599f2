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
_TAIL = 64 * 1024
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
    except (OSError, struct.error):
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
    return b"IEND" not in _tail(file, size)


def _jpeg(file: BinaryIO, _head: bytes, size: int) -> bool:
    return b"\xff\xd9" not in _tail(file, size)


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
        elif length == 0 and kind != b"\0\0\0\0":
            length = size - position
        if length < 8:
            return True  # room that was made for what is still to come
        index |= kind == b"moov"
        position += length
    return position > size or (position == size and not index)


def _tail(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - _TAIL))
    return file.read(_TAIL)
