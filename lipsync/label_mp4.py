"""The implicit label in an mp4: ``moov/udta/meta`` with the key AIGC, and an XMP packet in a ``uuid`` box at the end.

Boxes as in ISO/IEC 14496-12, keys as in Apple's QuickTime metadata, the packet as in Adobe's XMP specification, part 3.
The coded media are copied as they are; where the index comes before them, it is told how far they have moved. A film in
fragments, which counts from many places, keeps its index and gets the packet alone.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lipsync.errors import MediaError
from lipsync.label_note import KEY, LARGEST, Declared, Note, fields_of, packet_of

XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The uuid of the box that holds XMP."""
PIECE = 1 << 20
INDEX = 1 << 29
"""Bytes of an index that is still read into memory."""
_ABOVE = {b"trak", b"mdia", b"minf", b"stbl"}
"""Boxes on the way to the tables of offsets."""
_NUMBER = "0" * 64


@dataclass(frozen=True)
class Box:
    """Where a box lies in its file, or its parent."""

    kind: bytes
    start: int
    body: int
    end: int


def stamped(source: Path, target: Path, producer: str) -> Note:
    """Copy an mp4 and label the copy; the same bytes and producer give the same bytes.

    Args:
        source: A finished mp4.
        target: Where the copy goes; the caller has chosen a private name.
        producer: Who makes it.

    Returns:
        What the copy says.

    Raises:
        MediaError: It is no mp4, or too odd to be labelled.
        OSError: It cannot be read, or the copy not written.
    """
    with source.open("rb") as file, target.open("wb+") as out:
        boxes = list(_boxes(file))
        moov = next((box for box in boxes if box.kind == b"moov"), None)
        if moov is None or moov.end - moov.body > INDEX:
            raise MediaError(f"{source.name} has no index, so no label can be put into it", "Render it again.")
        loose = any(box.kind == b"moof" for box in boxes)
        index = b"" if loose else _index(_read(file, moov.body, moov.end), moov, boxes, Note(_NUMBER, producer))
        digest, place = hashlib.sha256(), 0
        for box in boxes:
            if box is moov and index:
                place = out.tell() + index.rindex(_NUMBER.encode())
                out.write(index)
            elif not _is_packet(file, box):
                _copy(file, out, box, digest)
        note = Note(digest.hexdigest(), producer)
        out.write(_box(b"uuid", XMP + note.xmp()))
        if place:
            out.seek(place)
            out.write(note.number.encode())
    return note


def found(path: Path) -> Declared:
    """Read what an mp4 says of itself.

    Raises:
        MediaError: It is no mp4.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        boxes = list(_boxes(file))
        if not any(box.kind in (b"ftyp", b"moov") for box in boxes):
            raise MediaError(f"{path.name} is no mp4", "Give an mp4 or a jpg.")
        aigc: dict[str, str] = {}
        said, digest = Declared({}), hashlib.sha256()
        for box in boxes:
            if box.kind == b"moov" and box.end - box.body <= INDEX:
                aigc = _keyed(_read(file, box.body, box.end)) or aigc
            elif _is_packet(file, box) and box.end - box.body <= LARGEST:
                said = packet_of(_read(file, box.body + 16, box.end))
            elif box.kind == b"mdat":
                _copy(file, None, box, digest)
    return Declared(aigc or said.aigc, said.source_type, digest.hexdigest())


def _is_packet(file: BinaryIO, box: Box) -> bool:
    return box.kind == b"uuid" and _read(file, box.body, box.body + 16) == XMP


def _boxes(file: BinaryIO) -> Iterator[Box]:
    """Find the outermost boxes; one that reaches beyond the end is cut there."""
    size = file.seek(0, 2)
    start = 0
    while start + 8 <= size:
        file.seek(start)
        box = _header(file.read(16), start, size)
        yield box
        start = box.end


def _header(head: bytes, start: int, size: int) -> Box:
    length, kind = struct.unpack(">I4s", head[:8])
    body = start + 8
    if length == 1 and len(head) == 16:
        length, body = struct.unpack(">Q", head[8:])[0], start + 16
    end = size if length == 0 else start + length
    return Box(kind, start, min(body, size), max(body, min(end, size)))


def _inner(data: bytes | bytearray, start: int = 0, end: int | None = None) -> Iterator[Box]:
    end = len(data) if end is None else end
    while start + 8 <= end:
        box = _header(bytes(data[start : start + 16]), start, end)
        yield box
        start = box.end


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _copy(file: BinaryIO, out: BinaryIO | None, box: Box, digest: hashlib._Hash) -> None:
    """Copy a box; what a media box holds is counted into the digest."""
    if out:
        out.write(_read(file, box.start, box.body))
    file.seek(box.body)
    left = box.end - box.body
    while piece := file.read(min(PIECE, left)):
        left -= len(piece)
        if box.kind == b"mdat":
            digest.update(piece)
        if out:
            out.write(piece)


def _index(body: bytes, moov: Box, boxes: list[Box], note: Note) -> bytes:
    """Give the whole box ``moov`` with the label in it, and offsets that hold where it will lie.

    Metadata that were there before, such as the name of an encoder, give way.
    """
    kept = b"".join(body[box.start : box.end] for box in _inner(body) if box.kind != b"udta")
    new = bytearray(kept + _box(b"udta", _meta(note.aigc().encode())))
    grown = len(new) + 8 - (moov.end - moov.start)
    if any(box.kind == b"mdat" and box.start > moov.start for box in boxes):
        _shift(new, 0, len(new), moov.end, grown)
    return _box(b"moov", bytes(new))


def _shift(index: bytearray, start: int, end: int, behind: int, by: int) -> None:
    """Add ``by`` to all offsets (``stco``, ``co64``) of media that lie behind a place in the file."""
    for box in _inner(index, start, end):
        if box.kind in _ABOVE:
            _shift(index, box.body, box.end, behind, by)
        elif box.kind in (b"stco", b"co64"):
            count = struct.unpack_from(">I", index, box.body + 4)[0]
            form = f">{count}{'I' if box.kind == b'stco' else 'Q'}"
            offsets = struct.unpack_from(form, index, box.body + 8)
            moved = [offset + by if offset >= behind else offset for offset in offsets]
            if box.kind == b"stco" and max(moved, default=0) >= 1 << 32:
                raise MediaError("the video is too large to be labelled", "Set label.metadata to false.")
            struct.pack_into(form, index, box.body + 8, *moved)


def _meta(value: bytes) -> bytes:
    """Give a box ``meta`` with one key of the kind ``mdta`` and its text in UTF-8 (type 1)."""
    handler = _box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    keys = _box(b"keys", struct.pack(">II", 0, 1) + _box(b"mdta", KEY.encode()))
    item = struct.pack(">II", 1, 0) + value
    items = _box(b"ilst", _box(struct.pack(">I", 1), _box(b"data", item)))
    return _box(b"meta", bytes(4) + handler + keys + items)


def _keyed(index: bytes) -> dict[str, str]:
    """Read the value of the key AIGC in ``udta/meta``."""
    for udta in _inner(index):
        for meta in _inner(index, udta.body, udta.end) if udta.kind == b"udta" else ():
            if meta.kind == b"meta":
                parts = {box.kind: box for box in _inner(index, meta.body + 4, meta.end)}
                if b"keys" in parts and b"ilst" in parts:
                    return _value(index, parts[b"keys"], parts[b"ilst"])
    return {}


def _value(index: bytes, keys: Box, items: Box) -> dict[str, str]:
    names = [index[key.body : key.end] for key in _inner(index, keys.body + 8, keys.end)]
    for item in _inner(index, items.body, items.end):
        number = int.from_bytes(item.kind, "big")
        if 1 <= number <= len(names) and names[number - 1] == KEY.encode():
            for data in _inner(index, item.body, item.end):
                return fields_of(index[data.body + 8 : data.end].decode("utf-8", "replace"))
    return {}
