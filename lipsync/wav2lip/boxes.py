"""Where each frame's face is cut out for the network: the box that its training saw, kept still.

The published weights were trained on boxes of the S3FD detector, stretched to a square whatever their shape, and their
program adds a little below the chin. Those boxes go from the top of the forehead to the chin and from cheek to cheek,
as the oval of our 99 points does; so the box is what that oval fills, from its highest point to ``BELOW`` under the
chin. Three things are better than a detector's box: the chin is where it is with the mouth closed, so the box does not
breathe with the source's own speech; the box turns with the head, as upright faces are what the network has seen; and
it is evened out to both sides in time within a shot, so it neither trembles nor lags, nor knows of another shot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from lipsync.face import CHIN, OVAL, Track
from lipsync.subject import Subject

Array = NDArray[np.float64]

SIDE = 96
"""Pixels of a crop."""
BELOW = 0.08
"""How far the box goes below the chin, IOD."""
CALM_PLACE, CALM_SIZE = 0.08, 0.25
"""Seconds (standard deviation) over which its place, and its size and tilt, are evened out."""
ASTRAY = 0.06
"""Share of its size by which the evened box may be elsewhere than the face."""


@dataclass(frozen=True)
class Boxes:
    """A face cut out of T source frames; NaN where there is none.

    Attributes:
        to_crop: (T, 2, 3) takes pixels of a frame to pixels of its crop.
        size: (T, 2) width and height in pixels of the frame.
    """

    to_crop: Array
    size: Array

    @property
    def height(self) -> float:
        """Pixels, as it mostly is."""
        return float(np.nanmedian(self.size[:, 1]))


def boxes_of(track: Track, subject: Subject, times: Sequence[Fraction]) -> Boxes:
    """Give the boxes of a person.

    Args:
        track: The points.
        subject: The same person, studied.
        times: (T,) when each frame appears in the source, seconds.
    """
    roll = subject.poses.angles[:, 2]
    across = np.stack([np.cos(roll), np.sin(roll)], -1)
    down = np.stack([-np.sin(roll), np.cos(roll)], -1)
    x = np.einsum("tki,ti->tk", track.points[:, OVAL], across)
    y = np.einsum("tki,ti->tk", track.points[:, OVAL], down)
    chin = np.einsum("ti,ti->t", track.points[:, CHIN], down) - np.maximum(subject.drops, 0) * subject.poses.scale
    bottom = chin + BELOW * subject.poses.scale
    middle = np.stack([x.min(1) + x.max(1), y.min(1) + bottom], -1) / 2
    size = np.stack([np.ptp(x, axis=1), bottom - y.min(1)], -1)
    good = np.isfinite(size).all(1) & (size > 1).all(1)
    place = middle[:, :1] * across + middle[:, 1:] * down
    shot = np.cumsum(track.cuts | ~good | np.r_[False, ~good[:-1]])
    when = np.array([float(time) for time in times[: len(track)]])
    even = _even(np.column_stack([np.log(np.where(good[:, None], size, 1)), roll]), when, shot, CALM_SIZE)
    still = _even(place, when, shot, CALM_PLACE)
    stray = ASTRAY * size.max(1, keepdims=True)
    held = place + np.clip(still - place, -stray, stray)
    return _cut(np.where(good[:, None], held, np.nan), np.exp(even[:, :2]), even[:, 2])


def _cut(place: Array, size: Array, roll: Array) -> Boxes:
    """Boxes by their middles, sizes and tilts."""
    to_crop = np.empty((len(place), 2, 3))
    to_crop[:, 0, :2] = np.stack([np.cos(roll), np.sin(roll)], -1) * (SIDE / size[:, :1])
    to_crop[:, 1, :2] = np.stack([-np.sin(roll), np.cos(roll)], -1) * (SIDE / size[:, 1:])
    # pixels are counted by their centres: the middle of the crop is between its pixels
    to_crop[:, :, 2] = (SIDE - 1) / 2 - np.einsum("tij,tj->ti", to_crop[:, :, :2], place)
    lost = np.asarray(np.isnan(place).any(axis=1))
    to_crop[lost] = np.nan
    return Boxes(to_crop, np.where(lost[:, None], np.nan, size))


def _even(values: Array, times: Array, shot: NDArray[np.int64], calm: float) -> Array:
    """Gaussian means over ``calm`` seconds to both sides, of what belongs to the same shot."""
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    total, weight = np.zeros_like(values), np.zeros((len(values), 1))
    reach = min(len(values) - 1, int(np.ceil(3 * calm / max(step, 1e-3))))
    for by in range(-reach, reach + 1):
        here = slice(max(0, -by), len(values) - max(0, by))
        there = slice(max(0, by), len(values) - max(0, -by))
        near = np.exp(-0.5 * ((times[there] - times[here]) / calm) ** 2)
        near *= np.asarray(shot[here] == shot[there], np.float64)
        total[here] += np.nan_to_num(values[there]) * near[:, None]
        weight[here] += near[:, None]
    return total / weight
