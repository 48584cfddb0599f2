"""Interpreter: what the daemon, the renderer and the publishers say in English, in Chinese, where that is known.

Only the page says it in Chinese: what lies on the share, and the log, stays as it was written. A sentence is looked up
in ``chinese/*.toml`` by the pieces between its holes; what stands in a hole is a name or a number, and is carried over
as it is. What is not found there stays English.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "chinese"
_HOLE = re.compile(r"\{(\w+)\}")
_LONGEST = 4000
"""Characters of what is looked up; nothing that we say is longer."""
_DEEP = 4
"""Sentences within sentences."""
_LOOKED_UP = ("said", "place")
_BEGUN = 4
"""What it is worth that a sentence begins with a word of its own, and not with somebody's file."""


@dataclass(frozen=True)
class Sentence:
    """One sentence with holes.

    Attributes:
        pieces: What stands before, between and behind the holes, in English.
        holes: What they are called; those that begin with "said" or "place" hold what is looked up, too.
        chinese: The same, in Chinese.
    """

    pieces: tuple[str, ...]
    holes: tuple[str, ...]
    chinese: str

    @property
    def said(self) -> int:
        """How much of it is its own; of two that fit, the one that says more is meant."""
        return sum(map(len, self.pieces)) + (_BEGUN if self.pieces[0] else 0)

    def read(self, text: str) -> dict[str, str] | None:
        """Give what stands in the holes of a text without its full stop, or None where it is another sentence.

        It may begin with a large letter; what stands in a hole keeps its own. Each piece is taken where it comes first:
        one pass, whatever people call their files.
        """
        first, *rest = self.pieces
        if first and _small(text[: len(first)]) != first and text[: len(first)] != first:
            return None
        if not rest:
            return {} if len(text) == len(first) else None
        found, at = list[str](), len(first)
        for piece in rest[:-1]:
            next_at = text.find(piece, at + 1)
            if next_at < 0:
                return None
            found.append(text[at:next_at])
            at = next_at + len(piece)
        end = len(text) - len(rest[-1])
        if end <= at or not text.endswith(rest[-1]):
            return None
        return dict(zip(self.holes, [*found, text[at:end]], strict=True))


@cache
def sentences() -> tuple[Sentence, ...]:
    """Give all that are known; those that say most come first."""
    tables = (tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.toml")))
    known = {_small(_plain(english)): chinese for table in tables for english, chinese in table.items()}
    found = [Sentence(tuple(_HOLE.split(text)[::2]), tuple(_HOLE.findall(text)), known[text]) for text in known]
    return tuple(sorted(found, key=lambda one: -one.said))


@lru_cache(maxsize=4096)
def chinese(text: str) -> str:
    """Say it in Chinese; "" where that is not known."""
    return _said(text, _DEEP) if len(text) <= _LONGEST else ""


def _said(text: str, deep: int) -> str:
    plain = _plain(text)
    if not plain or not deep:
        return ""
    for one in sentences():
        held = one.read(plain)
        if held is not None:
            said = _filled(one, held, deep)
            return f"{said}。" if text.endswith(".") and not said.endswith("。") else said
    return _apart(text, deep)


def _apart(text: str, deep: int) -> str:
    """Say two sentences one after the other, or one that is about what is named before a colon."""
    for mark in (". ", "; "):
        first, found, rest = text.partition(mark)
        if found and (begun := _said(first, deep - 1)) and (ended := _said(rest, deep - 1)):
            return f"{begun.removesuffix('。')}{'。' if mark == '. ' else '；'}{ended}"
    name, found, rest = text.partition(": ")
    if found and (said := _said(rest, deep - 1)):
        return f"{name}：{said}"
    return ""


def _filled(one: Sentence, held: dict[str, str], deep: int) -> str:
    values = {hole: _held(hole, value, deep) for hole, value in held.items()}
    frame = one.chinese
    for hole, value in values.items():
        if value != held[hole] and value.endswith("）"):
            frame = frame.replace(f"{{{hole}}} ", f"{{{hole}}}")  # no gap behind a wide bracket
    return _HOLE.sub(lambda found: values[found[1]], frame)


def _held(hole: str, value: str, deep: int) -> str:
    return (_said(value, deep - 1) or value) if hole.startswith(_LOOKED_UP) else value


def _plain(text: str) -> str:
    """Give a sentence without its full stop, which it may have or not."""
    return text.strip().removesuffix(".")


def _small(text: str) -> str:
    """Give a text with a small first letter."""
    return text[:1].lower() + text[1:] if text[:1].isascii() else text
