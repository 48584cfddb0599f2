"""Where the head is: a rigid pose fitted to points that do not move when somebody speaks.

The head frame is the subject's own: origin under the nose, x to the right of the picture along the eyes, y down,
z away from the camera, unit IOD (outer eye corner to outer eye corner). A pose takes it to pixels by weak
perspective: turn, scale, shift, forget z. What the mouth does is said in the head frame, so it stays the same
mouth when the head turns or comes nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.face import EYE_L, EYE_R, NOSE, OVAL

Array = NDArray[np.float64]

STABLE = np.r_[EYE_L[0], EYE_L[4], EYE_R[0], EYE_R[4], NOSE, OVAL[4], OVAL[13]]
"""Eye corners, nose, and beside the ears: bone, as far as 99 points can tell."""
TRUST = np.r_[np.full(4, 1.0), np.full(7, 0.7), np.full(5, 1.5), np.full(2, 0.15)]
"""How much each of ``STABLE`` counts: most under the nose, where an error would shift the mouth, least by the ears."""
SPREAD = 0.03
"""How far a point of a subject lies from the mean head, in IOD: weighs the points against ``LIKELY``."""
LIKELY = np.array([0.5, 0.3])
"""Yaw and pitch that pictures commonly have, in radians: keeps a flat, odd face from seeming to nod."""
ENOUGH = 300
"""Pictures from which a head of one's own is learnt well."""
LARGEST = 20.0
"""Pixels per IOD for each pixel between the eyes, at most: beyond it the fit ran away, as from mirrored points."""
STEPS = 10
CHUNK = 2048


@dataclass(frozen=True)
class Poses:
    """The head in T frames; NaN where there is none.

    Attributes:
        scale: (T,) pixels per IOD.
        angles: (T, 3) yaw, pitch and roll in radians.
        shift: (T, 2) where the origin of the head frame lies, in pixels.
    """

    scale: Array
    angles: Array
    shift: Array

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def turn(self) -> Array:
        """(T, 2, 3) the upper two rows of the rotation."""
        upper: Array = rotation(self.angles)[:, :2]
        return upper

    def plane(self, depth: float) -> Planes:
        """Give the plane z = ``depth`` (IOD) of the head frame as it lies in each picture."""
        turn = self.turn * self.scale[:, None, None]
        across = turn[:, :, :2]  # (T, 2, 2)
        origin = self.shift + turn[:, :, 2] * depth
        lean = np.full((len(self), 2), np.nan)
        good = np.isfinite(self.scale)
        lean[good] = np.linalg.solve(across[good], turn[good][:, :, 2:])[:, :, 0]
        return Planes(across=across, origin=origin, lean=lean, depth=depth)


@dataclass(frozen=True)
class Planes:
    """A plane of constant z, seen in T pictures: an affine map between its x, y and pixels.

    Attributes:
        across: (T, 2, 2) pixels per IOD along x and y of the plane.
        origin: (T, 2) pixel of x = y = 0.
        lean: (T, 2) by how much a point seems to move in the plane for each IOD that it lies behind it.
        depth: z of the plane.
    """

    across: Array
    origin: Array
    lean: Array
    depth: float

    def to_frame(self, index: int, places: Array) -> Array:
        """Take (n, 2) places of the plane to pixels of picture ``index``."""
        pixels: Array = places @ self.across[index].T + self.origin[index]
        return pixels

    def to_plane(self, index: int, pixels: Array) -> Array:
        """Take (n, 2) pixels of picture ``index`` to the places of the plane where they seem to lie."""
        places: Array = (pixels - self.origin[index]) @ np.linalg.inv(self.across[index]).T
        return places

    def parallax(self, index: int, depths: Array) -> Array:
        """Give (n, 2): where points at ``depths`` (n,) seem to lie in the plane, less where they are."""
        return np.asarray((depths[:, None] - self.depth) * self.lean[index], np.float64)


@dataclass(frozen=True)
class Head:
    """A rigid head.

    Attributes:
        shape: (99, 3) its points in the head frame.
    """

    shape: Array

    def poses(self, points: NDArray[np.floating]) -> Poses:
        """Fit the head to the points of T pictures.

        Args:
            points: (T, 99, 2) pixels; frames with NaN, or with points that are no face, get a NaN pose.
        """
        found = np.full((len(points), 6), np.nan)
        apart = np.hypot(*(points[:, EYE_L[0]] - points[:, EYE_R[0]]).T)
        good = np.flatnonzero(np.isfinite(points[:, STABLE]).all((1, 2)) & (apart > 1))
        for start in range(0, len(good), CHUNK):
            part = good[start : start + CHUNK]
            found[part] = _fit(self.shape[STABLE], points[part][:, STABLE].astype(np.float64))
        found[~((found[:, 0] > 0) & (found[:, 0] < LARGEST * apart))] = np.nan
        return Poses(scale=found[:, 0], angles=found[:, 1:4], shift=found[:, 4:])

    def own(self, points: NDArray[np.floating]) -> Head:
        """Give this head with the subject's own x and y, averaged over T pictures; depths stay.

        A few pictures say little about what is shape and what is pose: they move the head only part of the way.
        """
        poses = self.poses(points)
        if not np.isfinite(poses.scale).any():
            return self
        front = np.flatnonzero(np.abs(poses.angles[:, 0]) < np.nanmedian(np.abs(poses.angles[:, 0])) + 0.05)
        front = front[:: max(1, len(front) // ENOUGH)]
        seen = np.array([_places(poses, k, points[k], self.shape[:, 2]) for k in front.tolist()])
        share = len(front) / (len(front) + 8.0)
        shape = self.shape.copy()
        shape[:, :2] += share * (np.median(seen, axis=0) - shape[:, :2]) if len(front) else 0.0
        return Head(shape)


def rotation(angles: Array) -> Array:
    """Give (T, 3, 3) rotations for (T, 3) yaw, pitch, roll: pitch first, then yaw, then roll."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(angles).T, np.sin(angles).T
    zero, one = np.zeros_like(cy), np.ones_like(cy)
    yaw = np.array([[cy, zero, sy], [zero, one, zero], [-sy, zero, cy]])
    pitch = np.array([[one, zero, zero], [zero, cp, -sp], [zero, sp, cp]])
    roll = np.array([[cr, -sr, zero], [sr, cr, zero], [zero, zero, one]])
    turn: Array = np.einsum("ijt,jkt,klt->til", roll, yaw, pitch)
    return turn


def _places(poses: Poses, index: int, points: NDArray[np.floating], depths: Array) -> Array:
    """Undo a pose for points of known depth: (n, 2) in the head frame."""
    turn = poses.turn[index] * poses.scale[index]
    flat = points - poses.shift[index] - depths[:, None] * turn[:, 2]
    places: Array = flat @ np.linalg.inv(turn[:, :2]).T
    return places


def _fit(shape: Array, points: Array) -> Array:
    """Gauss-Newton for (B, 6) scale, yaw, pitch, roll, shift; points are (B, n, 2)."""
    state = _guess(shape, points)
    for _ in range(STEPS):
        wrong = _wrong(state, shape, points)
        slope = np.empty((*wrong.shape, 6))
        for k in range(6):
            step = 1e-4 * (state[:, :1] if k in (0, 4, 5) else np.ones((len(state), 1)))
            nudged = state.copy()
            nudged[:, k : k + 1] += step
            slope[:, :, k] = (_wrong(nudged, shape, points) - wrong) / step
        normal = np.einsum("bij,bik->bjk", slope, slope)
        state = state - np.linalg.solve(normal, np.einsum("bij,bi->bj", slope, wrong)[..., None])[..., 0]
    return state


def _guess(shape: Array, points: Array) -> Array:
    """A flat similarity, good enough to start from."""
    flat = (shape[:, 0] + 1j * shape[:, 1])[None]
    seen = points[..., 0] + 1j * points[..., 1]
    weight = TRUST / TRUST.sum()
    middle, seen_middle = (flat * weight).sum(1), (seen * weight).sum(1)
    here, there = flat - middle[:, None], seen - seen_middle[:, None]
    ratio = (np.conj(here) * there * weight).sum(1) / (np.abs(here) ** 2 * weight).sum(1)
    shift = seen_middle - ratio * middle
    still = np.zeros(len(points))
    return np.stack([np.abs(ratio), still, still, np.angle(ratio), shift.real, shift.imag], axis=1)


def _wrong(state: Array, shape: Array, points: Array) -> Array:
    """(B, 2n + 2) what does not fit: points in IOD over ``SPREAD``, then how unlikely the turn is."""
    turn = rotation(state[:, 1:4])[:, :2]
    seen = state[:, :1, None] * np.einsum("bij,nj->bni", turn, shape) + state[:, None, 4:]
    miss = (seen - points) / state[:, :1, None] / SPREAD * np.sqrt(TRUST)[:, None]
    return np.concatenate([miss.reshape(len(state), -1), state[:, 1:3] / LIKELY], axis=1)
