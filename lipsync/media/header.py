"""What the first bytes of a file say it is: pictures with their size, before anything is decoded."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

SCANS = 100
"""Most passes in which a JPEG is painted; usual are ten, and each costs as much as a picture of its own."""
MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""In the scan of a JPEG: anything but a stuffed byte, a fill byte or a restart."""


@dataclass(frozen=True)
class Header:
    """What a picture says about itself.

    Attributes:
        kind: "jpeg", "png", "webp", "bmp" or "gif".
        width: As stored, before ``orientation`` is applied.
        height: Likewise.
        orientation: 1–8, as EXIF counts: how the stored picture is to be turned to stand upright.
        whole: False where the file ends too early or a checksum is wrong.
    """

    kind: str
    width: int
    height: int
    orientation: int = 1
    whole: bool = True


def read_header(data: bytes) -> Header | None:
    """Give what the picture in ``data`` (the whole file) says about itself; None if it is no picture we read."""
    try:
        if data[:3] == b"\xff\xd8\xff":
            return _jpeg(data)
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return _png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[:6] in (b"GIF87a", b"GIF89a"):
            width, height = struct.unpack_from("<HH", data, 6)
            return Header("gif", width, height, whole=data.rstrip(b"\0").endswith(b";"))
        if data[:2] == b"BM":
            return _bmp(data)
    except (struct.error, IndexError):
        return Header("picture", 0, 0, whole=False)
    return None


def _jpeg(data: bytes) -> Header:
    width = height = 0
    orientation, position = 1, 2
    while True:
        while data[position + 1] == 0xFF:
            position += 1
        marker, length = data[position + 1], struct.unpack_from(">H", data, position + 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            sides = struct.unpack_from(">HH", data, position + 5)
            height, width = max((height, width), sides, key=lambda one: one[0] * one[1])
        elif marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
            orientation = _orientation(data[position + 10 : position + 2 + length])
        elif marker == 0xDA:
            return Header("jpeg", width, height, orientation, whole=_ends(data, position + 2 + length))
        position += 2 + length


def _ends(data: bytes, position: int) -> bool:
    """Whether the scans that start at ``position`` run on to the end-of-image marker, and are not too many."""
    scans = 1
    while found := MARKER.search(data, position):
        position, marker = found.start(), data[found.start() + 1]
        if marker == 0xD9:
            return True
        scans += marker == 0xDA
        if scans > SCANS:
            return False
        position += 2 + struct.unpack_from(">H", data, position + 2)[0]
    return False


def _png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    orientation, position = 1, 8
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        if data[position + 8 + length : position + 12 + length] != struct.pack(">I", zlib.crc32(kind + body)):
            break
        if kind == b"IEND":
            return Header("png", width, height, orientation)
        if kind == b"eXIf":
            orientation = _orientation(body)
        position += 12 + length
    return Header("png", width, height, orientation, whole=False)


def _webp(data: bytes) -> Header:
    width = height = 0
    orientation, position = 1, 12
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    while position + 8 <= min(end, len(data)):
        kind, length = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + length]
        if kind == b"VP8X":
            width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        elif kind == b"VP8 " and not width:
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
        elif kind == b"VP8L" and not width:
            bits = int.from_bytes(body[1:5], "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif kind == b"EXIF":
            orientation = _orientation(body.removeprefix(b"Exif\0\0"))
        position += 8 + length + length % 2
    return Header("webp", width, height, orientation, whole=end <= len(data) + 1)


def _bmp(data: bytes) -> Header:
    start, size = struct.unpack_from("<II", data, 10)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packed = 0
    else:
        width, height, _, bits, packed = struct.unpack_from("<iiHHI", data, 18)
    rows = abs(height) * ((abs(width) * bits + 31) // 32 * 4)
    return Header("bmp", abs(width), abs(height), whole=packed in (1, 2) or start + rows <= len(data))


def _orientation(exif: bytes) -> int:
    """The orientation in a TIFF block; 1 where it has none or is broken."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        at = struct.unpack_from(order + "I", exif, 4)[0]
        for entry in range(struct.unpack_from(order + "H", exif, at)[0]):
            tag, _, _, value = struct.unpack_from(order + "HHIH", exif, at + 2 + 12 * entry)
            if tag == 0x0112:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
