"""Texts of others inside Markdown: names and titles are data, and stay data wherever the post is pasted."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn what follows around: they could make a name read as another."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = frozenset("\\`*_[]|~$#{}@^")
_LINK_START = re.compile(r"(?i):(?=//)|(?<=\bwww)\.")
_BLOCK_START = re.compile(r"^([-+=]|\d{1,9}(?=[.)]))")


def plain(text: str) -> str:
    """Return the text on one line, without characters that control or turn what is around them."""
    out = []
    for letter in text:
        kind = unicodedata.category(letter)
        if kind in ("Cc", "Zl", "Zp"):
            out.append(" ")
        elif kind == "Cs":
            out.append("\ufffd")
        elif letter not in _DIRECTIONS:
            out.append(letter)
    return " ".join("".join(out).split())


def escaped(text: str) -> str:
    """Return the text so that Markdown and HTML show it as it is, on one line; it links to nothing."""
    line = _BLOCK_START.sub(_escape_start, plain(text))
    line = _LINK_START.sub(lambda match: f"\0{match[0]}", line)
    return "".join(_ENTITIES.get(c) or ("\\" + c if c in _MARKUP else c) for c in line).replace("\0", "\\")


def paragraphs(text: str) -> str:
    """Return a longer text escaped line by line; blank lines part its paragraphs."""
    lines = (escaped(line) for line in re.split(r"\r\n?|\n|\u2028|\u2029", text))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def code(text: str) -> str:
    """Return the text as a code span that also stands in a table."""
    body = plain(text).replace("|", "%7C").replace("`", "%60")
    return f"`{body}`" if body else ""


def target(name: str) -> str:
    """Return a file name as the relative address of that file."""
    return quote(name, safe="")


def web_address(address: str) -> str:
    """Return an address of the web fit for a link, or "" if it is none: nothing else becomes a link."""
    if not address.startswith(("https://", "http://")):
        return ""
    return quote(address, safe="/:?#&=%+,;@~!$-._")


def _escape_start(match: re.Match[str]) -> str:
    found = match[0]
    return f"{found}\0" if found.isdecimal() else f"\0{found}"
