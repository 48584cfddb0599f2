"""Intake: a file that a person brings is recognised, copied onto the shelf, and vouched for in a note beside it.

Recognised by its sha256, by the sha256 in its name (as torch hub names files), or by looking inside: a checkpoint of
Wav2Lip by the names and shapes of its tensors, read without running anything in it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from lipsync.errors import WeightsError
from lipsync.offer import Offer, offers, plain, promised
from lipsync.shelf import holdings, paper_for, write_paper

LARGEST = 8 << 30
"""Bytes of a file that is looked into."""
_PIECE = 1 << 20
_OWN = "not known: you brought it, so you know"
_GET = "`lipsyncd models fetch` lists the files that fit, with their terms."


@dataclass(frozen=True)
class Found:
    """What a file turned out to be.

    Attributes:
        offer: The catalogue's entry, or one made for a file that is not in it.
        sha256: Of the whole file.
        bytes: Its size.
        known: Whether it is in the catalogue.
    """

    offer: Offer
    sha256: str
    bytes: int
    known: bool


def recognise(path: Path, folder: Path, name: str = "") -> Found:
    """Say what a file is.

    Args:
        path: The file.
        folder: The folder of weights, for a house's own catalogue.
        name: What it is to be called, where it is not in the catalogue; "" for its file name without ending.

    Raises:
        WeightsError: It is nothing that an engine or tracker takes, or is damaged; in plain words.
    """
    try:
        if not path.is_file():
            raise WeightsError(f"{path.name} is not there, or is no file", "Give the path of a file of weights.")
        size = path.stat().st_size
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            head = stream.read(512)
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read: {error.strerror}", "Look at its rights.") from error
    known = offers(folder)
    for offer in known.values():
        if offer.matches(sha256):
            return Found(offer, sha256, size, known=True)
    _sane(path, head, size, sha256)
    return _own(path, sha256, size, name or _stem(path), known)


def take_in(path: Path, folder: Path, found: Found) -> Path:
    """Copy a recognised file into the folder of weights, whole or not at all, and give where it lies.

    Raises:
        WeightsError: It changed meanwhile, or another file has its name.
        OSError: The disk refuses.
    """
    target = folder / found.offer.file
    if target.exists() and target.samefile(path):
        write_paper(target, paper_for(target, found.offer, found.sha256, f"file {path.name}"))
        return target
    if target.exists() and not _alike(target, found.sha256) and not _spoilt(target, folder, found):
        raise WeightsError(f"there is another {target.name} already", "Move it away, or give one a name with --name.")
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{target.name}.{os.getpid()}"
    try:
        if _copy(path, beside) != found.sha256:
            raise WeightsError(f"{path.name} changed while it was copied", "Import it once it is complete.")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    write_paper(target, paper_for(target, found.offer, found.sha256, f"file {path.name}"))
    return target


def vouch(path: Path, offer: Offer, sha256: str, source: str) -> None:
    """Write the note of a file that was fetched and checked.

    Raises:
        OSError: The disk refuses.
    """
    write_paper(path, paper_for(path, offer, sha256, source))


def _own(path: Path, sha256: str, size: int, name: str, known: dict[str, Offer]) -> Found:
    """Look inside a file that no catalogue has."""
    from lipsync.wav2lip import checkpoint

    checkpoint.load(path)
    suffix = ".safetensors" if path.suffix.lower() == ".safetensors" else ".pth"
    offer = Offer(
        name=name,
        file=name + suffix,
        serves="wav2lip",
        about="a checkpoint of Wav2Lip that is in no catalogue",
        licence=_OWN,
        use=_OWN,
        bytes=size,
        sha256=sha256,
    )
    if not plain(offer.name) or not plain(offer.file):
        raise WeightsError(f"{name!r} is no name for weights", "Give a plain one with --name.")
    if name in known or offer.file in {other.file for other in known.values()}:
        said = f"{path.name} is a checkpoint of Wav2Lip, but not the published {name}"
        raise WeightsError(f"{said} (its sha256 begins with {sha256[:12]})", "Give it a name of its own with --name.")
    return Found(offer, sha256, size, known=False)


def _sane(path: Path, head: bytes, size: int, sha256: str) -> None:
    """Refuse what is plainly something else, by its first bytes.

    Raises:
        WeightsError: It is.
    """
    start = head.lstrip().lower()
    if not size:
        raise WeightsError(f"{path.name} is empty", "Copy or fetch it again.")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"{")):
        raise WeightsError(
            f"{path.name} is a page, not weights", "The site wanted an answer first; get the file itself."
        )
    if start.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{path.name} is only a pointer of Git LFS", "Get the file itself: `git lfs pull`.")
    if not sha256.startswith(promised(path.name)):
        said = f"{path.name} is damaged: by its name its sha256 begins with {promised(path.name)}"
        raise WeightsError(f"{said}, but it is {sha256[:12]}…", "Copy or fetch it again.")
    if size > LARGEST:
        raise WeightsError(f"{path.name} is larger than any weights that fit", _GET)


def _stem(path: Path) -> str:
    name = path.name
    while (stem := Path(name).stem) != name and Path(name).suffix.lower() in (".pth", ".pt", ".tar", ".safetensors"):
        name = stem
    return name


def _spoilt(target: Path, folder: Path, found: Found) -> bool:
    """Whether what lies there is the catalogue's file, damaged, and not somebody's own."""
    return found.known and any(one.path == target and one.state == "damaged" for one in holdings(folder))


def _alike(path: Path, sha256: str) -> bool:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def _copy(source: Path, target: Path) -> str:
    """Copy and flush; gives the sha256 of what was written."""
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("xb") as written:
        while piece := read.read(_PIECE):
            digest.update(piece)
            written.write(piece)
        written.flush()
        os.fsync(written.fileno())
    return digest.hexdigest()
