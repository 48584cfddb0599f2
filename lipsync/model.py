"""Model: weights as a person sees them. Imports no torch, so that the command line can list them at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lipsync import weights


@dataclass(frozen=True)
class Model:
    """One file of weights in the catalogue.

    Attributes:
        name: What engines and trackers ask for.
        file: Its name in the package.
        bytes: Its size.
        sha256: What its bytes must hash to.
        licence: What it may be used for.
        trained_on: The data behind it.
        state: "usable", "missing" or "damaged" (other bytes than the catalogue says).
    """

    name: str
    file: str
    bytes: int
    sha256: str
    licence: str
    trained_on: str
    state: str


def models() -> list[Model]:
    """Give all weights in the catalogue, by name, each file hashed."""
    return [
        Model(
            name=name,
            file=str(entry["file"]),
            bytes=int(entry["bytes"]),
            sha256=str(entry["sha256"]),
            licence=str(entry["licence"]),
            trained_on=str(entry["trained_on"]),
            state=_state(str(entry["file"]), str(entry["sha256"])),
        )
        for name, entry in sorted(weights.catalogue().items())
    ]


def _state(file: str, sha256: str) -> str:
    try:
        with (weights.FOLDER / file).open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return "missing"
    return "usable" if found == sha256 else "damaged"
