"""Writing: a text becomes coverage, at a height of its letters that is kept.

Two hands can write: one with the letters that come with Pillow (ASCII), our own accents on them and our own Chinese
characters beside them, and one with any font file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

from PIL import Image, ImageDraw, ImageFont

from lipsync import label_accents
from lipsync.errors import LabelError
from lipsync.label_fonts import font_for, opened
from lipsync.label_hanzi import HEIGHT, KNOWN, outlines
from lipsync.take import Marks

FINER = 4
"""Everything is drawn so many times as large, and averaged."""
HANZI = 1.36
"""Height of our characters' square by that of the capitals beside them."""
APART = 0.07
"""Space between our characters, in their own height."""
HEAVIER = 0.028
"""By how much the built-in letters, which are thin, are thickened; in capitals."""


class Hand(Protocol):
    """Can write."""

    def width(self, text: str, height: float) -> float:
        """Give how wide a text is, in pixels, where its letters are ``height`` pixels high."""
        ...

    def write(self, draw: ImageDraw.ImageDraw, x: float, base: float, text: str, height: float) -> None:
        """Write a text from ``x`` to the right on the line ``base``."""
        ...


@lru_cache(4)
def hand_for(text: str, font: str) -> Hand:
    """Give someone who can write a text.

    Args:
        text: All that will be written.
        font: A font file to use; "" for what is at hand.

    Raises:
        LabelError: Letters are missing; they, or the text, are named.
    """
    strange = " ".join(dict.fromkeys(letter for letter in text if not _ours(letter)))
    return FontHand(font_for(text, font, strange), text) if font or strange else OwnHand()


def check_marks(marks: Marks) -> None:
    """Say now whether the visible label can be written on this machine.

    Raises:
        LabelError: Letters are missing; they are named.
    """
    if marks.visible:
        hand_for(marks.words, marks.font)


def _ours(letter: str) -> bool:
    """Whether a letter needs no font of the machine."""
    return letter in KNOWN or letter in _printed() or label_accents.parts(letter)[0] in _printed()


@lru_cache
def _printed() -> frozenset[str]:
    """The characters that Pillow's own font has."""
    font = _built_in(32)
    box = bytes(font.getmask("\U0010ffff"))
    wide = [*map(chr, range(33, 127)), *"©«°±´·»‘’“”…‹›"]
    return frozenset({" ", *(letter for letter in wide if bytes(font.getmask(letter)) != box)})


@lru_cache(8)
def _built_in(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):  # a Pillow that was built without FreeType
        raise LabelError(
            "this Pillow cannot draw letters (it was built without FreeType)", "Install Pillow from its wheel."
        )
    return font


class FontHand:
    """Writes with a font file."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        font = opened(path, 1000)
        box = font.getbbox("H" if any(letter.isupper() for letter in text) else text, anchor="ls")
        self._ascent = max(1.0, -box[1]) / 1000
        self._heavier = 0.0 if "bold" in (font.getname()[1] or "").lower() else HEAVIER
        self._font = lru_cache(8)(lambda size: opened(path, size))

    def width(self, text: str, height: float) -> float:
        """Measure."""
        return float(self._font(height / self._ascent).getlength(text))

    def write(self, draw: ImageDraw.ImageDraw, x: float, base: float, text: str, height: float) -> None:
        """Write."""
        stroke = round(height * self._heavier)
        font = self._font(height / self._ascent)
        draw.text((x, base), text, fill=255, font=font, anchor="ls", stroke_width=stroke)


class OwnHand:
    """Writes with Pillow's letters and our own characters: nothing on the machine is needed."""

    def width(self, text: str, height: float) -> float:
        """Measure."""
        return sum(width for _, width in self._parts(text, height))

    def write(self, draw: ImageDraw.ImageDraw, x: float, base: float, text: str, height: float) -> None:
        """Write."""
        for part, width in self._parts(text, height):
            if part in KNOWN:
                _draw(draw, part, x, base, height)
            else:
                _print(draw, part, x, base, height)
            x += width

    def _parts(self, text: str, height: float) -> Iterator[tuple[str, float]]:
        """Give a text character by character of ours, and run by run of Pillow's, with widths."""
        for part in _runs(text):
            if part in KNOWN:
                yield part, height * HANZI * (1 + APART)
            else:
                yield part, float(_sized(height).getlength(label_accents.parts(part)[0] or part))


def _runs(text: str) -> Iterator[str]:
    run = ""
    for letter in text:
        if letter in KNOWN or label_accents.parts(letter)[0]:
            if run:
                yield run
            yield letter
            run = ""
        else:
            run += letter
    if run:
        yield run


@lru_cache(8)
def _sized(height: float) -> ImageFont.FreeTypeFont:
    """Pillow's font, its capitals ``height`` pixels high."""
    return _built_in(height / _capitals())


@lru_cache
def _capitals() -> float:
    """Height of Pillow's capitals by the size of the font."""
    return -_built_in(1000).getbbox("H", anchor="ls")[1] / 1000


def _draw(draw: ImageDraw.ImageDraw, character: str, x: float, base: float, height: float) -> None:
    side = height * HANZI
    scale = side / HEIGHT
    # its middle is that of the capitals
    left, top = x + side * APART / 2, base - height / 2 - side / 2
    for outline in outlines(character):
        draw.polygon([(left + px * scale, top + py * scale) for px, py in outline], fill=255)


def _print(draw: ImageDraw.ImageDraw, part: str, x: float, base: float, height: float) -> None:
    """Write a run of Pillow's letters, or one of them with an accent of ours."""
    font, stroke = _sized(height), max(1, round(height * HEAVIER))
    letter, accent = label_accents.parts(part)
    draw.text((x, base), letter or part, fill=255, font=font, anchor="ls", stroke_width=stroke)
    if not accent:
        return
    left, top, right, _ = font.getbbox(letter, anchor="ls")
    if letter in label_accents.DOTTED and label_accents.above(accent):
        dot, top = top, font.getbbox("x", anchor="ls")[1]
        draw.rectangle((x + left - stroke, base + dot - stroke, x + right + stroke, base + top - 1.5 * stroke), fill=0)
    edge = base + top if label_accents.above(accent) else base
    for outline in label_accents.drawn(accent, x + (left + right) / 2, edge, height):
        draw.polygon(outline, fill=255)


def canvas(width: float, height: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Give an empty sheet to write on, in fine pixels."""
    sheet = Image.new("L", (math.ceil(width), math.ceil(height)), 0)
    return sheet, ImageDraw.Draw(sheet)
