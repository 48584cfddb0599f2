"""Pixels of many sketches at once, by torch, laid over their frames: the same as ``paint``'s, within 2 grey levels.

Frames of a batch may differ in size: pictures are padded by their own border, masks with 0, and every blur or change
of size is a pair of matrices for each frame (``separable``), so that padding never counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lipsync.compose import paste
from lipsync.ferry import Ferry
from lipsync.gpu import device_for
from lipsync.gpu_planes import Part, Planes
from lipsync.gpu_warp import sampled, warped
from lipsync.match import COARSE, FAINT, GAIN, WIDE
from lipsync.media import Frame
from lipsync.memory import enough
from lipsync.paint import painted
from lipsync.separable import Matrix, blurring, enlarging, refining, shrinking
from lipsync.sketch import DEEPER, FINER, Bending, Between, Image, Lent, Sketch

MOST = 64
"""Sketches painted at once, unless memory is short."""
LUMA = (0.299, 0.587, 0.114)
"""What OpenCV counts red, green and blue as."""


class Painter:
    """Paints on one device; for one thread at a time."""

    def __init__(self, device: str) -> None:
        self._ferry = Ferry(torch.device(device))
        self._device, self._sent = self._ferry.device, self._ferry.over
        self._most = MOST

    def paint(self, frames: Sequence[Frame], sketches: Sequence[Sketch], strengths: Sequence[float]) -> None:
        """Paint sketches and lay each over the frame that it was made for, in place; see ``compose.paste``.

        Where memory does not suffice for all at once, fewer are painted at a time; one that is too large for it even
        by itself is painted by the CPU.
        """
        at = 0
        while at < len(sketches):
            piece = slice(at, at + self._most)
            few = sketches[piece]
            done = enough(lambda: self._laid(frames[piece], few, strengths[piece]))  # noqa: B023
            if done is None and len(few) > 1:
                self._most = len(few) // 2
                continue
            if done is None:
                paste(frames[at], few[0], *painted(few[0]), strengths[at])
            at += len(few)

    def _laid(self, frames: Sequence[Frame], sketches: Sequence[Sketch], strengths: Sequence[float]) -> bool:
        with self._ferry.crossing():
            parts = [Part(frame, sketch.box) for frame, sketch in zip(frames, sketches, strict=True)]
            planes = Planes(parts, self._ferry)
            picture, mask = self._painted(sketches)
            planes.lay(picture, mask * self._sent(np.array(strengths, np.float32))[:, None, None])
        return True

    def _painted(self, sketches: Sequence[Sketch]) -> tuple[Tensor, Tensor]:
        """(n, 3, H, W) RGB 0–255 of the sketches' boxes, and (n, H, W) masks, 0–1, of what has changed."""
        picture, mask = self._bent([one.whole for one in sketches])
        drawn = [(number, one.between) for number, one in enumerate(sketches) if one.between is not None]
        if drawn:
            self._draw_between(picture, mask, [number for number, _ in drawn], [part for _, part in drawn])
        laid = [(number, one.lent) for number, one in enumerate(sketches) if one.lent is not None]
        if laid:
            self._lay(picture, mask, [number for number, _ in laid], [part for _, part in laid])
        return picture, mask

    def _bent(self, bendings: Sequence[Bending]) -> tuple[Tensor, Tensor]:
        """(n, 3, H, W) bent pictures and (n, H, W) masks of what has moved."""
        places = self._dense(bendings)
        return self._taken(bendings, places[:, 0], places[:, 1]), (4 * places[:, 2] - 0.2).clamp(0, 1)

    def _dense(self, bendings: Sequence[Bending]) -> Tensor:
        """(n, 2 or 3, H, W) fields laid on their pixels; all are relative, or none is."""
        fields = [one.field for one in bendings]
        rows, columns = fields[0].coarse.shape[:2]
        coarse = self._sent(np.stack([one.coarse for one in fields])).permute(0, 3, 1, 2)
        finer = self._sent(refining(rows, FINER)) @ coarse @ self._sent(refining(columns, FINER)).T
        wide, high = (max(one.size[axis] for one in fields) for axis in (0, 1))
        back = self._sent(np.stack([_inverse(one.to_pixels) for one in fields]))
        moved = warped(finer, back, (wide, high), "bilinear", "border" if fields[0].start is None else "zeros")
        starts = [one.start for one in fields if one.start is not None]
        if starts:
            first = self._sent(np.array(starts, np.float32))[:, :, None, None]
            moved[:, 0] += torch.arange(wide, device=self._device) + first[:, 0]
            moved[:, 1] += torch.arange(high, device=self._device)[:, None] + first[:, 1]
        return moved

    def _taken(self, bendings: Sequence[Bending], x: Tensor, y: Tensor) -> Tensor:
        """(n, 3, H, W) what lies at places (n, H, W) of the sources, as whole grey levels."""
        sources = self._stacked([one.source for one in bendings], "edge").permute(0, 3, 1, 2).float()
        sizes = self._sent(np.array([one.source.shape[:2] for one in bendings], np.float32))[:, :, None, None]
        # a little beyond the border everything is the border, which the padding repeats only so far
        held_x = torch.minimum(x.clamp(min=-2), sizes[:, 1] + 1)
        held_y = torch.minimum(y.clamp(min=-2), sizes[:, 0] + 1)
        return sampled(sources, held_x, held_y, "bicubic", "border").clamp(0, 255).round()

    def _draw_between(self, picture: Tensor, mask: Tensor, numbers: Sequence[int], parts: Sequence[Between]) -> None:
        near, covered = self._sides([part.sides for part in parts], parts)
        if any(part.dark is not None for part in parts):
            _darken(near, self._masks([part.dark for part in parts], [part.split for part in parts], 0.0))
        splits = [part.split for part in parts]
        near *= self._masks([part.keep for part in parts], splits, 1.0)[:, None]
        added = [np.zeros((*part.split.shape, 3), np.float32) if part.add is None else part.add for part in parts]
        near += self._stacked(added).permute(0, 3, 1, 2)
        covered = torch.maximum(covered, self._masks([part.floor for part in parts], splits, 0.0))
        for number, part, one, share in zip(numbers, parts, near, covered, strict=True):
            high, wide = part.split.shape
            picture[number, :, part.area[0], part.area[1]] = one[:, :high, :wide]
            mask[number, part.area[0], part.area[1]] = share[:high, :wide]

    def _sides(self, sides: Sequence[tuple[Bending, Bending]], parts: Sequence[Between]) -> tuple[Tensor, Tensor]:
        """Both sides of the lips' line, joined: (n, 3, H, W) and their masks."""
        joined = []
        split = self._stacked([part.split for part in parts])
        for side in (0, 1):
            shot, moved = self._bent([pair[side] for pair in sides])
            joined.append((self._softened(shot, parts, side), moved))
        (above, mask_above), (below, mask_below) = joined
        return above + (below - above) * split[:, None], mask_above + (mask_below - mask_above) * split

    def _softened(self, picture: Tensor, parts: Sequence[Between], side: int) -> Tensor:
        how = [part.soft[side] for part in parts]
        if not any(how):
            return picture
        sizes = [part.split.shape for part in parts]
        down = self._matrices([blurring(high, 0.5 if one else 0) for (high, _), one in zip(sizes, how, strict=True)])
        over = self._matrices(
            [blurring(wide, one.size if one else 0) for (_, wide), one in zip(sizes, how, strict=True)]
        )
        share = self._masks([one.share if one else None for one in how], [part.split for part in parts], 0.0)
        return picture + (_through(picture, down, over) - picture) * share[:, None]

    def _lay(self, picture: Tensor, mask: Tensor, numbers: Sequence[int], parts: Sequence[Lent]) -> None:
        splits = [part.split for part in parts]
        above, below = (self._placed([part.sides[side] for part in parts]) for side in (0, 1))
        near = above + (below - above) * self._stacked(splits)[:, None]
        if any(part.dark is not None for part in parts):
            _darken(near, self._masks([part.dark for part in parts], splits, 0.0))
        self._show(near, parts)
        sizes = [split.shape for split in splits]
        base = torch.zeros_like(near)
        for number, part, one, (high, wide) in zip(numbers, parts, base, sizes, strict=True):
            one[:, :high, :wide] = picture[number, :, part.area[0], part.area[1]]
        self._blur(near, parts)
        near = self._lit(near, base, parts)
        near *= 1 + self._tints(parts)
        cover = self._stacked([part.cover for part in parts])
        base += (near - base) * cover[:, None]
        for number, part, one, share, (high, wide) in zip(numbers, parts, base, cover, sizes, strict=True):
            picture[number, :, part.area[0], part.area[1]] = one[:, :high, :wide]
            there = mask[number, part.area[0], part.area[1]]
            torch.maximum(there, share[:high, :wide], out=there)

    def _placed(self, bendings: Sequence[Bending]) -> Tensor:
        places = self._dense(bendings)
        return self._taken(bendings, places[:, 0], places[:, 1])

    def _show(self, near: Tensor, parts: Sequence[Lent]) -> None:
        """Lay what shows between the lips of lent mouths, in place."""
        shown = [(number, part, part.inside) for number, part in enumerate(parts) if part.inside is not None]
        if not shown:
            return
        x, y, cover = (self._stacked([getattr(inside, name) for _, _, inside in shown]) for name in ("x", "y", "cover"))
        seen = self._taken([part.sides[0] for _, part, _ in shown], x, y)
        for (number, _, inside), one, share in zip(shown, seen, cover, strict=True):
            high, wide = inside.cover.shape
            there = near[number, :, inside.area[0], inside.area[1]]
            there += (one[:, :high, :wide] - there) * share[:high, :wide]

    def _blur(self, near: Tensor, parts: Sequence[Lent]) -> None:
        """Soften those that are too sharp, in place."""
        for one, part in zip(near, parts, strict=True):
            if part.blur:
                high, wide = part.split.shape
                down, over = (self._sent(blurring(count, part.blur)) for count in (high, wide))
                one[:, :high, :wide] = down @ one[:, :high, :wide] @ over.T

    def _lit(self, near: Tensor, base: Tensor, parts: Sequence[Lent]) -> Tensor:
        """See ``match.lit``."""
        sizes = [part.split.shape for part in parts]
        small = [(max(1, high // COARSE), max(1, wide // COARSE)) for high, wide in sizes]
        down, over = (
            self._matrices([shrinking(full[axis], few[axis]) for full, few in zip(sizes, small, strict=True)])
            for axis in (0, 1)
        )
        ring = self._stacked([part.ring for part in parts])[:, None]
        sums = [_through(one * ring, down, over) for one in (base, near)]
        count = self._sent(np.array([high * wide for high, wide in small], np.float32))[:, None, None, None]
        here, there = (one.sum((2, 3), keepdim=True) / count + 1e-3 for one in sums)
        down, over = (
            self._matrices(
                [
                    blurring(few[axis], max(0.5, WIDE * part.scale / COARSE), mirror_edge=True)
                    for few, part in zip(small, parts, strict=True)
                ]
            )
            for axis in (0, 1)
        )
        above, below = (_through(one, down, over) for one in sums)
        gain = ((above + FAINT * here) / (below + FAINT * there)).clamp(*GAIN)
        down, over = (
            self._matrices([enlarging(few[axis], full[axis]) for full, few in zip(sizes, small, strict=True)])
            for axis in (0, 1)
        )
        return near * _through(gain, down, over)

    def _tints(self, parts: Sequence[Lent]) -> Tensor:
        """(n, 3, H, W) by how much lips are tinted."""
        red = self._masks([part.red for part in parts], [part.split for part in parts], 0.0)[:, None]
        return red * self._sent(np.stack([part.tint for part in parts]))[:, :, None, None]

    def _masks(self, given: Sequence[Image | None], like: Sequence[Image], missing: float) -> Tensor:
        """(n, H, W) masks; those that are not there are ``missing`` everywhere."""
        whole = [np.full_like(one, missing) if mask is None else mask for mask, one in zip(given, like, strict=True)]
        return self._stacked(whole)

    def _stacked(self, arrays: Sequence[np.ndarray], how: str = "constant") -> Tensor:
        """(n, H, W, …) arrays of different heights and widths, padded to the largest."""
        high, wide = (max(one.shape[axis] for one in arrays) for axis in (0, 1))
        margin = 4 if how == "edge" else 0
        padded = [_padded(one, high + margin, wide + margin, how) for one in arrays]
        return self._sent(np.stack(padded))

    def _matrices(self, each: Sequence[Matrix]) -> Tensor:
        """(n, 1, rows, columns) padded with 0."""
        return self._stacked(each)[:, None]


def painter_on(device: str) -> Painter | None:
    """Give a painter for "cuda", and for "auto" where a GPU computes; None means that the CPU paints."""
    return Painter("cuda") if device_for(device) == "cuda" else None


def _padded(array: np.ndarray, high: int, wide: int, how: str) -> np.ndarray:
    more = ((0, high - array.shape[0]), (0, wide - array.shape[1]), *(((0, 0),) * (array.ndim - 2)))
    return np.pad(array, more, mode="edge" if how == "edge" else "constant")


def _through(pictures: Tensor, down: Tensor, over: Tensor) -> Tensor:
    """Multiply (n, c, h, w) by a matrix for each axis, (n, 1, H, h) and (n, 1, W, w)."""
    return down @ pictures[..., : down.shape[-1], : over.shape[-1]] @ over.transpose(-1, -2)


def _darken(near: Tensor, dark: Tensor) -> None:
    grey, deep = near.mean(1, keepdim=True), dark[:, None]
    near += (near - grey) * (float(DEEPER) * deep)
    near *= 1 - deep


def _grey(rgb: Tensor) -> Tensor:
    return rgb[0] * LUMA[0] + rgb[1] * LUMA[1] + rgb[2] * LUMA[2]


def _inverse(affine: np.ndarray) -> np.ndarray:
    """(2, 3) the way back."""
    turn = np.linalg.inv(affine[:, :2])
    return np.hstack([turn, -turn @ affine[:, 2:]])
