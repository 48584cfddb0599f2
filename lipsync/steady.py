"""A quieter head: the points that do not move by themselves, evened out over three frames without delay.

Lips, jaw, lids and brows keep every motion they make.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lipsync.face import EYE_L, EYE_R, NOSE, OVAL, Track

RIGID = np.r_[EYE_L[[0, 4]], EYE_R[[0, 4]], NOSE, OVAL[:5], OVAL[-4:]]
"""Corners of the eyes, the nose, and the oval above the cheeks."""


def steadied(track: Track) -> Track:
    """Give the track with its rigid points averaged with those of the frame before and after (1 2 1).

    Nothing is averaged across a cut or a faceless frame; a face that stands still keeps its exact points.
    """
    points = track.points
    same = track.present[1:] & track.present[:-1] & ~track.cuts[1:]
    middle = np.r_[False, same[1:] & same[:-1], False]
    if not middle.any():
        return track
    at = np.flatnonzero(middle)
    rigid = points[:, RIGID]
    even = points.copy()
    even[at[:, None], RIGID] = 0.25 * (rigid[at - 1] + rigid[at + 1]) + 0.5 * rigid[at]
    return replace(track, points=even)
