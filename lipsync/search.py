"""Which faces are in a frame: the detector proposes, the landmark network decides, and a person may choose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipsync.detector import Detector, Spot, apart, looks, whole
from lipsync.face import LIPS, Points
from lipsync.landmarks import FACE_SIDE, FACE_SIZE, Landmarks, Matrix, Reading, crop_at, face_crop, forth, spread
from lipsync.media import Frame

PROPOSALS = 12
"""Spots of one look that are examined more closely; the hottest only."""
FEW = 4
"""Likewise in a quick search, which is made in every frame while nobody is there."""
NEARER = 3
"""Rounds of ``looks`` that only come nearer; the later ones turn the picture."""
PASSES = 3
SURE = 0.5
"""Score above which a reading is a face."""
LOST = 0.3
"""Score below which a face that was followed is lost: lower, so that nobody flickers."""
DRIFT = 4.0
"""Pixels of the face crop by which its corners may be off before it is cut anew."""


@dataclass(frozen=True)
class Face:
    """A face that the landmark network has confirmed, and the crop that it was read in."""

    points: Points
    score: float
    to_crop: Matrix


def strays(to_crop: Matrix, points: Points, drift: float = DRIFT) -> bool:
    """True where the points are off the middle of the crop by more than ``drift`` of its pixels: cut it anew.

    A crop that stays put while the face does gives the same points for the same picture, bit for bit.
    """
    wanted = face_crop(points)
    edge = float(FACE_SIZE)
    corners = np.array([[0.0, 0.0], [edge, 0.0], [edge, edge], [0.0, edge]])
    there = (corners - wanted[:, 2]) @ np.linalg.inv(wanted[:, :2]).T
    return bool(np.abs(forth(there, to_crop) - corners).max() > drift)


def close_up(frame: Frame, landmarks: Landmarks, to_crop: Matrix, still: bool = False) -> Face:
    """Read the face in ``to_crop``, and again in better crops until they settle; the lips by the mouth network.

    Args:
        frame: The picture.
        landmarks: Both networks.
        to_crop: Where the face may be.
        still: Take the average with the mirrored picture, for a single photo.
    """
    reading = landmarks.face(frame, to_crop)
    for _ in range(PASSES):
        if reading.score < LOST or not strays(to_crop, reading.points):
            break
        to_crop = face_crop(reading.points)
        reading = landmarks.face(frame, to_crop)
    if still:
        reading = landmarks.face(frame, face_crop(reading.points), mirrored=True)
    return with_lips(frame, landmarks, reading, to_crop, still)


def with_lips(frame: Frame, landmarks: Landmarks, reading: Reading, to_crop: Matrix, still: bool = False) -> Face:
    """The face of the reading, its lips as the mouth network sees them; a covered mouth lowers the score."""
    if reading.score < LOST:
        return Face(reading.points, reading.score, to_crop)
    mouth = landmarks.mouth(frame, reading.points, mirrored=still)
    points = reading.points.copy()
    points[LIPS] = mouth.points
    return Face(points, min(reading.score, mouth.score), to_crop)


class Search:
    """Looks for faces in whole frames; deterministic."""

    def __init__(self, detector: Detector, landmarks: Landmarks) -> None:
        self._detector = detector
        self._landmarks = landmarks

    def faces(self, frame: Frame, thorough: bool = False, still: bool = False, everyone: bool = False) -> list[Face]:
        """All faces in the frame, from left to right.

        Args:
            frame: The picture.
            thorough: Where one look shows none, look again: nearer, from farther away, turned. Up to a second.
            still: See :func:`close_up`.
            everyone: When thorough, look nearer also where faces were seen: somebody counts them, so small ones matter.
        """
        spots = self._detector.find(frame, whole(frame))[: PROPOSALS if thorough else FEW]
        found = self._confirmed(frame, spots, still)
        for number, batch in enumerate(looks(frame) if thorough else ()):
            if found and not (everyone and number < NEARER):
                break
            spots = apart([spot for look in batch for spot in self._detector.find(frame, look)])
            nearer = self._confirmed(frame, spots[:PROPOSALS], still)
            found += [face for face in nearer if not any(_same(face, other) for other in found)]
        return sorted(found, key=lambda face: float(face.points[:, 0].mean()))

    def _confirmed(self, frame: Frame, spots: list[Spot], still: bool) -> list[Face]:
        faces: list[Face] = []
        for spot in spots:
            to_crop = crop_at(np.array([spot.x, spot.y]), spot.angle, FACE_SIDE * spot.spread, FACE_SIZE)
            face = close_up(frame, self._landmarks, to_crop, still)
            if face.score >= SURE and _inside(face, frame) and not any(_same(face, other) for other in faces):
                faces.append(face)
        return faces


def choose(faces: list[Face], pick: str | int, last: Points | None) -> Face | None:
    """The face to follow.

    Args:
        faces: From left to right.
        pick: "largest", "left", "right" or a number counting from the left.
        last: Where the face was before it was lost; the nearest one is it. None: nothing was followed yet.

    Returns:
        None where there is no face, or not as many as ``pick`` asks for.
    """
    if not faces:
        return None
    if last is not None:
        centre = last.mean(0)
        return min(faces, key=lambda face: float(np.hypot(*(face.points.mean(0) - centre))))
    if isinstance(pick, int):
        return faces[pick] if 0 <= pick < len(faces) else None
    if pick == "largest":
        return max(faces, key=lambda face: spread(face.points))
    return faces[0] if pick == "left" else faces[-1]


def _same(one: Face, other: Face) -> bool:
    return bool(np.hypot(*(one.points - other.points).T).mean() < 0.5 * spread(other.points))


def _inside(face: Face, frame: Frame) -> bool:
    """Most of the points, and most of the lips, are in the picture."""
    x, y = face.points.T
    seen = (x >= 0) & (y >= 0) & (x < frame.width) & (y < frame.height)
    return bool(seen.mean() > 0.6 and seen[LIPS].mean() > 0.6)
