"""Frames in which something is before the mouth: a hand, a microphone, a sheet of paper, a cup.

Two witnesses: the networks, which are less sure of lips that they cannot see than they mostly are in this clip, and the
colours around the mouth, which are none that this mouth has when it is surely seen. Each alone must be very sure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lipsync.face import LIPS, Points, Track
from lipsync.landmarks import MOUTH_SIDE, crop_at, spread, tilt
from lipsync.media import Frame

TILES = 8
Tiles = NDArray[np.uint8]
"""(8, 8, 3) RGB: the mouth and what is around it, very coarse."""

ENOUGH = 12
"""Frames from which a clip knows its own mouth."""
USUAL = 2.5
"""How much less sure than in its better quarter, in logits, a clip's frame may be to count as surely seen."""
NARROW = 14.0
"""Grey levels by which every tile may differ; then three times what it differs by itself."""
WIDE = 3.0
RULES = (
    ((4.0, 5.5), (-1.0, 0.0)),
    ((3.2, 4.5), (0.03, 0.07)),
    ((1.5, 3.0), (0.15, 0.25)),
    ((-2.0, -1.0), (0.35, 0.50)),
)
"""Loss of sureness in logits, and share of tiles of a colour that they never have: from where a mouth may be covered,
and where it surely is. What has the skin's own colour changes little but the lips; a turned head makes some doubt and
shows a little of the wall."""
BESIDE = 2
"""Frames before and after a covered one that count as covered too: what comes has its edge over the mouth already."""


def tiles(frame: Frame, points: Points) -> Tiles:
    """Give the colours around the mouth of the face that has these 99 points."""
    return frame.warp(crop_at(points[LIPS].mean(0), tilt(points), MOUTH_SIDE * spread(points), TILES), TILES)


def covered(track: Track, seen: list[Tiles | None]) -> NDArray[np.float32]:
    """Give (T,) 0–1: how sure it is that the mouth is covered in each frame; 0 where there is no face.

    Args:
        track: The person; the scores count.
        seen: The tiles of each frame, None where there is no face.
    """
    there = np.flatnonzero(track.present)
    found = np.zeros(len(track), np.float32)
    if len(there) < ENOUGH:
        return found
    doubt, strange = _witnesses(track.score[there], np.array([seen[k] for k in there.tolist()], np.float32))
    for doubtful, odd in RULES:
        found[there] = np.maximum(found[there], np.minimum(_share(doubt, *doubtful), _share(strange, *odd)))
    return _widened(found, track.cuts)


def _witnesses(score: NDArray[np.float32], colours: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
    """How much less sure than usual the networks are in each frame, and which share of its tiles is strange."""
    sure = np.clip(score.astype(np.float64), 1e-3, 1 - 1e-3)
    logit = np.log(sure / (1 - sure))
    best = np.quantile(logit, 0.75)
    usual = colours[logit >= best - USUAL]
    low, high = np.quantile(usual, (0.1, 0.9), axis=0)
    range_ = WIDE * np.maximum(NARROW, (high - low) / 2)
    off = np.abs(colours - np.median(usual, axis=0)) / range_
    return best - logit, (off.max(-1) > 1).mean((1, 2))


def _share(value: NDArray[np.float64], none: float, whole: float) -> NDArray[np.float64]:
    return np.clip((value - none) / (whole - none), 0, 1)


def _widened(found: NDArray[np.float32], cuts: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give each frame the most of its neighbours within the same shot."""
    shot = np.cumsum(cuts)
    most = found.copy()
    for step in range(1, BESIDE + 1):
        same = shot[step:] == shot[:-step]
        np.maximum(most[step:], found[:-step] * same, out=most[step:])
        np.maximum(most[:-step], found[step:] * same, out=most[:-step])
    return most
