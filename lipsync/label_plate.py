"""The plate: a text, light on a dark and slightly translucent ground, legible on any picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lipsync.errors import LabelError
from lipsync.label_letters import FINER, Hand, canvas, hand_for

GROUND = np.array([15, 17, 21], np.float32)
INK = np.array([255, 255, 255], np.float32)
COVER = 0.76
"""How much of the picture the ground hides: over white, white ink still has a contrast of 8 : 1 to it."""
EDGE = 0.16
"""How much the rim is lighter than the ground, so that the plate shows on a dark picture."""
LEAD = "AI "
"""The sign that the EU's code of practice wants to stand out: it gets a chip of its own."""

# all in heights of the capitals
PAD_X, PAD_Y, ROUND, PITCH = 0.75, 0.68, 0.42, 1.9
CHIP_PAD, CHIP_UP, CHIP_ROUND, CHIP_GAP = 0.40, 0.34, 0.22, 0.50
SMALLEST = 7
"""Pixels of a capital below which nobody can read it."""


@dataclass(frozen=True)
class Plate:
    """A picture with transparency, its sides even.

    Attributes:
        rgb: (h, w, 3) float32, 0–255.
        cover: (h, w) float32, 0–1.
        letters: Height of its capitals in pixels.
    """

    rgb: NDArray[np.float32]
    cover: NDArray[np.float32]
    letters: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.cover.shape[1], self.cover.shape[0]


def plate(text: str, font: str, letters: float, widest: float, tallest: float) -> Plate:
    """Draw a plate that fits; the text is broken into lines, and only if that is not enough drawn smaller.

    Args:
        text: What it says.
        font: A font file; "" for what is at hand.
        letters: Height of the capitals, pixels.
        widest: Most pixels across,
        tallest: and down.

    Raises:
        LabelError: Letters are missing, or the text would be too small to be read.
    """
    hand = hand_for(text, font)
    while letters >= SMALLEST * 0.85:
        lines = _lines(text, hand, letters * FINER, (widest - 2 * PAD_X * letters) * FINER)
        width, height = _extent(lines, hand, letters * FINER)
        if width <= widest * FINER and height <= tallest * FINER:
            return _drawn(lines, hand, letters, (width, height))
        letters *= 0.94
    raise LabelError("the label's text is too long for so small a picture", "Shorten label.text.")


def _lines(text: str, hand: Hand, unit: float, limit: float) -> list[str]:
    """Break a text at its spaces, or between Chinese characters, into lines that are not wider than ``limit``."""
    lines = [""]
    for word in _words(text):
        longer = lines[-1] + word
        if lines[-1] and _wide(longer.rstrip(), hand, unit, len(lines) == 1) > limit:
            lines.append(word)
        else:
            lines[-1] = longer
    return [line.strip() for line in lines]


def _words(text: str) -> Iterator[str]:
    """Give the pieces that must stay whole, each with the space behind it; "AI" stays with what comes next."""
    start = 0
    for end, letter in enumerate(text, 1):
        whole = letter.isspace() and text[start:end] != LEAD
        if whole or (ord(letter) >= 0x3000 and end < len(text) and ord(text[end]) >= 0x3000):
            yield text[start:end]
            start = end
    yield text[start:]


def _wide(line: str, hand: Hand, unit: float, first: bool) -> float:
    if first and line.startswith(LEAD):
        chip = hand.width(LEAD.strip(), unit) + (2 * CHIP_PAD + CHIP_GAP) * unit
        return chip + hand.width(line[len(LEAD) :], unit)
    return hand.width(line, unit)


def _extent(lines: list[str], hand: Hand, unit: float) -> tuple[float, float]:
    width = max(_wide(line, hand, unit, number == 0) for number, line in enumerate(lines))
    left = CHIP_UP if lines[0].startswith(LEAD) and len(lines) == 1 else PAD_X
    return width + (left + PAD_X) * unit, (len(lines) - 1) * PITCH * unit + (1 + 2 * PAD_Y) * unit


def _drawn(lines: list[str], hand: Hand, letters: float, extent: tuple[float, float]) -> Plate:
    unit = letters * FINER
    # whole pairs of pixels, as chroma has them
    width, height = (int(np.ceil(side / FINER / 2)) * 2 for side in extent)
    size = width * FINER, height * FINER
    ground, pen = canvas(*size)
    rim = max(FINER, round(unit * 0.05))
    pen.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), unit * ROUND, fill=255)
    inner, pen = canvas(*size)
    pen.rounded_rectangle((rim, rim, size[0] - 1 - rim, size[1] - 1 - rim), unit * ROUND - rim, fill=255)
    ink = _written(lines, hand, unit, size)
    whole, middle, ink_cover = (_averaged(sheet) for sheet in (ground, inner, ink))
    light = np.maximum(ink_cover, EDGE * (whole - middle))
    cover = whole * COVER
    cover = cover + (1 - cover) * ink_cover
    share = np.divide(light, cover, out=np.zeros_like(cover), where=cover > 0)[..., None]
    return Plate((GROUND + (INK - GROUND) * np.minimum(share, 1)).astype(np.float32), cover, letters)


def _written(lines: list[str], hand: Hand, unit: float, size: tuple[int, int]) -> Image.Image:
    """Write the lines, centred, on a sheet of fine pixels."""
    sheet, pen = canvas(*size)
    block = (len(lines) - 1) * PITCH * unit + unit
    base = (size[1] - block) / 2 + unit
    for number, line in enumerate(lines):
        chip = number == 0 and line.startswith(LEAD)
        x = (size[0] - _wide(line, hand, unit, number == 0)) / 2
        if chip and len(lines) == 1:
            x = CHIP_UP * unit
        if chip:
            x = _chip(sheet, pen, hand, x, base, unit)
            line = line[len(LEAD) :]
        hand.write(pen, x, base, line, unit)
        base += PITCH * unit
    return sheet


def _chip(sheet: Image.Image, pen: ImageDraw.ImageDraw, hand: Hand, x: float, base: float, unit: float) -> float:
    """Cut "AI" out of a light chip, and say where the text goes on."""
    width = hand.width(LEAD.strip(), unit)
    box = (x, base - unit * (1 + CHIP_UP), x + width + 2 * CHIP_PAD * unit, base + unit * CHIP_UP)
    pen.rounded_rectangle(box, unit * CHIP_ROUND, fill=255)
    hole, inside = canvas(*sheet.size)
    hand.write(inside, x + CHIP_PAD * unit, base, LEAD.strip(), unit)
    sheet.paste(0, (0, 0, *sheet.size), hole)
    return box[2] + CHIP_GAP * unit


def _averaged(sheet: Image.Image) -> NDArray[np.float32]:
    return np.asarray(np.asarray(sheet.reduce(FINER)) / 255, np.float32)
