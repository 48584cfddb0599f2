"""How a smile is closed: the way people's lips go from an open smile to rest. Lengths in IOD.

Fitted to the neutral and the smiling portraits of 53 people whose smiles are open (Face Research Lab London Set, CC BY
4.0): each point moves by so much for each IOD of opening, and for each IOD of width beyond an earnest mouth. People
left out of the fit are met within .020 IOD a point, where closing alone is off by .052.
"""

from __future__ import annotations

import numpy as np

from lipsync.mouth import LOW_IN, UP_IN, UP_OUT, Array, closed, gap, width

EARNEST = 0.563
"""Width of a mouth at rest, on average."""
LESS = 0.8
"""Share of the smile's width that is taken back: cheeks and eyes go on smiling in the picture."""
NARROWED = 0.11, 0.40
"""How far corners come in for each IOD of opening, and of width too many."""
MIDDLE_DOWN = np.array([(0.17, 0.04), (-0.51, 0.05), (0.34, 0.07), (-0.67, 0.06)])
"""How far the middle of each row comes down for the same two,"""
SIDES_DOWN = np.array([(-0.06, 0.31), (0.62, 0.31), (-0.24, 0.27), (0.77, 0.28)])
"""and how much farther the corners do, the square of the way there."""


def unsmiled(lips: Array) -> Array:
    """Close (4, 11, 2) rows of an open smile; they become narrower and thicker, and the corners come down."""
    causes = np.array([max(0.0, float(gap(lips))), LESS * max(0.0, float(width(lips)) - EARNEST)])
    middle = lips[UP_OUT, [0, -1], 0].mean()
    aside = (lips[..., 0] - middle) / max(float(width(lips)) / 2, 1e-3)
    made = lips.copy()
    made[..., 0] -= aside * float(causes @ NARROWED)
    made[..., 1] += (MIDDLE_DOWN @ causes)[:, None] + (SIDES_DOWN @ causes)[:, None] * aside**2
    met = made[UP_IN:, :, 1].mean(0)
    off = met - made[UP_IN:, :, 1]
    made[:2, 1:-1, 1] += off[:, 1:-1]
    made[UP_IN, :, 1] = made[LOW_IN, :, 1] = met
    return closed(made)
