"""Something before the mouth: the mouth is left alone there, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from lipsync.face import LIPS, Track
from lipsync.media import Frame, open_face
from lipsync.subject import FADE, anatomy, subject_of
from lipsync.take import Options
from lipsync.tracker import LandmarkTracker

GRID = Path(__file__).parents[3] / "shared" / "data" / "clips" / "grid"
COMES, THERE, LEAVES, GONE = 12, 19, 30, 37
"""Frames: it comes into the picture, is over the mouth, begins to leave, has left."""

Picture = np.ndarray
Paint = Callable[[Picture, np.ndarray, float, tuple[int, ...]], None]


@pytest.fixture(scope="module")
def tracker() -> LandmarkTracker:
    return LandmarkTracker("cpu")


def hand(picture: Picture, at: np.ndarray, size: float, skin: tuple[int, ...]) -> None:
    """Four fingers and the back of a hand in the face's own colour."""
    for finger in range(4):
        centre = (int(at[0]), int(at[1] + (finger - 1.5) * size * 0.28))
        axes = (int(size * 0.75), int(size * 0.16))
        cv2.ellipse(picture, centre, axes, 0, 0, 360, tuple(int(c * (1 - 0.1 * (finger % 2))) for c in skin), -1)
        cv2.ellipse(picture, centre, axes, 0, 0, 360, tuple(int(c * 0.6) for c in skin), 1, cv2.LINE_AA)
    low, high = at + size * np.array([0.6, -0.6]), at + size * np.array([2.5, 0.6])
    cv2.rectangle(picture, low.astype(int).tolist(), high.astype(int).tolist(), skin, -1)


def box(colour: tuple[int, int, int]) -> Paint:
    def paint(picture: Picture, at: np.ndarray, size: float, _: tuple[int, ...]) -> None:
        low, high = at - size * np.array([0.8, 0.5]), at + size * np.array([0.8, 1.1])
        cv2.rectangle(picture, low.astype(int).tolist(), high.astype(int).tolist(), colour, -1)

    return paint


def microphone(picture: Picture, at: np.ndarray, size: float, _: tuple[int, ...]) -> None:
    foot = (at + size * np.array([0.6, 3.0])).astype(int).tolist()
    cv2.line(picture, at.astype(int).tolist(), foot, (22, 22, 25), max(2, int(size * 0.3)))
    cv2.circle(picture, at.astype(int).tolist(), int(size * 0.52), (32, 32, 36), -1, cv2.LINE_AA)


THINGS: dict[str, Paint] = {
    "hand": hand,
    "sheet": box((236, 236, 230)),
    "cup": box((40, 60, 150)),
    "microphone": microphone,
}


def passing(pictures: list[Picture], track: Track, paint: Paint, near: float = 0.0) -> list[Picture]:
    """The pictures with a thing that comes from below, stays before the mouth (or ``near`` it, in IOD) and leaves."""
    out = []
    for number, picture in enumerate(pictures):
        lips, size = track.points[number][LIPS].mean(0), float(track.iod[number]) * 0.62
        x, y = track.points[number][66:78].mean(0).astype(int)
        skin = tuple(int(c) for c in picture[y, x])
        away = float(np.interp(number, [COMES, THERE - 2, LEAVES + 2, GONE], [1, 0, 0, 1]))
        painted = picture.copy()
        if COMES <= number < GONE:
            paint(painted, lips + size * away * np.array([2.4, 1.8]) + [0, near * size / 0.62], size, skin)
        out.append(painted)
    return out


def strength(tracker: LandmarkTracker, pictures: list[Picture]) -> np.ndarray:
    track = tracker.track([Frame.from_rgb(picture) for picture in pictures], "largest", lambda _: None)
    return subject_of(track, anatomy()).strength


def check(tracker: LandmarkTracker, pictures: list[Picture], name: str) -> None:
    frames = [Frame.from_rgb(picture) for picture in pictures]
    track = tracker.track(frames, "largest", lambda _: None)
    assert (subject_of(track, anatomy()).strength == 1).all(), "nothing is before it"
    driven = strength(tracker, passing(pictures, track, THINGS[name]))
    assert (driven[THERE : LEAVES + 1] == 0).all(), driven.round(2)
    assert np.abs(np.diff(driven)).max() <= 1 / FADE + 1e-6
    assert (driven[: COMES - 4] == 1).all()
    assert (driven[GONE + 4 :] == 1).all()


@pytest.fixture(scope="module")
def clip(sample: Path) -> list[Picture]:
    frames = open_face(sample / "astronaut.mp4", Options()).frames()
    pictures = [cv2.resize(frame.rgb(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in frames]
    return pictures[:46]


@pytest.mark.parametrize("name", THINGS)
def test_a_covered_mouth_is_left_alone(tracker: LandmarkTracker, clip: list[Picture], name: str) -> None:
    check(tracker, clip, name)


@pytest.mark.skipif(not GRID.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(("file", "name"), [("lbax4n.mpg", "hand"), ("bbab8n.mpg", "microphone")])
def test_a_covered_mouth_of_a_real_speaker_is_left_alone(tracker: LandmarkTracker, file: str, name: str) -> None:
    with av.open(str(GRID / file)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][:46]
    check(tracker, pictures, name)


def test_a_microphone_below_the_mouth_covers_nothing(tracker: LandmarkTracker, clip: list[Picture]) -> None:
    track = tracker.track([Frame.from_rgb(picture) for picture in clip], "largest", lambda _: None)
    assert (strength(tracker, passing(clip, track, microphone, near=0.85)) == 1).mean() > 0.9


def test_a_photo_is_compared_with_nothing(tracker: LandmarkTracker, clip: list[Picture]) -> None:
    track = tracker.track([Frame.from_rgb(clip[0])], "largest", lambda _: None)
    assert track.covered is not None
    assert (track.covered == 0).all()
