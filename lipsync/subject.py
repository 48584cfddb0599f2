"""Who is in the clip: the head's place in every frame, the mouth at rest, and the frames in which it can be driven."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync import weights
from lipsync.errors import NoFaceError
from lipsync.face import CHIN, LIPS, K, Track
from lipsync.head import Array, Head, Planes, Poses
from lipsync.mouth import (
    JAW_SHARE,
    MIDDLE,
    ROWS,
    SHUT,
    TEETH_BELOW,
    TEETH_LOWEST,
    UP_IN,
    Mouth,
    closed,
    gap,
    rows,
    width,
)
from lipsync.smile import unsmiled
from lipsync.take import Weights

TURNED = np.array([(0.50, 0.64), (0.45, 0.62)])
"""Yaw and pitch, in radians, from which the warp fades and at which it is gone."""
TINY = (9.0, 14.0)
"""Pixels between the eyes below which nothing is drawn, and from which everything is."""
FADE = 5
"""Frames over which the warp comes and goes beside frames without a face."""
HIDDEN = 0.5
FRONT = 8
SMILES = 0.03
"""A mouth that is never closed further than this is taken for a smile, and what it shows for its upper teeth."""


@dataclass(frozen=True)
class Anatomy:
    """What is known of heads and lips in general; the weights "head".

    Attributes:
        head: The mean head.
        basis: (5, 4, 11, 2) how lip rows move for one unit of open, width, upper, lower, jaw.
        jaw: (99,) how far each point follows the chin.
        facts: Which weights these are.
    """

    head: Head
    basis: Array
    jaw: Array
    facts: Weights


@dataclass(frozen=True)
class Subject:
    """One person through a clip of T frames.

    Attributes:
        poses: Of the head.
        planes: The plane of the mouth in every picture.
        seen: (T, 99, 2) float32, all points as they lie in that plane; NaN where absent.
        depths: (99,) z of the points.
        mouth: At rest, and how it moves.
        drops: (T,) how far the chin is below its rest in the source.
        strength: (T,) 0–1, how far the mouth is to be driven in each source frame.
    """

    poses: Poses
    planes: Planes
    seen: NDArray[np.float32]
    depths: Array
    mouth: Mouth
    drops: Array
    strength: Array

    def apparent(self, number: int, lips: Array) -> Array:
        """Take (4, 11, 2) rows of the head frame to where they seem to lie in the mouth's plane of a frame."""
        return lips + self.planes.parallax(number, self.depths[ROWS].ravel()).reshape(lips.shape)

    def own_lips(self, number: int) -> Array:
        """Give (4, 11, 2) the source's own rows in the mouth's plane of a frame."""
        return rows(self.seen[number])


def anatomy() -> Anatomy:
    """Load what is known of heads in general.

    Raises:
        WeightsError: The file is missing or damaged.
    """
    tensors, facts = weights.load("head")
    basis = np.zeros((5, K, 2))
    basis[:, LIPS] = tensors["lips"].numpy()
    chin, near, side, angle = tensors["jaw"].numpy()
    jaw = np.zeros(K)
    for step, follow in enumerate((chin, near, side, angle, 0.15)):
        jaw[[CHIN - step, CHIN + step]] = follow
    shape = tensors["shape"].numpy().astype(np.float64)
    shape[ROWS[UP_IN:], 2] = shape[ROWS[UP_IN:], 2].mean(0)  # lips that touch are equally far away
    return Anatomy(Head(shape), basis[:, ROWS], jaw, facts)


def subject_of(track: Track, known: Anatomy) -> Subject:
    """Study a person.

    Args:
        track: Geometry of all frames of the source; at least one has the face.
        known: What is known of heads in general.

    Raises:
        NoFaceError: The points of no frame look like a face.
    """
    points = np.where(track.present[:, None, None], track.points, np.float32(np.nan))
    head = known.head.own(points)
    poses = head.poses(points)
    if not np.isfinite(poses.scale).any():
        raise NoFaceError("the points that the tracker found are no face", "Use another picture, or another tracker.")
    depths = head.shape[:, 2]
    planes = poses.plane(float(depths[LIPS].mean()))
    seen = _in_plane(planes, points)
    lips = rows(seen) - (depths[ROWS] - planes.depth)[None, ..., None] * planes.lean[:, None, None]
    chins = seen[:, CHIN, 1] - (depths[CHIN] - planes.depth) * planes.lean[:, 1]
    mouth = _at_rest(_bare(lips, track), chins, poses, known.basis)
    return Subject(
        poses=poses,
        planes=planes,
        seen=seen,
        depths=depths,
        mouth=mouth,
        drops=chins - mouth.chin,
        strength=strength_of(track, poses),
    )


def _in_plane(planes: Planes, points: NDArray[np.floating]) -> NDArray[np.float32]:
    back = np.full_like(planes.across, np.nan)
    good = np.isfinite(planes.origin).all(1)
    back[good] = np.linalg.inv(planes.across[good])
    seen = np.empty_like(points, np.float32)
    for k, flat in enumerate(points):
        seen[k] = (flat - planes.origin[k]) @ back[k].T
    return seen


def _bare(lips: Array, track: Track) -> Array:
    """Leave the lips out that are behind something, as long as others are left."""
    if track.covered is None or not (free := track.present & (track.covered < HIDDEN)).any():
        return lips
    return np.where(free[:, None, None, None], lips, np.nan)


def _at_rest(lips: Array, chins: Array, poses: Poses, basis: Array) -> Mouth:
    """Find the closed mouth among (T, 4, 11, 2) lips, or close the most closed one there is."""
    good = np.flatnonzero(np.isfinite(lips).all((1, 2, 3)))
    turned = np.abs(poses.angles[good, :2]).max(1)
    front = good[turned <= max(0.25, float(np.sort(turned)[min(FRONT, len(turned)) - 1]))]
    openings, widths = gap(lips[front]), width(lips[front])
    order = np.argsort(openings + 0.3 * np.abs(widths - np.median(widths)), kind="stable")
    calm = front[order[: max(3, len(front) // 12)]]
    rest, left = lips[calm].mean(0), float(gap(lips[calm]).mean())
    chin = float(chins[calm].mean()) - JAW_SHARE * max(0.0, left - 2 * SHUT)
    shut = closed(rest) if left > SHUT / 2 else _shut(rest)
    teeth = float(shut[UP_IN, MIDDLE, 1].mean()) + TEETH_BELOW
    if left > SMILES:
        teeth = max(teeth, float(rest[UP_IN, MIDDLE, 1].mean()) + 0.9 * min(left, 0.11))
        shut = unsmiled(rest)
        teeth = min(teeth, float(shut[UP_IN, MIDDLE, 1].mean()) + TEETH_LOWEST)
    return Mouth(rest=shut, chin=chin, teeth=teeth, basis=basis)


def _shut(lips: Array) -> Array:
    """Let the inner rows of all but closed lips meet where they are, and move nothing else."""
    met = lips.copy()
    met[UP_IN:, :, 1] = lips[UP_IN:, :, 1].mean(0)
    return met


def strength_of(track: Track, poses: Poses, limits: Array = TURNED) -> Array:
    """Say how far each frame may be driven: present, facing us, large enough; with a fade that does not cross a cut.

    Args:
        track: The person.
        poses: Of the same head.
        limits: (2, 2) yaw and pitch, in radians, from which it fades and at which it is gone.
    """
    turned = np.nan_to_num(np.abs(poses.angles[:, :2]), nan=9.0)
    large = np.nan_to_num(poses.scale)
    able = np.clip((limits[:, 1] - turned) / (limits[:, 1] - limits[:, 0]), 0, 1).min(1)
    able = able * np.clip((large - TINY[0]) / (TINY[1] - TINY[0]), 0, 1) * track.present
    if track.covered is not None:
        able = able * (1 - track.covered)
    starts = np.flatnonzero(track.cuts)
    parts = np.split(able, starts[starts > 0])
    return np.concatenate([_faded(part) for part in parts]) if parts else able


def _faded(able: Array) -> Array:
    """The largest curve below ``able`` that changes by no more than 1 / ``FADE`` a frame."""
    low = able.copy()
    for k in range(1, len(low)):
        low[k] = min(low[k], low[k - 1] + 1 / FADE)
    for k in range(len(low) - 2, -1, -1):
        low[k] = min(low[k], low[k + 1] + 1 / FADE)
    return low


def teeth_place(mouth: Mouth) -> tuple[float, float]:
    """Give x and y of the middle of the upper teeth's biting edge in the head frame."""
    return float(mouth.rest[UP_IN, MIDDLE, 0].mean()), mouth.teeth
