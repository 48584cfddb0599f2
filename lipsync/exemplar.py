"""Mouths that the subject itself has shown: pictures of them, to be laid where such a mouth is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.bared import bared
from lipsync.head import Array
from lipsync.media import Frame
from lipsync.mouth import LOW_IN, LOW_OUT, UP_IN, UP_OUT, N, gap, rows, width
from lipsync.palette import Palette
from lipsync.sharpness import sharpness
from lipsync.subject import Subject
from lipsync.view import View
from lipsync.warp import Grid

MOST = 240
"""Pictures kept, however long the clip,"""
BYTES = 48 * 1024**2
"""as far as they fit in this,"""
LEAST = 24
"""but so many in any case."""
RUN = 8
"""Of a long clip runs of so many frames are kept: neighbours move as mouths do."""
SEEK = 120
"""Frames that are decoded in vain, about, to reach a run in the middle of a film."""
AROUND = 0.32
"""What is kept around the lips, IOD."""
BARE = 0.02, 0.04
"""Lips that are nearer show no teeth; lips that are farther apart, all that reach beyond their edges."""


class Reel(Protocol):
    """Frames by number, as a ``Source`` has them."""

    def play(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Give the frames numbered ``indices``, each the caller's own."""


@dataclass(frozen=True)
class Exemplar:
    """One mouth as filmed.

    Attributes:
        number: Of its source frame.
        view: Which pixels of it are kept, and how they lie in the mouth's plane.
        rgb: (h, w, 3) they.
        teeth: (2, 11) how far its teeth reach beyond the tracked edges of its lips, IOD.
        sharp: How much fine detail it has beside the lips and on the skin around, grey levels.
        light: How bright it is, grey levels.
        look: (7, 11, 3) colours down through it, from the skin over both lips and what is between them to the skin.
    """

    number: int
    view: View
    rgb: NDArray[np.uint8]
    teeth: Array
    sharp: tuple[float, ...]
    light: float
    look: NDArray[np.float32]

    @property
    def lip(self) -> NDArray[np.float32]:
        """(3,) the colour of its lips."""
        return np.asarray(self.look[[1, 5], 2:9].mean((0, 1)), np.float32)


def choose(subject: Subject, allowed: NDArray[np.bool_] | None, most: int) -> NDArray[np.int64]:
    """Say which source frames to keep: all that are fit, or runs of them as different as can be.

    Args:
        subject: Who is seen.
        allowed: (source frames,) bool; None allows all.
        most: How many.

    Returns:
        Numbers, ascending.
    """
    fit = (subject.strength > 0) & np.isfinite(subject.seen).all((1, 2))
    numbers = np.flatnonzero(fit if allowed is None else fit & allowed[: len(fit)])
    if len(numbers) <= most:
        return numbers
    runs = [run for part in _runs(numbers) for run in np.array_split(part, -(-len(part) // RUN))]
    marks = np.array([_mark(subject, run) for run in runs])
    kept = _apart(marks, max(1, most // RUN))
    return np.sort(np.concatenate([runs[k] for k in kept]))[:most]


def gather(reel: Reel, subject: Subject, colours: Palette, allowed: NDArray[np.bool_] | None) -> tuple[Exemplar, ...]:
    """Cut the mouths of the chosen frames out, in one pass over them or, where they lie far apart, from run to run.

    Args:
        reel: The frames.
        subject: Who is seen.
        colours: Of the subject.
        allowed: (source frames,) bool, which frames may be taken; None is all.
    """
    apart = float(np.nanmedian(subject.poses.scale))
    numbers = choose(subject, allowed, int(np.clip(BYTES / (3 * apart**2), LEAST, MOST)))
    grid = Grid(left=0, top=0, step=1, columns=2, rows=2)
    wanted = set(numbers.tolist())
    found = (
        _cut(frame, number, subject, grid, colours) for number, frame in _played(reel, numbers) if number in wanted
    )
    return tuple(one for one in found if one is not None)


def usual_lip(stock: Sequence[Exemplar]) -> NDArray[np.float32] | None:
    """Give (3,) the median colour of the lips; None of nothing."""
    return np.median([one.lip for one in stock], axis=0).astype(np.float32) if stock else None


def _cut(frame: Frame, number: int, subject: Subject, grid: Grid, colours: Palette) -> Exemplar | None:
    lips = subject.own_lips(number)
    corners = np.array([lips.min((0, 1)) - AROUND, lips.max((0, 1)) + AROUND])
    view = View.of(frame, subject.planes, number, grid, corners)
    if view is None:
        return None
    rgb = frame.rgb(view.box)
    shown = float(np.clip((gap(lips) - BARE[0]) / (BARE[1] - BARE[0]), 0, 1))
    teeth = shown * bared(rgb, view, lips, colours) if shown else np.zeros((2, N))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    sharp = sharpness(rgb, lips @ view.across.T + view.zero - view.box[:2], view.scale)
    return Exemplar(number, view, rgb, teeth, sharp, float(grey.mean()), _look(rgb, view, lips))


def _look(rgb: NDArray[np.uint8], view: View, lips: Array) -> NDArray[np.float32]:
    """See :attr:`Exemplar.look`."""
    upper, lower, inside = lips[UP_IN] - lips[UP_OUT], lips[LOW_IN] - lips[LOW_OUT], lips[LOW_IN] - lips[UP_IN]
    places = np.stack(
        [
            lips[UP_OUT] - 0.5 * upper,
            lips[UP_OUT] + 0.5 * upper,
            *(lips[UP_IN] + share * inside for share in (0.2, 0.5, 0.8)),
            lips[LOW_OUT] + 0.5 * lower,
            lips[LOW_OUT] - 0.5 * lower,
        ]
    )
    step = max(1, round(view.scale / 40))
    size = (max(1, rgb.shape[1] // step), max(1, rgb.shape[0] // step))
    calm = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    pixels = (((places @ view.across.T + view.zero - view.box[:2]) + 0.5) / step - 0.5).astype(np.float32)
    return np.asarray(cv2.remap(calm, pixels[..., 0], pixels[..., 1], cv2.INTER_LINEAR), np.float32)


def _played(reel: Reel, numbers: NDArray[np.int64]) -> Iterator[tuple[int, Frame]]:
    """Frames with their numbers, at least those that are wanted."""
    order = numbers.tolist()
    if len(numbers) and order[-1] - order[0] < len(numbers) + SEEK * (len(_runs(numbers)) - 1):
        order = list(range(order[0], order[-1] + 1))
    return zip(order, reel.play(order), strict=False)


def _runs(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)


def _mark(subject: Subject, run: NDArray[np.int64]) -> Array:
    """What makes a run differ from others: least and largest opening, width, tilt, in comparable units."""
    lips = rows(subject.seen[run])
    openings, tilt = gap(lips) / 0.03, subject.poses.angles[run, :2].mean(0) / 0.1
    return np.array([openings.min(), openings.max(), width(lips).mean() / 0.03, *tilt])


def _apart(marks: Array, count: int) -> list[int]:
    """Give ``count`` rows, each as far as can be from those before it."""
    kept = [int(np.argmin(np.linalg.norm(marks - np.median(marks, axis=0), axis=1)))]
    far = np.linalg.norm(marks - marks[kept[0]], axis=1)
    while len(kept) < min(count, len(marks)):
        far[kept] = -1
        kept.append(int(np.argmax(far)))
        far = np.minimum(far, np.linalg.norm(marks - marks[kept[-1]], axis=1))
    return kept
