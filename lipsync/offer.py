"""Offer: weights that could be brought, where they are published and what they may be used for.

``weights/others.json`` holds what we know of; a house may add its own in ``catalogue.json`` in its folder of weights,
in the same form. Nothing here fetches anything.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lipsync.errors import WeightsError

KNOWN = Path(__file__).parent / "weights" / "others.json"
OWN = "catalogue.json"
"""Name of a house's own catalogue in its folder of weights."""
PAPER = ".paper.json"
"""What the name of the note beside a file of weights ends with."""
PART = ".part"
"""What the name of a file ends with that is not all there yet."""

_RESERVED = (PAPER, PART, ".part.json", ".lock")
_SCHEMES = ("http", "https", "file")
_LONGEST = 200


@dataclass(frozen=True)
class Offer:
    """Weights that could be brought.

    Attributes:
        name: What people call them on the command line.
        file: The publisher's file name; under it they lie in the folder of weights.
        serves: The engine or tracker that takes them: "wav2lip", "face-alignment".
        about: What they are and who made them.
        licence: Under which terms they were published.
        use: What they may be used for.
        commercial: Whether that includes earning money; None where nobody says.
        bytes: Their size; 0 where unknown.
        sha256: What the publisher says, or many copies agree on; may be its beginning alone, or "" where unknown.
        page: Where the publisher tells of them.
        note: What a person should know before fetching them.
        urls: Where they are, in the order to try; none for those that only a person can get.
    """

    name: str
    file: str
    serves: str
    about: str
    licence: str
    use: str
    commercial: bool | None = None
    bytes: int = 0
    sha256: str = ""
    page: str = ""
    note: str = ""
    urls: tuple[str, ...] = ()

    def matches(self, sha256: str) -> bool:
        """Whether a file with this sha256 is the one; never where nobody knows its hash."""
        return bool(self.sha256) and sha256.startswith(self.sha256)


def offers(folder: Path | None = None) -> dict[str, Offer]:
    """Give what could be brought, by name: what we know of, then what the house added.

    Args:
        folder: The folder of weights, where a house's own catalogue may lie.

    Raises:
        WeightsError: The house's catalogue cannot be read, or says what it must not.
    """
    found = _read(KNOWN)
    own = folder / OWN if folder else None
    if own is not None and own.is_file():
        for name, offer in _read(own).items():
            if name in found or offer.file in {other.file for other in found.values()}:
                raise WeightsError(f"{OWN}: {name!r} ({offer.file}) is there already", "Give it another name and file.")
            found[name] = offer
    return found


def plain(name: str) -> bool:
    """Whether a file of weights may be called so: one visible part of a path that is none of our own names."""
    tame = name.isprintable() and not re.search(r'[/\\:*?"<>|]', name)
    short = 0 < len(name.encode("utf-8", "surrogateescape")) <= _LONGEST
    ours = name == OWN or name.endswith(_RESERVED)
    return tame and short and not ours and not name.startswith((".", "-")) and name == name.strip()


def promised(file: str) -> str:
    """Give the beginning of the sha256 that a file name promises, as torch hub names files; "" where it does not."""
    found = re.search(r"-([0-9a-f]{8,64})\.", file)
    return found[1] if found else ""


def _read(path: Path) -> dict[str, Offer]:
    hint = "docs/models.md shows the form of an entry."
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["weights"]
        found = [_offer(entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        said = f"entry without {error}" if isinstance(error, KeyError) else str(error)
        raise WeightsError(f"the catalogue {path.name} cannot be used: {said}", hint) from error
    names = [offer.name for offer in found] + [offer.file for offer in found]
    for twice in {name for name in names if names.count(name) > 1}:
        offer = next(offer for offer in found if twice in (offer.name, offer.file))
        if (offer.name, offer.file) != (twice, twice) or names.count(twice) > 2:
            raise WeightsError(f"the catalogue {path.name} has {twice!r} twice", hint)
    return {offer.name: offer for offer in found}


def _offer(entry: dict[str, Any]) -> Offer:
    """Check an entry and give it as an offer.

    Raises:
        KeyError: Something is missing.
        ValueError: Something is said that must not be.
    """
    words = {key: str(entry.get(key, "")) for key in ("about", "licence", "use", "page", "note")}
    offer = Offer(
        name=str(entry["name"]),
        file=str(entry["file"]),
        serves=str(entry["serves"]),
        commercial=None if entry.get("commercial") is None else bool(entry["commercial"]),
        bytes=int(entry.get("bytes", 0)),
        sha256=str(entry.get("sha256", "")).lower(),
        urls=tuple(str(url) for url in entry.get("urls", ())),
        **words | {"licence": words["licence"] or "not known", "use": words["use"] or "not known: ask the publisher"},
    )
    for kind, name in (("name", offer.name), ("file", offer.file)):
        if not plain(name):
            raise ValueError(f"{name!r} is no {kind}")
    if not re.fullmatch(r"(?:[0-9a-f]{8,64})?", offer.sha256) or offer.bytes < 0:
        raise ValueError(f"{offer.name}: sha256 or bytes are none")
    for url in offer.urls:
        if urlsplit(url).scheme not in _SCHEMES or not url.isprintable():
            raise ValueError(f"{offer.name}: {url!r} is no address that could be fetched")
    return offer
