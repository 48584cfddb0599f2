"""A reading says how far off its points may be, and that is worth something."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync.face import EYE_L, EYE_R, LIPS
from lipsync.landmarks import Landmarks, Reading
from lipsync.media import Frame


@pytest.fixture(scope="module")
def landmarks() -> Landmarks:
    return Landmarks()


@pytest.fixture(scope="module")
def portrait(sample: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(sample / "astronaut.jpg")), cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def face(portrait: np.ndarray, landmarks: Landmarks) -> np.ndarray:
    from lipsync.detector import Detector
    from lipsync.search import Search

    (one,) = Search(Detector(), landmarks).faces(Frame.from_rgb(portrait), still=True)
    return one.points


def mouth(landmarks: Landmarks, picture: np.ndarray, points: np.ndarray) -> Reading:
    return landmarks.mouth(Frame.from_rgb(np.ascontiguousarray(picture)), points)


def test_a_sharp_mouth_is_read_to_a_few_hundredths_of_the_iod(
    landmarks: Landmarks, portrait: np.ndarray, face: np.ndarray
) -> None:
    iod = np.hypot(*(face[EYE_L[0]] - face[EYE_R[0]]))
    assert 0 < mouth(landmarks, portrait, face).off < 0.03 * iod


def test_a_smeared_mouth_is_expected_to_be_read_worse_and_is(
    landmarks: Landmarks, portrait: np.ndarray, face: np.ndarray
) -> None:
    iod = float(np.hypot(*(face[EYE_L[0]] - face[EYE_R[0]])))
    sharp = mouth(landmarks, portrait, face)
    smeared = mouth(landmarks, cv2.GaussianBlur(portrait, (0, 0), 0.12 * iod), face)
    moved = np.hypot(*(smeared.points - face[LIPS]).T).mean() - np.hypot(*(sharp.points - face[LIPS]).T).mean()
    assert moved > 0
    assert smeared.off > 1.3 * sharp.off


def test_the_expected_error_is_in_pixels_of_the_picture(
    landmarks: Landmarks, portrait: np.ndarray, face: np.ndarray
) -> None:
    half = cv2.resize(portrait, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    small = mouth(landmarks, half, (face + 0.5) / 2 - 0.5)
    assert mouth(landmarks, portrait, face).off == pytest.approx(2 * small.off, rel=0.4)
