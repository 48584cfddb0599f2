"""A quieter face without delay: what the networks see in each frame, reconciled with how the pixels moved.

The networks say where a point is, each time with a small error of its own; the pixels say, more exactly, how far it
went since the frame before. The track that is closest to both keeps every motion that is really there: nothing is
evened out over time for its own sake, and how far a mouth is open is left as the networks see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lipsync.face import EYE_L, EYE_R, INNER_LOW, INNER_UP, LIPS, NOSE, OVAL, K, Track
from lipsync.flow import Motion

Array = NDArray[np.float64]

RIGID = np.r_[EYE_L[[0, 4]], EYE_R[[0, 4]], NOSE, OVAL[:5], OVAL[-4:]]
"""Corners of the eyes, the nose, and the oval above the cheeks."""


def _by_point(rest: float, rigid: float, lips: float) -> Array:
    values = np.full(K, rest)
    values[RIGID], values[LIPS] = rigid, lips
    return values


HOLD = _by_point(rest=2.0, rigid=8.0, lips=0.7)
"""How much more the pixels' motion counts than the networks' place. Lips change their look as they move: least."""
DOUBT = _by_point(rest=0.03, rigid=0.03, lips=0.02)
"""Surprise in IOD from which the pixels are believed less: they lose a lip that turns inwards, or a lid that shuts."""


def steadied(track: Track, motions: Sequence[Motion | None]) -> Track:
    """Reconcile a track with the motion between its frames.

    Nothing is carried across a cut or a faceless frame; frames in which the face is the same to the last bit get the
    same points to the last bit.

    Args:
        track: What the networks saw.
        motions: One per frame: from the frame before to it; None where nothing is known.
    """
    if len(track) < 2 or not any(motions):
        return track
    node = np.cumsum([motion is None or not motion.still for motion in motions]) - 1
    firsts = np.flatnonzero(np.diff(node, prepend=-1))
    points = track.points[firsts].astype(np.float64)
    count = np.bincount(node)
    moves = [motions[first] for first in firsts.tolist()]
    iod = np.where(track.present, track.iod, 1.0)[firsts]
    surprise, grip = _edges(moves, iod)
    points += _together(_corrections(surprise, grip, count)) * iod[:, None, None]
    return replace(track, points=points.astype(np.float32)[node])


def _together(corrections: Array) -> Array:
    """Move the inner edges of both lips alike, so that the gap between them stays as the networks see it."""
    upper, lower = INNER_UP[1:-1], INNER_LOW[::-1]
    alike = (corrections[:, upper] + corrections[:, lower]) / 2
    corrections[:, upper] = corrections[:, lower] = alike
    return corrections


def _edges(moves: Sequence[Motion | None], iod: NDArray[np.floating]) -> tuple[Array, Array]:
    """How much the motion into each frame surprised, in IOD (T, 99, 2), and how hard it holds (T, 99)."""
    surprise, grip = np.zeros((len(moves), K, 2)), np.zeros((len(moves), K))
    for number, move in enumerate(moves):
        if move is not None:
            surprise[number] = move.surprise / iod[number]
            grip[number] = move.trust
    doubt = np.hypot(surprise[..., 0], surprise[..., 1]) / DOUBT
    return surprise, HOLD * grip / (1 + doubt**2) ** 2


def _corrections(surprise: Array, grip: Array, count: NDArray[np.intp]) -> Array:
    """Solve for the (T, 99, 2) least corrections c with least grip · (c now − c before + surprise)².

    One tridiagonal system per point, by elimination forth and substitution back; without surprise exactly 0.
    """
    main = np.broadcast_to(count[:, None].astype(np.float64), grip.shape).copy()
    main += grip
    main[:-1] += grip[1:]
    right = -grip[..., None] * surprise
    right[:-1] -= right[1:].copy()
    for now in range(1, len(main)):
        share = grip[now] / main[now - 1]
        main[now] -= share * grip[now]
        right[now] += share[:, None] * right[now - 1]
    right[-1] /= main[-1][:, None]
    for now in range(len(main) - 2, -1, -1):
        right[now] = (right[now] + grip[now + 1][:, None] * right[now + 1]) / main[now][:, None]
    return right
