"""The implicit label in a JPEG: an XMP packet in an APP1 segment (XMP specification, part 3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lipsync.errors import MediaError
from lipsync.label_note import Declared, Note, packet_of

NAME = b"http://ns.adobe.com/xap/1.0/\0"
_START, _APP0, _APP1, _SCAN = 0xD8, 0xE0, 0xE1, 0xDA


def stamp(path: Path, note: Note) -> None:
    """Label a JPEG in place; a packet that was there before gives way.

    Raises:
        MediaError: It is no JPEG.
        OSError: It cannot be read or written.
    """
    data = path.read_bytes()
    packet = NAME + note.xmp()
    segment = bytes((0xFF, _APP1)) + (len(packet) + 2).to_bytes(2, "big") + packet
    head: list[bytes] = [data[:2]]
    rest: list[bytes] = []
    after = 2
    for kind, start, end in _segments(data, path.name):
        (head if kind == _APP0 else rest).append(b"" if _is_packet(kind, data[start:end]) else data[start:end])
        after = end
    path.write_bytes(b"".join((*head, segment, *rest, data[after:])))


def found(path: Path) -> Declared:
    """Read what a JPEG says of itself.

    Raises:
        MediaError: It is no JPEG.
        OSError: It cannot be read.
    """
    data = path.read_bytes()
    for kind, start, end in _segments(data, path.name):
        if _is_packet(kind, data[start:end]):
            return packet_of(data[start + 4 + len(NAME) : end])
    return Declared({})


def _is_packet(kind: int, segment: bytes) -> bool:
    return kind == _APP1 and segment[4 : 4 + len(NAME)] == NAME


def _segments(data: bytes, name: str) -> Iterator[tuple[int, int, int]]:
    """Give kind, start and end of the segments before the picture itself."""
    if data[:2] != bytes((0xFF, _START)):
        raise MediaError(f"{name} is no JPEG", "Give an mp4 or a jpg.")
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != _SCAN:
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        yield data[place + 1], place, end
        place = end
