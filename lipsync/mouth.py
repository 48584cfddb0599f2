"""The mouth: four rows of points in the head frame, its closed shape, and the shape that named parameters make of it.

Rows run from the left corner to the right as seen in the picture: upper lip outside, lower lip outside, upper lip
inside, lower lip inside. Outer rows share their ends, and so do inner rows. Lengths in IOD.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.face import INNER_LOW, INNER_UP, OUTER_LOW, OUTER_UP

Array = NDArray[np.float64]

N = 11
"""Points in a row."""
UP_OUT, LOW_OUT, UP_IN, LOW_IN = range(4)
ROWS = np.stack(
    [
        OUTER_UP,
        np.r_[OUTER_UP[0], OUTER_LOW[::-1], OUTER_UP[-1]],
        INNER_UP,
        np.r_[INNER_UP[0], INNER_LOW[::-1], INNER_UP[-1]],
    ]
)
"""(4, 11) which of the 99 points each is."""
MIDDLE = slice(3, 8)

LEAST = np.array([0.0, -0.14, -0.07, -0.05, -0.03, -0.1])
MOST = np.array([0.26, 0.13, 0.09, 0.22, 0.16, 0.1])
"""Parameters beyond these are a mistake of somebody's, not a mouth."""
WIDEST = 0.78
"""A mouth is not made wider than this."""
SHUT = 0.01
"""Smaller openings are none: a slit of one dark pixel is what a bad dub looks like."""
TYPICAL_WIDTH = 0.573
"""Of the person whose lips the basis was measured on."""
POUT = 0.8
"""How much taller each lip is seen from the front for each IOD that it is pushed forward."""
UPPER_SHARE = 0.35
"""When open lips close, how much of the way the upper lip goes."""
TEETH_BELOW = 0.026
"""How far the upper teeth reach below the line of closed lips,"""
TEETH_LOWEST = 0.045
"""and at most, whatever a smile shows."""
BITE_BELOW = 0.013
"""How far below that line the lower teeth begin, behind the upper ones."""
JAW_SHARE = 0.45
"""How far the chin rises when open lips close, of their opening."""


@dataclass(frozen=True)
class Shape:
    """What one frame's mouth shall look like.

    Attributes:
        lips: (4, 11, 2) rows in the head frame.
        drop: How far the chin is below its rest, in IOD.
        tongue: How far the tip of the tongue is up at the upper teeth, 0–1.
        blur: How far the lower lip moves while the frame is exposed, in IOD.
        pout: How far the lips are pushed forward, in IOD: they shade the mouth.
    """

    lips: Array
    drop: float
    tongue: float = 0.0
    blur: float = 0.0
    pout: float = 0.0


@dataclass(frozen=True)
class Mouth:
    """One subject's mouth.

    Attributes:
        rest: (4, 11, 2) lips closed and at rest.
        chin: y of the chin meanwhile.
        teeth: y of the biting edge of the upper teeth, which never moves.
        basis: (5, 4, 11, 2) how the rows move for one unit of open, width, upper, lower, jaw.
    """

    rest: Array
    chin: float
    teeth: float
    basis: Array

    @property
    def bite(self) -> float:
        """Y of the biting edge of the lower teeth while the jaw is at rest."""
        return float(self.rest[UP_IN, MIDDLE, 1].mean()) + BITE_BELOW

    @property
    def gain(self) -> float:
        """How much larger this mouth is than the one the basis was measured on."""
        return float(np.clip(width(self.rest) / TYPICAL_WIDTH, 0.85, 1.15))

    def shape(self, values: NDArray[np.floating], tongue: float = 0.0, blur: float = 0.0) -> Shape:
        """Give the shape for one row of parameters.

        Args:
            values: (6,) open, width, upper, lower, jaw, protrusion; 0 is at rest. Values beyond the range of
                mouths are held at its ends.
            tongue: See :class:`Shape`.
            blur: See :class:`Shape`.
        """
        held = np.clip(np.nan_to_num(values.astype(np.float64)), LEAST, MOST)
        if held[0] < SHUT:
            held = held * [0, 1, 1, 1, 1, 1]
        gain = self.gain
        held[1] = min(held[1], max(0.0, (WIDEST - width(self.rest)) / gain))
        lips = self.rest + gain * np.tensordot(held[:5], self.basis, axes=1)
        fuller = gain * POUT * float(held[5]) * (1 - np.linspace(-1, 1, N) ** 2)
        lips[UP_OUT, :, 1] -= fuller
        lips[LOW_OUT, :, 1] += fuller
        shown = parted(lips, gain * held[0])
        pout = gain * max(0.0, float(held[5]))
        return Shape(lips=shown, drop=gain * float(held[4]), tongue=tongue, blur=gain * blur, pout=pout)


def rows(points: NDArray[np.floating]) -> Array:
    """Give (..., 4, 11, 2) the lip rows among (..., 99, 2) points."""
    return points[..., ROWS, :].astype(np.float64)


def gap(lips: Array) -> Array:
    """Give (...) the opening in the middle of (..., 4, 11, 2) lips; a little below 0 where they are pressed."""
    middle: Array = (lips[..., LOW_IN, MIDDLE, 1] - lips[..., UP_IN, MIDDLE, 1]).mean(-1)
    return middle


def width(lips: Array) -> Array:
    """Give (...) the distance of the corners."""
    across: Array = lips[..., UP_OUT, -1, 0] - lips[..., UP_OUT, 0, 0]
    return across


def parted(lips: Array, opening: float) -> Array:
    """Let the inner rows be apart by ``opening`` in the middle and never cross.

    Args:
        lips: (4, 11, 2); its inner rows may be wrongly far apart, or crossed.
        opening: As much as is wanted; below ``SHUT`` the mouth is closed.
    """
    if opening < SHUT:
        return closed(lips)
    apart = np.maximum(lips[LOW_IN, :, 1] - lips[UP_IN, :, 1], 0.0)
    wanted = apart * opening / max(float(apart[MIDDLE].mean()), SHUT)
    wanted = wanted * np.clip((wanted - 0.2 * SHUT) / SHUT, 0.0, 1.0)
    return _spread(lips, wanted)


def closed(lips: Array) -> Array:
    """Close lips: the lower comes most of the way, and both keep about their thickness."""
    return _spread(lips, np.zeros(N))


def _spread(lips: Array, wanted: Array) -> Array:
    """Move inner rows until they are ``wanted`` (11,) apart; what they overshoot by, outer rows follow in part."""
    excess = lips[LOW_IN, :, 1] - lips[UP_IN, :, 1] - wanted
    made = lips.copy()
    made[UP_IN, :, 1] += UPPER_SHARE * excess
    made[LOW_IN, :, 1] = made[UP_IN, :, 1] + wanted
    follow = np.maximum(excess, 0.0) * np.r_[0.0, np.ones(N - 2), 0.0]
    made[UP_OUT, :, 1] += 0.55 * UPPER_SHARE * follow
    made[LOW_OUT, :, 1] -= 0.9 * (1 - UPPER_SHARE) * follow
    return made
