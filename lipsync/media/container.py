"""Opening files: the only demuxers allowed, chosen by what the file is and never by its name alone.

FFmpeg would follow a playlist, a concat list or an SDP file to other files and to the network, whatever the file
is called. Here a file is opened by the demuxer that its first bytes ask for, from a short list, and only files
can be read.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer

from lipsync.errors import LimitError, MediaError
from lipsync.media.decoders import ALLOWED

_LOCKED = {"protocol_whitelist": "file", "codec_whitelist": ALLOWED, "max_streams": "500"}
_LOCKED |= {"enable_drefs": "0", "use_absolute_path": "0"}
_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
_MAGIC = {
    b"\x1aE\xdf\xa3": "matroska",
    b"OggS": "ogg",
    b"fLaC": "flac",
    b"caff": "caf",
    b"#!AMR": "amr",
    b"\xff\xfb": "mp3",
    b"\xff\xfa": "mp3",
    b"\xff\xf3": "mp3",
    b"\xff\xf2": "mp3",
    b"\xff\xe3": "mp3",
    b"\xff\xf1": "aac",
    b"\xff\xf9": "aac",
    b"\xff\xf0": "aac",
    b"\xff\xf8": "aac",
}
_FORMS = {b"AVI ": "avi", b"WAVE": "wav", b"AIFF": "aiff", b"AIFC": "aiff"}
_ONLY_MOV = frozenset({"enable_drefs", "use_absolute_path"})
_MAY_END_EMPTY = frozenset({"mov", "wav", "aiff", "caf"})
"""Their index says what belongs to them, or silence is zeros in them."""
_EMPTY_END = 1 << 20


def demuxer_of(path: Path) -> str | None:
    """Name the demuxer that the first bytes of ``path`` ask for; None if none of the allowed ones reads it."""
    with path.open("rb") as file:
        head = file.read(64)
        while head[:3] == b"ID3" and len(head) > 9:
            # the size is stored in four bytes of seven bits
            file.seek(file.tell() - len(head) + 10 + sum(byte << 7 * (3 - at) for at, byte in enumerate(head[6:10])))
            head = file.read(64)
            if not any(head.startswith(magic) for magic in (b"ID3", b"fLaC", b"\xff\xf1", b"\xff\xf9")):
                return "mp3"
    if head[4:8] in _MOV_ATOMS:
        return "mov"
    if head[:4] in (b"RIFF", b"RF64", b"FORM"):
        return _FORMS.get(head[8:12])
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


@contextmanager
def reading(
    path: Path, hint: str = "Play it to see whether it is whole, then copy or export it again."
) -> Iterator[None]:
    """Turn what FFmpeg and the file system raise while ``path`` is read into a MediaError that names it."""
    try:
        yield
    except av.MemoryError as error:
        message = f"{path.name} asks for more memory than it may have"
        raise LimitError(message, "Export it again, smaller, or have limits.memory_bytes raised.") from error
    except av.FFmpegError as error:
        raise MediaError(f"{path.name} is damaged or not what its name says", hint) from error
    except OSError as error:
        raise MediaError(
            f"{path.name} cannot be read: {error.strerror}", "Check the file and copy it again."
        ) from error


@contextmanager
def opened(path: Path, hint: str) -> Iterator[InputContainer]:
    """Open ``path`` for reading, locked to this one file.

    Args:
        path: The file.
        hint: What to drop instead if this is not a file we read.

    Raises:
        MediaError: Empty, not of an allowed kind, or broken.
    """
    with reading(path):
        check_kind(path)
        name = demuxer_of(path)
        if name is None:
            raise MediaError(f"{path.name} is not what its name says", hint)
        if name not in _MAY_END_EMPTY:
            _check_end(path)
        options = {key: value for key, value in _LOCKED.items() if name == "mov" or key not in _ONLY_MOV}
        # "file:" keeps a name such as "http:x.mp4" from being taken for an address
        with av.open(
            f"file:{path}", "r", format=name, container_options=options, metadata_errors="replace"
        ) as container:
            if name == "mov":
                _check_whole(container, path)
            yield container


def check_kind(path: Path) -> None:
    """Refuse what would hang or give nothing when it is read.

    Raises:
        MediaError: A pipe, a device, a folder, or an empty file.
        OSError: It cannot be looked at.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(f"{path.name} is no regular file", "Drop the file itself.")
    if status.st_size == 0:
        raise MediaError(f"{path.name} is empty", "Copy it again.")


def _check_end(path: Path) -> None:
    """Refuse a file of which only the room is there: its end has not been copied yet, or never will be."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _EMPTY_END))
        end = file.read(_EMPTY_END)
    if len(end) == _EMPTY_END and not any(memoryview(end).cast("Q")):
        raise MediaError(f"{path.name} is cut off: its end is empty", "Copy it again; the last part is missing.")


def _check_whole(container: InputContainer, path: Path) -> None:
    """Refuse a file whose index speaks of more than is there: a copy that was broken off."""
    ends = (entry.pos + entry.size for stream in container.streams for entry in stream.index_entries)
    if max(ends, default=0) > path.stat().st_size:
        raise MediaError(f"{path.name} is cut off", "Copy it again; the last part is missing.")


def check_size(path: Path, most: int) -> None:
    """Refuse a file of more than ``most`` bytes (0: no limit).

    Raises:
        LimitError: It is larger.
        MediaError: It cannot be looked at.
    """
    with reading(path):
        size = path.stat().st_size
    if most and size > most:
        message = f"{path.name} has {size / 1e6:.0f} MB; at most {most / 1e6:.0f} are allowed"
        raise LimitError(message, "Make it smaller, or have limits.file_bytes raised.")
