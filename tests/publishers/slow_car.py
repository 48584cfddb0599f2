"""A slow reader of CARv1 archives and their blocks, written from the specifications alone."""

from __future__ import annotations

import base64
import hashlib


def read_car(data: bytes) -> tuple[str, dict[str, bytes]]:
    """The root and all blocks by CID, in order; every block is checked against its CID."""
    length, at = number(data, 0)
    head = data[at : at + length]
    assert head[:1] == b"\xa2", "a map of two"
    assert head[1:7] == b"\x65roots"
    assert head[7:12] == b"\x81\xd8\x2a\x58\x25", "a list of one: tag 42, 37 bytes"
    assert head[12:13] == b"\0", "the multibase prefix of binary"
    root = head[13:49]
    assert head[49:] == b"\x67version\x01"
    at += length
    blocks: dict[str, bytes] = {}
    while at < len(data):
        length, at = number(data, at)
        cid, block = data[at : at + 36], data[at + 36 : at + length]
        assert cid[:4] in (b"\x01\x55\x12\x20", b"\x01\x70\x12\x20")
        assert hashlib.sha256(block).digest() == cid[4:]
        blocks[text(cid)] = block
        at += length
    assert at == len(data)
    return text(root), blocks


def read_file(cid: str, blocks: dict[str, bytes]) -> bytes:
    """The bytes of a file."""
    below = links(blocks[cid]) if binary(cid)[1] == 0x70 else None
    return blocks[cid] if below is None else b"".join(read_file(child, blocks) for _, child in below)


def links(block: bytes) -> list[tuple[str, str]]:
    """Names and CIDs in a dag-pb block; none of a raw one."""
    found = []
    try:
        for field, value in fields(block):
            if field == 2:
                link = dict(fields(value))
                found.append((link[2].decode(), text(link[1])))
    except (ValueError, IndexError, KeyError):
        return []
    return found


def fields(message: bytes) -> list[tuple[int, bytes]]:
    """The fields of a protobuf message; numbers as no bytes."""
    at, found = 0, []
    while at < len(message):
        tag, at = number(message, at)
        value, at = number(message, at)
        if tag & 7 == 2:
            found.append((tag >> 3, message[at : at + value]))
            at += value
        elif tag & 7:
            raise ValueError("no dag-pb")
        if at > len(message):
            raise ValueError("no dag-pb")
    return found


def number(data: bytes, at: int) -> tuple[int, int]:
    """A varint and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def text(cid: bytes) -> str:
    """Base32 of a CID."""
    return "b" + base64.b32encode(cid).decode().lower().rstrip("=")


def binary(cid: str) -> bytes:
    """The other way."""
    body = cid[1:].upper()
    return base64.b32decode(body + "=" * (-len(body) % 8))
