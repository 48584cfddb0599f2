"""Shelf: the weights that people brought, as they lie in the folder of weights, and whether each is what it should be.

They lie flat in ``settings.weights`` under their publisher's file name. Beside each lies a note, ``FILE.paper.json``:
where it came from, its sha256, its licence, and the size, time and inode it had when it was hashed last, so that
half a gigabyte is not hashed anew each time. Imports no torch. Writes nothing but notes, and those only where asked.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from lipsync.errors import WeightsError
from lipsync.offer import OWN, PAPER, PART, Offer, offers, plain, promised

State = Literal["usable", "damaged", "unknown", "partial"]


@dataclass(frozen=True)
class Paper:
    """The note beside a file of weights.

    Attributes:
        name: What the weights are called.
        file: The file it speaks of.
        serves: The engine or tracker that takes them.
        licence: Under which terms they were published; "not known" for one's own.
        use: What they may be used for.
        bytes: Size.
        sha256: Of the whole file.
        source: Where it came from: an address, or "file NAME".
        date: When it was brought, ISO 8601.
        seen: Size, mtime in ns, inode and device at the last hashing.
    """

    name: str
    file: str
    serves: str
    licence: str
    use: str
    bytes: int
    sha256: str
    source: str
    date: str
    seen: tuple[int, ...] = ()


@dataclass(frozen=True)
class Brought:
    """A file in the folder of weights.

    Attributes:
        name: What the weights are called: the catalogue's name, or the one given at the import.
        path: The file.
        serves: The engine or tracker that takes them; "" where nobody knows.
        sha256: Of what is there; "" for a part of a file.
        licence: Under which terms they were published.
        use: What they may be used for.
        bytes: Size of what is there.
        state: "usable"; "damaged": other bytes than the catalogue or its note says; "unknown": neither in the
            catalogue nor imported; "partial": a fetch that was broken off.
        source: Where it came from.
    """

    name: str
    path: Path
    serves: str
    sha256: str
    licence: str
    use: str
    bytes: int
    state: State
    source: str = ""


def brought(folder: Path | None) -> dict[str, Brought]:
    """Give the usable weights by name; {} where the folder is not there.

    Args:
        folder: ``Options.weights``.

    Raises:
        WeightsError: The folder or the house's catalogue cannot be read.
    """
    return {one.name: one for one in holdings(folder) if one.state == "usable"}


def holdings(folder: Path | None, *, verify: bool = False, remember: bool = False) -> list[Brought]:
    """Give everything that lies in the folder of weights, by file name, whatever its state.

    Args:
        folder: ``Options.weights``.
        verify: Hash each again, whatever its note says.
        remember: Note what was hashed, for the next time.

    Raises:
        WeightsError: The folder or the house's catalogue cannot be read.
    """
    if folder is None or not folder.is_dir():
        return []
    known = {offer.file: offer for offer in offers(folder).values()}
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
        return [one for path in paths if (one := _look(path, known, verify, remember))]
    except OSError as error:
        raise WeightsError(f"the folder of weights cannot be read: {error.strerror}", "Look at its rights.") from error


def paper_of(path: Path) -> Paper | None:
    """Give the note beside a file of weights; None where there is none that can be read."""
    try:
        content: dict[str, Any] = json.loads(_beside(path).read_text(encoding="utf-8"))
        words = {key: str(content[key]) for key in Paper.__annotations__ if key not in ("bytes", "seen")}
        return Paper(**words, bytes=int(content["bytes"]), seen=tuple(int(one) for one in content["seen"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_paper(path: Path, paper: Paper) -> None:
    """Write the note beside a file of weights, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    beside = _beside(path)
    fresh = beside.with_name(f".{beside.name}.{os.getpid()}")
    try:
        with fresh.open("w", encoding="utf-8") as stream:
            json.dump(asdict(paper), stream, ensure_ascii=False, indent=2)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(beside)
    finally:
        fresh.unlink(missing_ok=True)


def paper_for(path: Path, offer: Offer, sha256: str, source: str) -> Paper:
    """Give the note for a file that was just hashed, dated now."""
    return Paper(
        name=offer.name,
        file=path.name,
        serves=offer.serves,
        licence=offer.licence,
        use=offer.use,
        bytes=path.stat().st_size,
        sha256=sha256,
        source=source,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        seen=stamp(path),
    )


def stamp(path: Path) -> tuple[int, ...]:
    """Give size, mtime in ns, inode and device: while they stay, so does the content."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_dev


def _beside(path: Path) -> Path:
    return path.with_name(path.name + PAPER)


def _look(path: Path, known: dict[str, Offer], verify: bool, remember: bool) -> Brought | None:
    size = path.stat().st_size
    whole = path.name.removesuffix(PART)
    if whole != path.name and plain(whole):
        offer = known.get(whole)
        name, serves = (offer.name, offer.serves) if offer else (whole, "")
        return Brought(name, path, serves, "", "", "", size, "partial")
    if not plain(path.name) or path.name == OWN:
        return None
    return _judged(path, known.get(path.name), verify, remember)


def _judged(path: Path, offer: Offer | None, verify: bool, remember: bool) -> Brought:
    paper = paper_of(path)
    sha256 = _hashed(path, paper, verify, remember)
    size = path.stat().st_size
    if paper:
        sound = sha256 == paper.sha256 and (offer is None or not offer.sha256 or offer.matches(sha256))
        name, serves, licence, use = (offer or paper).name, paper.serves, (offer or paper).licence, (offer or paper).use
        return Brought(name, path, serves, sha256, licence, use, size, "usable" if sound else "damaged", paper.source)
    if offer and offer.sha256 and (offer.matches(sha256) or _meant(path, offer, size)):
        state: State = "usable" if offer.matches(sha256) else "damaged"
        if remember and state == "usable":
            _remember(path, paper_for(path, offer, sha256, "put there"))
        return Brought(offer.name, path, offer.serves, sha256, offer.licence, offer.use, size, state, "put there")
    return Brought(path.name, path, "", sha256, "not known", "not known", size, "unknown", "put there")


def _meant(path: Path, offer: Offer, size: int) -> bool:
    """Whether a file is meant to be the published one, and not only called so."""
    return bool(promised(path.name)) or offer.bytes in (0, size)


def _hashed(path: Path, paper: Paper | None, verify: bool, remember: bool) -> str:
    """Give the sha256, from the note where nothing changed since."""
    seen = stamp(path)
    if paper and paper.seen == seen and not verify:
        return paper.sha256
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    if remember and paper and sha256 == paper.sha256 and paper.seen != seen:
        _remember(path, replace(paper, seen=seen))
    return sha256


def _remember(path: Path, paper: Paper) -> None:
    """Write the note; on a read-only disk the file is hashed again next time."""
    try:
        write_paper(path, paper)
    except OSError:
        return
