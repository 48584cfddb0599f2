"""Font files: the one the settings name, or one on the machine that has all letters of a text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import ImageFont, features

from lipsync.errors import LabelError

SUFFIXES = (".ttf", ".otf", ".ttc")
MOST = 4000
"""Font files that are looked at; a machine that has more has enough."""

_NOWHERE = "\U0010ffff"
"""No font has this one: it shows the box that stands for what is missing."""
_PLAIN = (
    "notosanscjk",
    "notosanssc",
    "sourcehansans",
    "wenquanyi",
    "wqy",
    "notosans-",
    "dejavusans-bold",
    "dejavusans",
)
_FANCY = ("italic", "oblique", "mono", "serif", "thin", "light", "black", "condensed", "symbol", "emoji", "math")
_SHAPED = (range(0x0590, 0x1000), range(0x1780, 0x18B0), range(0xFB1D, 0xFE00), range(0xFE70, 0xFF00))
"""Scripts that run from right to left or join their letters."""


def font_for(text: str, named: str, wanted: str) -> str:
    """Give the path of a font that has all letters of ``text``.

    Args:
        text: What is to be written.
        named: The font file to use; "" to look for one in the folders that fontconfig looks in.
        wanted: Those letters for which a font is needed at all; they are named where none is found.

    Raises:
        LabelError: It cannot be read or has not all the letters, or none on the machine has.
    """
    _check_shaping(text)
    if named:
        gone = missing(text, named)
        if gone:
            name, letters = Path(named).name, " ".join(gone)
            raise LabelError(
                f"the font {name} has no {letters}", "Set label.font to one that has, or change label.text."
            )
        return named
    found = _found("".join(sorted(set(text))))
    if found is None:
        hint = "Set label.font to a TTF, OTF or TTC file that has them, or install one (Debian: fonts-noto)."
        raise LabelError(f"no font on this machine has the letters {wanted} of the label {text!r}", hint)
    return found


def missing(text: str, path: str) -> list[str]:
    """Give the characters of ``text`` that a font does not have, each once.

    Raises:
        LabelError: The file is no font, or is not there.
    """
    font = _opened(str(Path(path).expanduser()), 32, path)
    box = bytes(font.getmask(_NOWHERE))
    return [letter for letter in dict.fromkeys(text) if not letter.isspace() and bytes(font.getmask(letter)) == box]


def opened(path: str, size: float) -> ImageFont.FreeTypeFont:
    """Open a font file at a size in pixels; its bytes are kept, so that it need not be there later.

    Raises:
        LabelError: It is no font, or is not there.
    """
    return _opened(BytesIO(_content(path)), size, path)


@lru_cache(2)
def _content(path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise _unreadable(path) from error


def _opened(file: str | BytesIO, size: float, path: str) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(file, size)
    except (OSError, RuntimeError) as error:
        raise _unreadable(path) from error


def _unreadable(path: str) -> LabelError:
    hint = "Set label.font to a TTF, OTF or TTC file that the service may read."
    return LabelError(f"the font {Path(path).name} cannot be read", hint)


@lru_cache(64)
def _found(letters: str) -> str | None:
    for path in sorted(_files(), key=_worth):
        try:
            if not missing(letters, str(path)):
                return str(path)
        except LabelError:
            continue
    return None


def _worth(path: Path) -> tuple[int, int, int, str]:
    """Sort plain upright fonts first, and among those the bold ones; by name, so that the choice stays the same."""
    name = path.name.lower()
    family = next((place for place, start in enumerate(_PLAIN) if name.startswith(start)), len(_PLAIN))
    return any(word in name for word in _FANCY), family, "bold" not in name, str(path)


def _files() -> Iterator[Path]:
    left = MOST
    for folder in _folders():
        for place, inner, names in os.walk(folder):
            inner.sort()
            for name in sorted(names):
                if name.lower().endswith(SUFFIXES) and left > 0:
                    left -= 1
                    yield Path(place, name)


def _folders() -> Iterator[Path]:
    """Where fontconfig looks (XDG base directories, and ~/.fonts)."""
    home = os.environ.get("HOME", "")
    own = os.environ.get("XDG_DATA_HOME") or (f"{home}/.local/share" if home else "")
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    yield from (Path(base, "fonts") for base in dict.fromkeys((own, *shared.split(":"))) if base)
    if home:
        yield Path(home, ".fonts")


def _check_shaping(text: str) -> None:
    """Refuse to write joined scripts letter by letter."""
    joined = [letter for letter in text if any(ord(letter) in part for part in _SHAPED)]
    if joined and not features.check("raqm"):
        raise LabelError(f"this Pillow cannot join letters such as {joined[0]}", "Install Pillow from its wheel.")
