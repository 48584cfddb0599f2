"""What a bending is held by: points of lips, chin and jaw in one configuration of the face. Lengths in IOD."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lipsync.face import OVAL
from lipsync.head import Array
from lipsync.mouth import LOW_IN, LOW_OUT, UP_IN, UP_OUT

INSET = 0.010
"""When lips part, or were parted, their edges are taken from a little inside the lip: the rim belongs to the shadow."""
JAW_LINE = OVAL[5:14]
PADS = ((8, 7), (7, 8), (5, 9), (3, 10), (2, 11))
"""Points of the lower lip's outer row and of the oval between which the chin's flesh is."""


def around(lips: Array, face: Array) -> Array:
    """Give the controls outside the lips' red: their outer rows, the jaw's line, the chin.

    Args:
        lips: (4, 11, 2) rows.
        face: (99, 2) all points.
    """
    chin = np.array([lips[LOW_OUT, a] * 0.42 + face[OVAL[b]] * 0.58 for a, b in PADS])
    return np.concatenate([lips[UP_OUT], lips[LOW_OUT, 1:-1], face[JAW_LINE], chin])


def both(lips: Array, face: Array) -> tuple[Array, Array]:
    """Give what holds the side above and what holds the side below the lips' line."""
    shared = around(lips, face)
    upper = np.concatenate([shared, (lips[UP_OUT] + lips[UP_IN])[1:-1] / 2, lips[UP_IN]])
    lower = np.concatenate([shared, (lips[LOW_OUT] + lips[LOW_IN])[1:-1] / 2, lips[LOW_IN]])
    return upper, lower


def inset(own: Array, wanted: Array, teeth: Array) -> Array:
    """Give own lips with inner edges a little inside the lip where they part or were apart; deeper where they close.

    Args:
        own: (4, 11, 2) as filmed.
        wanted: (4, 11, 2) as they shall be.
        teeth: (2, 11) how far teeth reach beyond the inner edges.
    """
    taken = own.copy()
    was, now = (lips[LOW_IN, :, 1] - lips[UP_IN, :, 1] for lips in (own, wanted))
    depth = INSET * _step((np.maximum(was, now) - 0.004) / 0.026)
    depth = depth * (1 + 1.5 * _step((was - now - 0.01) / 0.03))
    for inner, outer, bare in ((UP_IN, UP_OUT, teeth[0]), (LOW_IN, LOW_OUT, teeth[1])):
        into = own[outer, 1:-1] - own[inner, 1:-1]
        taken[inner, 1:-1] += (depth + bare)[1:-1, None] * into / (np.linalg.norm(into, axis=1, keepdims=True) + 1e-6)
    return taken


def _step(share: NDArray[np.floating]) -> Array:
    held = np.clip(share, 0, 1)
    risen: Array = held * held * (3 - 2 * held)
    return risen
