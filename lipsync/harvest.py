"""The upper teeth that a smiling photo shows, taken as the row that its mouth speaks with; refused when in doubt.

Half a row, a row with holes, or one of eight pixels looks worse than a drawn one, so every test must be passed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.head import Array
from lipsync.interior import fineness
from lipsync.mouth import LOW_IN, LOW_OUT, UP_IN, UP_OUT
from lipsync.palette import Palette
from lipsync.teeth import EDGE, HALF, layer, step, upper_row
from lipsync.view import View
from lipsync.warp import Image

COARSEST = 55.0
"""Pixels per IOD below which there are no teeth to be seen, only white."""
RIM = 0.008
"""What is nearer to a tracked lip may be lip."""
BRIGHT = 0.58
"""A tooth is at least so bright, of the brightest teeth, in its darkest channel."""
DIMMER = 0.24
"""At the sides so much less."""
CRACK = 0.02
"""Dark between two teeth, at most, IOD."""
COVERED, BESIDE, WHOLE = 0.62, 0.45, 0.96
"""Least share of the opening's columns that show a tooth, of each half of it, and of its middle."""
TALLEST, SHORTEST = 0.112, 0.042
"""A row is so high, IOD: more is two rows, less is a glimpse."""
ROUGH = 0.012
"""Most that the biting edge may lie off a smooth curve, IOD, on average."""
CURVED = -0.75, -0.12
"""How biting edges rise to the sides, IOD per IOD²; below them a lower lip, not the row, ends what is seen."""
REDDER = 0.13
"""Gums and lips are so much more colourful than teeth."""
INSET = 0.009
"""How far from the edge the edge's colours are taken, IOD."""
APART = 22.0
"""Grey levels between teeth and lips, at least."""
BURNT, PALE = 0.3, 0.42
"""Most of the row that may be burnt out, and most colour, that teeth have."""
PATCHY = 0.34
"""Most that teeth may vary in brightness, of their middle."""
LIP_SHADE = 0.006
MIDDLE = 0.15
THIN = 0.025
NOTCH = 0.008
"""How far teeth part at the edge, where the photo shows dark between two of them."""


@dataclass(frozen=True)
class _Seen:
    """The mouth on the row's own grid: ``fine`` pixels per IOD, columns as in the row's picture.

    Attributes:
        picture: (h, w, 3) RGB 0–255.
        inside: (h, w) between the lips.
        top: y of the first line, IOD.
        fine: Pixels per IOD.
        lip: Brightness of the lips' darkest channel.
    """

    picture: Image
    inside: NDArray[np.bool_]
    top: float
    fine: float
    lip: float


@dataclass(frozen=True)
class _Row:
    """Where teeth are: per column the first and last line, whether it was seen."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    sure: NDArray[np.bool_]


def harvested(rgb: NDArray[np.uint8], view: View, lips: Array, middle: float, colours: Palette) -> Image | None:
    """Take the upper row out of a photo.

    Args:
        rgb: (h, w, 3) what the view shows, with the lips in it.
        view: How it lies in the mouth's plane.
        lips: (4, 11, 2) rows in the plane, as tracked.
        middle: x in the plane between the front teeth.
        colours: Of the subject.

    Returns:
        (h, w, 4) like :func:`lipsync.teeth.upper_row`; None where the photo does not show enough of them well.
    """
    if view.scale < COARSEST:
        return None
    seen = _seen(rgb, view, lips, middle)
    row = _row(seen)
    if row is None or not _good(seen, row):
        return None
    return _painted(seen, row, len(upper_row(colours, seen.fine)))


def _seen(rgb: NDArray[np.uint8], view: View, lips: Array, middle: float) -> _Seen:
    fine = fineness(view.scale)
    top, bottom = float(lips[UP_IN, :, 1].min()) - 0.03, float(lips[LOW_IN, :, 1].max()) + 0.03
    across = np.arange(-HALF, HALF, 1 / fine, dtype=np.float32)
    x, y = np.meshgrid(across + middle, np.arange(top, bottom, 1 / fine))
    pixels = (np.stack([x, y], -1) @ view.across.T + view.zero - view.box[:2]).astype(np.float32)
    picture = cv2.remap(rgb, pixels[..., 0], pixels[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    outline = np.concatenate([lips[UP_IN], lips[LOW_IN, ::-1]])
    mask = np.zeros(x.shape, np.uint8)
    places = (outline - (middle - HALF, top)) * fine
    cv2.fillPoly(mask, [np.round(places * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    rim = max(1, round(RIM * fine))
    inside = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))) > 0
    flesh = (0.5 * lips[[UP_IN, LOW_IN], 2:9] + 0.5 * lips[[UP_OUT, LOW_OUT], 2:9]).reshape(-1, 2)
    at = (flesh @ view.across.T + view.zero - view.box[:2]).astype(np.float32)
    colour = cv2.remap(rgb, at[:, 0], at[:, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _Seen(picture.astype(np.float32), inside, top, fine, float(np.median(colour.reshape(-1, 3).min(-1))))


def _row(seen: _Seen) -> _Row | None:
    """Find the upper run of teeth in every column."""
    level = cv2.GaussianBlur(seen.picture.min(-1), (0, 0), max(0.5, 0.004 * seen.fine))
    if seen.inside.sum() < 200:
        return None
    bright, colour = np.percentile(level[seen.inside], 92), np.ptp(seen.picture, axis=-1) / (seen.picture.max(-1) + 1)
    own = np.median(colour[(level > 0.9 * bright) & seen.inside])
    aside = np.abs(np.arange(level.shape[1]) / seen.fine - HALF).astype(np.float32)
    tooth = (level > (BRIGHT - DIMMER * step(0.08, 0.24, aside)) * bright) & (colour < own + REDDER) & seen.inside
    gap, least = round(CRACK * seen.fine), round(0.6 * SHORTEST * seen.fine)
    wide = tooth.shape[1]
    first, last, sure = np.zeros(wide, np.int64), np.zeros(wide, np.int64), np.zeros(wide, bool)
    for column in np.flatnonzero(tooth.any(0)).tolist():
        lines = np.flatnonzero(tooth[:, column])
        breaks = np.flatnonzero(np.diff(lines) > max(1, gap // 2))
        lines = lines[: breaks[0] + 1] if len(breaks) else lines
        first[column], last[column] = lines[0], lines[-1]
        sure[column] = len(lines) >= max(3, least)
    return _Row(first, last, sure) if sure.sum() > 20 else None


def _good(seen: _Seen, row: _Row) -> bool:
    """Whether what was found is a row of teeth that can be shown."""
    open_columns = np.flatnonzero(seen.inside.sum(0) > SHORTEST * seen.fine)
    if len(open_columns) < 20:
        return False
    halves = np.array_split(row.sure[open_columns[0] : open_columns[-1] + 1], 2)
    shares = [float(half.mean()) for half in halves]
    heights = (row.last - row.first)[row.sure] / seen.fine
    sound = (
        np.mean(shares) >= COVERED,
        min(shares) >= BESIDE,
        row.sure[np.abs(np.arange(len(row.sure)) / seen.fine - HALF) < MIDDLE].mean() >= WHOLE,
        SHORTEST <= np.median(heights) <= TALLEST,
        _edge(row, seen.fine)[1] <= ROUGH * seen.fine,
    )
    return all(sound) and _teeth_like(seen, row)


def _teeth_like(seen: _Seen, row: _Row) -> bool:
    """Whether it has the colours of teeth: brighter than lips, pale, even, not burnt out."""
    lines = np.arange(len(seen.picture))[:, None]
    mask = row.sure & (lines >= row.first) & (lines <= row.last)
    pixels = seen.picture[mask]
    dark, bright = pixels.min(-1), pixels.max(-1)
    columns = np.array([seen.picture[a:b, k].mean() for k, a, b in _middles(row)])
    smooth = cv2.GaussianBlur(columns.astype(np.float32)[None], (0, 0), 0.02 * seen.fine)[0]
    front = smooth[len(smooth) // 5 : -len(smooth) // 5]
    return bool(
        np.median(dark) - seen.lip >= APART
        and np.median((bright - dark) / np.maximum(bright, 1)) <= PALE
        and (bright >= 250).mean() <= BURNT
        and np.ptp(front) / np.median(front) <= PATCHY
    )


def _middles(row: _Row) -> list[tuple[int, int, int]]:
    """Column, and the middle half of the lines of its tooth."""
    found = []
    for k in np.flatnonzero(row.sure).tolist():
        tall = int(row.last[k] - row.first[k])
        found.append((k, int(row.first[k]) + tall // 4, int(row.last[k]) - tall // 4 + 1))
    return found


def _edge(row: _Row, fine: float) -> tuple[NDArray[np.float64], float]:
    """(w,) a smooth biting edge, in lines, and how far what is seen lies off it in the middle, on average."""
    aside = (np.arange(len(row.sure)) - len(row.sure) / 2) / fine
    near = row.sure & (np.abs(aside) < MIDDLE)
    if near.sum() < 12:
        return np.zeros(len(row.sure)), np.inf
    x, y = aside[near], row.last[near] / fine
    curve = np.clip(np.polyfit(x, y, 2)[0], *CURVED)
    rest = y - curve * x**2
    slope = float(np.clip(np.polyfit(x, rest, 1)[0], -0.15, 0.15))
    level = float(np.median(rest - slope * x))
    off = float(np.abs(rest - slope * x - level).mean())
    return np.asarray((level + slope * aside + curve * aside**2) * fine), off * fine


def _cracks(seen: _Seen, row: _Row) -> NDArray[np.float32]:
    """(w,) 0–1, where teeth meet: columns darker than those beside them."""
    columns = np.arange(len(row.sure))
    found = [(k, float(seen.picture[a:b, k].mean())) for k, a, b in _middles(row)]
    level = np.interp(columns, [k for k, _ in found], [light for _, light in found]).astype(np.float32)[None]
    fine, wide = (
        cv2.GaussianBlur(level, (0, 0), size * seen.fine, borderType=cv2.BORDER_REPLICATE)[0] for size in (0.005, 0.03)
    )
    return np.asarray(np.clip((wide - fine) / np.maximum(wide, 1) / 0.08 - 0.15, 0, 1), np.float32)


def _painted(seen: _Seen, row: _Row, height: int) -> Image:
    """Put the row on its picture: carried on upwards behind the lip, and down to an even edge."""
    columns = np.arange(len(row.sure))
    known, edge = np.flatnonzero(row.sure), _edge(row, seen.fine)[0].astype(np.float32)
    first, last = (np.interp(columns, known, lines[known]) for lines in (row.first, row.last))
    beyond = (columns < known[0]) | (columns > known[-1])
    first = np.where(beyond, seen.inside.argmax(0), first)  # side teeth in the dark of the cheeks
    last = np.where(beyond, np.minimum(edge, len(seen.inside) - 1 - seen.inside[::-1].argmax(0)), last)
    first, last = (
        cv2.GaussianBlur(lines.astype(np.float32)[None], (0, 0), 0.008 * seen.fine, borderType=cv2.BORDER_REPLICATE)[0]
        for lines in (first + LIP_SHADE * seen.fine, last - INSET * seen.fine)
    )
    shown = np.flatnonzero(seen.inside.sum(0) > THIN * seen.fine)
    crack = _cracks(seen, row)
    y = (np.arange(height, dtype=np.float32) - EDGE * seen.fine)[:, None] + edge[len(edge) // 2]
    lines = np.clip(y, np.minimum(first, last - 1), last).astype(np.float32)
    across = np.broadcast_to(np.clip(columns, shown[0], shown[-1]), lines.shape).astype(np.float32)
    colour = cv2.remap(seen.picture, across, lines, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    colour = colour * (1 - 0.3 * step(0.0, 0.07, (first - y) / seen.fine))[..., None]
    beside = (np.minimum(columns - shown[0], shown[-1] - columns) / seen.fine).astype(np.float32)
    tall = (edge - NOTCH * seen.fine * crack - y) / seen.fine
    colour = colour * (1 - 0.22 * crack * step(0.05, 0.0, tall))[..., None]
    cover = step(-0.004, 0.004, tall) * step(-0.04, 0.0, beside)
    return layer(np.clip(colour, 0, 255) * (0.2 + 0.8 * step(-0.03, 0.02, beside))[..., None], cover)
