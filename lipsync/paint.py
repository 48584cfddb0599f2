"""Pixels of one sketch, by OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from lipsync.match import lit
from lipsync.sketch import DEEPER, FINER, Bending, Between, Field, Image, Inside, Lent, Sketch, Softening


def painted(sketch: Sketch) -> tuple[Image, Image]:
    """Give (h, w, 3) RGB 0–255 of a sketch's box, and (h, w) a mask, 0–1, of what has changed."""
    picture, mask = bent(sketch.whole)
    if sketch.between is not None:
        _draw_between(picture, mask, sketch.between)
    if sketch.lent is not None:
        _lay(picture, mask, sketch.lent)
    return picture, mask


def bent(bending: Bending) -> tuple[Image, Image]:
    """Bend a picture by a field of moves; the mask is 0 where nothing moved."""
    x, y, far = cv2.split(dense(bending.field))
    return _taken(bending, np.asarray(x, np.float32), np.asarray(y, np.float32)), np.clip(4 * far - 0.2, 0, 1)


def dense(field: Field) -> Image:
    """(h, w, 2 or 3) a field laid on its pixels: where each is taken from, and how far that is."""
    coarse = field.coarse
    finer = cv2.resize(coarse, (coarse.shape[1] * FINER, coarse.shape[0] * FINER), interpolation=cv2.INTER_CUBIC)
    border = cv2.BORDER_REPLICATE if field.start is None else cv2.BORDER_CONSTANT
    laid = np.asarray(
        cv2.warpAffine(finer, field.to_pixels, field.size, flags=cv2.INTER_LINEAR, borderMode=border), np.float32
    )
    if field.start is not None:
        laid[..., 0] += np.arange(field.size[0], dtype=np.float32) + np.float32(field.start[0])
        laid[..., 1] += np.arange(field.size[1], dtype=np.float32)[:, None] + np.float32(field.start[1])
    return laid


def _taken(bending: Bending, x: Image, y: Image) -> Image:
    taken = cv2.remap(bending.source, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, np.float32)


def _draw_between(picture: Image, mask: Image, part: Between) -> None:
    (above, mask_above), (below, mask_below) = (bent(side) for side in part.sides)
    above, below = (_softened(side, how) for side, how in zip((above, below), part.soft, strict=True))
    near = above + (below - above) * part.split[..., None]
    covered = mask_above + (mask_below - mask_above) * part.split
    if part.dark is not None:
        _darken(near, part.dark)
    if part.keep is not None:
        near *= part.keep[..., None]
    if part.add is not None:
        near += part.add
    if part.floor is not None:
        np.maximum(covered, part.floor, out=covered)
    picture[part.area], mask[part.area] = near, covered


def _darken(near: Image, dark: Image) -> None:
    """What is dark between lips is red, not grey."""
    grey = near.mean(-1, keepdims=True)
    near += (near - grey) * (DEEPER * dark[..., None])
    near *= 1 - dark[..., None]


def _softened(picture: Image, how: Softening | None) -> Image:
    if how is None:
        return picture
    blurred = cv2.GaussianBlur(picture, (0, 0), sigmaX=how.size, sigmaY=0.5)
    return np.asarray(picture + (blurred - picture) * how.share[..., None], np.float32)


def _lay(picture: Image, mask: Image, lent: Lent) -> None:
    above, below = (_placed(side) for side in lent.sides)
    near = above + (below - above) * lent.split[..., None]
    if lent.dark is not None:
        _darken(near, lent.dark)
    if lent.inside is not None:
        _show(near, lent.sides[0], lent.inside)
    base = picture[lent.area]
    if lent.blur:
        near = np.asarray(cv2.GaussianBlur(near, (0, 0), lent.blur), np.float32)
    near = lit(near, base, lent.ring, lent.scale)
    if lent.red is not None:
        near *= 1 + lent.red[..., None] * lent.tint
    base += (near - base) * lent.cover[..., None]
    np.maximum(mask[lent.area], lent.cover, out=mask[lent.area])


def _placed(bending: Bending) -> Image:
    x, y = cv2.split(dense(bending.field))
    return _taken(bending, np.asarray(x, np.float32), np.asarray(y, np.float32))


def _show(near: Image, side: Bending, inside: Inside) -> None:
    shown = _taken(side, inside.x, inside.y)
    near[inside.area] += (shown - near[inside.area]) * inside.cover[..., None]
