"""Names of what is uploaded: they come from browsers, and become names on the share only if they may."""

from __future__ import annotations

import unicodedata

from daemon.listing import ignorable, partial
from daemon.name import LONGEST, key, shown, valid
from daemon.page.upload_refusal import Refusal


def folder_name(text: str) -> str:
    """Give the name of a drop's folder.

    Raises:
        Refusal: It can be none.
    """
    name = unicodedata.normalize("NFC", text).strip()
    _check(name)
    if name.startswith(".") or ignorable(name):
        raise Refusal(422, "upload.wrong.hidden", name=name)
    if partial(name):
        raise Refusal(422, "upload.wrong.partial", name=name)
    return name


def file_name(text: str) -> str:
    """Give the name of a file in it, as it is; what is not wanted for other reasons is looked at elsewhere.

    Raises:
        Refusal: It can be none.
    """
    _check(text)
    return text


def same(one: str, other: str) -> bool:
    """Say whether people, and some file systems, take two names for the same."""
    return key(one) == key(other)


def suggestion(folder: str, files: list[str]) -> str:
    """Give the name of a drop that a person has not named: that of the folder, or of its first file."""
    stem = files[0].rpartition(".")[0] if files else ""
    return folder or stem or "drop"


def _check(name: str) -> None:
    if not name or name in (".", ".."):
        raise Refusal(422, "upload.wrong.nameless")
    if not valid(name):
        raise Refusal(422, message=f"the name of {shown(name)} is not valid text", hint="Rename the file.")
    if "/" in name or any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in name):
        raise Refusal(422, "upload.wrong.letters", name=name)
    if len(name.encode()) > LONGEST:
        raise Refusal(422, "upload.wrong.long", name=f"{name[:40]}…", most=LONGEST)
