"""A photo without what shows between its lips: each lip goes on where teeth, or the dark line, were. Made once.

A lip that is to close must reach farther than it is seen, and its seen edge is lit by teeth and shaded by the mouth.
Taking it from deeper inside stretches a thin strip into bars; instead the lip's own colours are carried on. Of lips
that touch, the dark line between them would be bent with one of the two, wherever the tracker does not hit it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.head import Array
from lipsync.mouth import LOW_IN, LOW_OUT, SHUT, UP_IN, UP_OUT, gap, width
from lipsync.warp import Image

Picture = NDArray[np.uint8]
Box = tuple[int, int, int, int]

EDGE = 0.014
"""How far into the lip its edge is light from teeth, or shade."""
LINE = 0.007
"""How far it is the line between closed lips."""
APART = 0.02
BROAD = 0.63
"""A parted mouth this wide smiles: its corners are dark wedges, which no closed mouth has."""
THICK, PIT, NEAR = 0.03, 0.22, 0.025
"""How thick that line and dark corners are, how much darker than what is around, and how far off the tracker is."""
MOST = 0.5
"""Nor deeper than this share of the lip."""
CORNER = 0.75
"""How far from the inner to the outer corner the dark of the mouth reaches."""
REACHES = 0.10, 0.04, 0.018
"""From how far colours are carried on, coarse to fine."""
SOFT = 0.006
DOT = 0.013
"""Radius of the dark in the corners."""
AROUND = 0.08
BESIDE = 0.06
WEDGE = 0.035
"""How far from the outer corners their dark is looked for."""


@dataclass(frozen=True)
class Plate:
    """Two pictures of one mouth.

    Attributes:
        box: Which pixels of the frame.
        upper: (h, w, 3) with the upper lip going on over the opening.
        lower: (h, w, 3) with the lower lip.
        parted: Whether the photo's lips are apart; if not, they are best left alone while they stay closed.
    """

    box: Box
    upper: Picture
    lower: Picture
    parted: bool

    def shows(self, opening: float) -> bool:
        """Whether it is needed for lips that shall be ``opening`` IOD apart."""
        return self.parted or opening > SHUT / 2

    def laid(self, rgb: Picture, box: Box) -> tuple[Picture, Picture]:
        """Give two copies of ``rgb``, the frame's pixels in ``box``, one with each lip going on."""
        x0, y0, x1, y1 = (f(a, b) for f, a, b in zip((max, max, min, min), box, self.box, strict=True))
        both = rgb.copy(), rgb.copy()
        there = slice(y0 - box[1], y1 - box[1]), slice(x0 - box[0], x1 - box[0])
        here = slice(y0 - self.box[1], y1 - self.box[1]), slice(x0 - self.box[0], x1 - self.box[0])
        if x1 > x0 and y1 > y0:
            for copy, lip in zip(both, (self.upper, self.lower), strict=True):
                copy[there] = lip[here]
        return both


def plate(rgb: Picture, box: Box, lips: Array, teeth: Array, scale: float) -> Plate:
    """Take the inside out of a mouth.

    Args:
        rgb: (h, w, 3) the frame's pixels in ``box``, with the lips and something around them.
        box: Where that is.
        lips: (4, 11, 2) rows in pixels of the frame.
        teeth: (2, 11) how far teeth reach into the upper and the lower lip, IOD.
        scale: Pixels per IOD.
    """
    seen, parted = lips - box[:2], bool(gap(lips) > APART * scale)
    smiling = parted and bool(width(lips) > BROAD * scale)
    upper, lower = (
        _edge(seen[inner], seen[outer], scale * ((EDGE if parted else LINE) + reach), CORNER if smiling else 0.0)
        for inner, outer, reach in ((UP_IN, UP_OUT, teeth[0]), (LOW_IN, LOW_OUT, teeth[1]))
    )
    hole = _filled(np.concatenate([upper, lower[::-1]]), rgb)
    if smiling:
        for corner in np.concatenate([upper[[0, -1]], lower[[0, -1]]]):
            cv2.circle(hole, (round(corner[0]), round(corner[1])), max(1, round(DOT * scale)), (1.0,), -1)
    hole = np.maximum(hole, _dark(rgb, seen, scale, smiling) * (smiling or not parted))
    beside = _beside(seen, rgb, scale) if smiling else np.zeros_like(hole)
    soft = cv2.GaussianBlur(hole, (0, 0), max(0.5, SOFT * scale))[..., None]
    lit = rgb.astype(np.float32)
    made = []
    for outer, edge in ((UP_OUT, upper), (LOW_OUT, lower)):
        lip = np.maximum(_filled(np.concatenate([seen[outer], edge[::-1]]), rgb), beside) * (1 - hole)
        made.append(np.rint(lit + (_carried(lit, lip, scale) - lit) * soft).astype(np.uint8))
    return Plate(box, made[0], made[1], parted)


def _beside(seen: Array, rgb: Picture, scale: float) -> Image:
    """(h, w) around the corners, where skin, or a beard, goes on as well as lips do."""
    zone = np.zeros(rgb.shape[:2], np.float32)
    for x, y in seen[UP_OUT, [0, -1]]:
        cv2.circle(zone, (round(x), round(y)), max(2, round(BESIDE * scale)), (1.0,), -1)
    return np.asarray(0.6 * cv2.GaussianBlur(zone, (0, 0), max(0.7, 0.02 * scale)), np.float32)


def _dark(rgb: Picture, seen: Array, scale: float, smiling: bool) -> Image:
    """(h, w) 1 on the dark line, and in dark corners, beside where the tracker has the lips' inner edges."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    side = 2 * max(1, round(THICK * scale)) + 1
    pit = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    dark = pit > np.maximum(PIT * grey.astype(np.float32), 6)
    near = np.zeros(grey.shape, np.uint8)
    if smiling:
        for x, y in seen[UP_OUT, [0, -1]]:
            cv2.circle(near, (round(x), round(y)), round(WEDGE * scale), (1,), -1)
    else:  # corners of closed lips are dark by nature
        cv2.polylines(near, [np.round(seen[UP_IN, 2:-2]).astype(np.int32)], False, (1,), round(2 * NEAR * scale) + 1)
    found = (dark & (near > 0)).astype(np.uint8)
    return cv2.dilate(found, np.ones((3, 3), np.uint8)).astype(np.float32)


def _edge(inner: Array, outer: Array, reach: Array, corner: float) -> Array:
    """(11, 2) the inner row moved ``reach`` into the lip, its ends towards the outer corners."""
    into = outer - inner
    thick = np.linalg.norm(into, axis=1)
    moved = inner + into * (np.minimum(reach, MOST * thick) / (thick + 1e-6))[:, None]
    moved[[0, -1]] = inner[[0, -1]] + corner * into[[0, -1]]
    return np.asarray(moved)


def _filled(outline: Array, like: Picture) -> Image:
    mask = np.zeros(like.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    return mask.astype(np.float32)


def _carried(lit: Image, lip: Image, scale: float) -> Image:
    """(h, w, 3) the colours of the lip, from near where there is any near, else from farther."""
    known = lip.sum()
    if known < 1:
        return lit
    colours = np.broadcast_to((lit * lip[..., None]).sum((0, 1)) / known, lit.shape).astype(np.float32)
    for reach in REACHES:
        size = max(0.7, reach * scale)
        weight = cv2.GaussianBlur(lip, (0, 0), size)[..., None]
        near = cv2.GaussianBlur(lit * lip[..., None], (0, 0), size) / np.maximum(weight, 1e-4)
        colours = colours + (near - colours) * np.clip(weight / 0.08, 0, 1)
    return np.asarray(colours, np.float32)
