"""Names are data: shown without tricks, numbered where taken, and made safe where a result takes them on."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence

LONGEST = 255
"""Bytes of a file name that every common file system takes."""

_RESULT_BYTES = 240
"""Bytes of a result's stem: room for ``.mp4`` and for the names of others who copy it (``.part``, …)."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of text and so disguise a name."""


def shown(name: str) -> str:
    """Give a name for people and logs: one line, no control characters, no bytes that are not text."""
    if name.isascii() and name.isprintable():  # nearly all are, and lists of jobs are long
        return name
    return "".join(_escaped(letter) if _odd(letter) else letter for letter in name)


def tame(document: str) -> str:
    """Write what is odd in a JSON document as JSON's own escapes: it means the same, and disturbs no terminal."""
    return "".join(f"\\u{ord(letter):04x}" if letter != "\n" and _odd(letter) else letter for letter in document)


def valid(name: str) -> bool:
    """Say whether a name is text, so that a manifest can name it; some old archives hold names that are not."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def key(name: str) -> str:
    """Give what two names have in common when people and file systems take them for the same."""
    return unicodedata.normalize("NFC", name).casefold()


def numbered(name: str, number: int) -> str:
    """Give "NAME (2)" and so on, cut to what a file system takes; 1 gives the name itself."""
    if number == 1:
        return name
    tail = f" ({number})"
    return _cut(name, LONGEST - len(tail)) + tail


def results(faces: Sequence[str]) -> dict[str, str]:
    """Choose the stem of each face's result: that of the face, and different ones for different faces.

    Args:
        faces: File names with suffix, each different.

    Returns:
        Stem by face: "alice" for "alice.png"; "alice-png" and "alice-mp4" where both faces are called alice.
    """
    stems = {face: _usable(face.rpartition(".")[0]) for face in faces}
    counts: dict[str, int] = {}
    for stem in stems.values():
        counts[key(stem)] = counts.get(key(stem), 0) + 1
    taken: set[str] = {key(stem) for stem in stems.values() if counts[key(stem)] == 1}
    for face, stem in stems.items():
        if counts[key(stem)] > 1:
            stems[face] = _free(_usable(f"{stem}-{face.rpartition('.')[2].lower()}"), taken)
    return stems


def _free(stem: str, taken: set[str]) -> str:
    number = 1
    while key(f"{stem}-{number}" if number > 1 else stem) in taken:
        number += 1
    chosen = f"{stem}-{number}" if number > 1 else stem
    taken.add(key(chosen))
    return chosen


def _usable(stem: str) -> str:
    """Make a stem safe as a result's name on every system a share is mounted on."""
    plain = "".join("_" if _odd(letter) or letter == "/" else letter for letter in stem)
    plain = re.sub(r"^\.+|[. ]+$", "", _cut(plain, _RESULT_BYTES)).strip()
    return plain or "face"


def _odd(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in _BIDI


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def _cut(name: str, size: int) -> str:
    """Cut a name to ``size`` bytes without cutting a character in two."""
    if len(os.fsencode(name)) <= size:
        return name
    letters = list(name)
    while len(os.fsencode("".join(letters))) > size:
        letters.pop()
    return "".join(letters)
