"""Check: what can be said of a drop before, and while, it is uploaded: what the inbox would say, in the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.ending import short
from daemon.errors import DropError
from daemon.inbox import cast_drop, cast_listing
from daemon.job import JobTake, TakeState
from daemon.listing import NESTED, Entry, Kind, Listing, ignorable, kind_of, listing, partial
from daemon.name import shown
from daemon.order import LARGEST, Choices, is_photo
from daemon.page.upload_name import file_name
from daemon.page.upload_refusal import Refusal
from daemon.page.upload_tray import Piece, Tray
from daemon.plain import read_plain

_HEAD = 512
_FOREIGN = (
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "RAR"),
    (b"\x7fELF", "ELF"),
    (b"MZ", "EXE"),
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<?xml", "XML"),
    (b"<svg", "SVG"),
    (b"#extm3u", "M3U"),
)
"""How files begin that are none of ours whatever they are called; a page that says "log in first", for one."""
_APPLE = (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1", b"ftypavi")


@dataclass(frozen=True)
class Verdict:
    """What would come of a drop.

    Attributes:
        pairs: Each face, and the speech that drives it.
        fault: Why it would be refused, or None.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    fault: DropError | None = None


def check_file(path: str, length: int, most: int) -> str:
    """Look at a file that is announced, and give its name.

    Args:
        path: Its name, with the names of folders before it where it lies in one.
        length: Its bytes.
        most: Bytes that a file may have; 0 for any.

    Raises:
        DropError: The inbox would refuse it.
        Refusal: It has no business in a drop, or no possible name.
    """
    folder, slash, name = path.rpartition("/")
    if ignorable(name):
        raise Refusal(415, "upload.wrong.not_there", name=path)
    file_name(name)
    if slash and folder:
        _cast(Listing((), (), ((path, NESTED),)))
    if partial(name):
        raise DropError(f"{shown(name)} is still being copied", "Wait until it is all there.")
    kind = kind_of(name)
    if kind is Kind.OTHER:
        raise Refusal(415, "upload.wrong.other", name=name)
    if not length or kind is Kind.UNREAD:
        _cast(Listing((Entry(name, kind, length, 0),), (), ()))
    if kind is Kind.ORDER and length > LARGEST:
        raise DropError("job.toml is too large to be one", "It holds a few lines at most.")
    if most and length > most:
        message = f"{shown(name)} has {length / 1e6:.0f} MB; at most {most / 1e6:.0f} are allowed"
        raise Refusal(413, message=message, hint="Make it smaller, or have limits.file_bytes raised.")
    return name


def check_content(tray: Tray, piece: Piece) -> None:
    """Look how a file begins, once that is here. Nothing is decoded: whether it is sound, its job will say.

    Raises:
        Refusal: It is nothing of ours.
    """
    path = tray.drop / piece.name if piece.whole else tray.part(piece)
    head = read_plain(path, _HEAD)
    name = shown(piece.name)
    if kind_of(piece.name) is Kind.ORDER:
        return
    if is_photo(piece.name) and head[4:].startswith(_APPLE):
        message = f"{name} is a HEIC or AVIF picture or a video, whatever its name says"
        raise Refusal(422, message=message, hint="Save pictures as jpg or png.")
    text = head.lstrip().lower()
    for begin, kind in _FOREIGN:
        if head.startswith(begin) or text.startswith(begin):
            raise Refusal(422, "upload.wrong.foreign", name=piece.name, kind=kind)


def cut_off(tray: Tray, piece: Piece) -> bool:
    """Say whether a file that is here ends before it should, by what it says about itself."""
    return piece.whole and short(tray.drop / piece.name)


def verdict(tray: Tray, choices: Choices) -> Verdict:
    """Say what would come of the files that are announced so far."""
    try:
        takes, _ = cast_listing(tray.drop, tray.listing(), choices)
    except DropError as fault:
        return Verdict(fault=fault)
    except OSError as error:
        return Verdict(fault=DropError(f"it cannot be read ({error.strerror})"))
    return Verdict(_pairs(takes))


def check_drop(tray: Tray, choices: Choices) -> None:
    """Look at the folder as the inbox will.

    Raises:
        DropError: It would be refused.
        OSError: It cannot be read.
    """
    takes, _ = cast_drop(tray.drop, listing(tray.drop), choices)
    failed = next((take for take in takes if take.state is TakeState.FAILED), None)
    if failed is not None:
        raise DropError(failed.error, failed.hint)


def _pairs(takes: Sequence[JobTake]) -> tuple[tuple[str, str], ...]:
    return tuple((take.face, take.speech) for take in takes)


def _cast(found: Listing) -> None:
    """Have the inbox say what it would of a listing that it refuses; nothing is read."""
    cast_listing(Path(), found, Choices())
