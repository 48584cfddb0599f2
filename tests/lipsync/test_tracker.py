"""One person through all frames: the contract of every tracker, and what ours does with cuts, gaps and crowds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync.errors import EngineError, MediaError, NoFaceError
from lipsync.face import LIPS, K
from lipsync.media import Frame
from lipsync.plugin import names
from lipsync.replay import ReplayTracker, read, save
from lipsync.tracker import LandmarkTracker, Tracker, load_tracker
from tests.lipsync.fake_alignment import truthful

Picture = np.ndarray
WALL = np.full((256, 256, 3), (90, 120, 140), np.uint8)


@pytest.fixture(scope="module")
def tracker() -> LandmarkTracker:
    return LandmarkTracker("cpu")


@pytest.fixture(scope="module")
def face(sample: Path) -> Picture:
    """256 x 256, one face."""
    portrait = cv2.cvtColor(cv2.imread(str(sample / "astronaut.jpg")), cv2.COLOR_BGR2RGB)
    return cv2.resize(portrait[:320, 64:384], (256, 256), interpolation=cv2.INTER_AREA)


def shown(*pictures: Picture) -> list[Frame]:
    return [Frame.from_rgb(picture) for picture in pictures]


def silent(_: int) -> None:
    """A report nobody reads."""


def moved(picture: Picture, x: float, y: float = 0.0) -> Picture:
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    return cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


# --- every tracker -----------------------------------------------------------


@pytest.mark.parametrize("name", names("lipsyncd.trackers"))
def test_contract(name: str, face: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """All keep it; face-alignment with a network that sees what ours see, for its weights could not be had here."""
    truthful(monkeypatch)
    one = load_tracker(name, "cpu")
    assert isinstance(one, Tracker)
    told: list[int] = []
    frames = iter(shown(face, face, moved(face, 2)))
    track = one.track(frames, "largest", told.append)
    assert told == [1, 2, 3]
    assert len(track) == 3
    assert (track.points.shape, track.points.dtype) == ((3, K, 2), np.float32)
    assert (track.score.shape, track.present.shape, track.cuts.shape) == ((3,), (3,), (3,))
    assert track.present.all()
    assert np.isfinite(track.points).all()
    assert ((track.score > 0.5) & (track.score <= 1)).all()
    assert track.cuts.tolist() == [True, False, False]
    assert all(weights.sha256 and weights.licence for weights in one.weights)
    again = one.track(shown(face, face, moved(face, 2)), "largest", silent)
    assert np.array_equal(track.points, again.points)


def test_auto_is_our_own() -> None:
    assert isinstance(load_tracker("auto", "cpu"), LandmarkTracker)


def test_an_unknown_tracker_is_named() -> None:
    with pytest.raises(EngineError, match="magic"):
        load_tracker("magic", "cpu")


# --- ours --------------------------------------------------------------------


def test_a_still_picture_gives_the_same_points_bit_for_bit(tracker: LandmarkTracker, face: Picture) -> None:
    track = tracker.track(shown(*[face] * 5), "largest", silent)
    assert (track.points == track.points[0]).all()


def test_a_photo_is_read_like_the_first_frame_of_a_video_but_better(tracker: LandmarkTracker, face: Picture) -> None:
    photo = tracker.track(shown(face), "largest", silent)
    video = tracker.track(shown(face, face), "largest", silent)
    off = np.hypot(*(photo.points[0] - video.points[0]).T).mean() / photo.iod[0]
    assert 0 < off < 0.03


def test_a_mirrored_photo_gives_mirrored_points(tracker: LandmarkTracker, face: Picture) -> None:
    one = tracker.track(shown(face), "largest", silent)
    other = tracker.track(shown(np.ascontiguousarray(face[:, ::-1])), "largest", silent)
    corners = one.points[0, [0, 10], 0]
    assert np.abs(255 - other.points[0, [10, 0], 0] - corners).max() < 0.04 * one.iod[0]


def test_points_follow_the_face(tracker: LandmarkTracker, face: Picture) -> None:
    steps = np.arange(0, 40, 4.0)
    track = tracker.track(shown(*[moved(face, step, step / 2) for step in steps]), "largest", silent)
    off = track.points - track.points[0] - np.column_stack([steps, steps / 2])[:, None]
    assert not track.cuts[1:].any()
    assert np.abs(off[:, LIPS]).mean() < 0.03 * track.iod[0]


def test_faceless_frames_are_absent_and_the_face_is_found_again(tracker: LandmarkTracker, face: Picture) -> None:
    track = tracker.track(shown(WALL, face, face, WALL, WALL, face, face), "largest", silent)
    assert track.present.tolist() == [False, True, True, False, False, True, True]
    assert track.cuts.tolist() == [False, True, False, True, False, True, False], "cuts are cuts, whoever is there"
    assert np.isnan(track.points[~track.present]).all()
    assert (track.score[~track.present] < 0.5).all()


def test_a_cut_begins_anew(tracker: LandmarkTracker, face: Picture) -> None:
    other = np.ascontiguousarray(cv2.resize(face[40:, :216], (256, 256))[:, ::-1])
    track = tracker.track(shown(face, face, other, other), "largest", silent)
    assert track.cuts.tolist() == [True, False, True, False]
    assert track.present.all()


def crowd(face: Picture) -> Picture:
    """A smaller face at the left, a larger one at the right."""
    picture = np.full((256, 470, 3), 90, np.uint8)
    picture[30:226, 10:206] = cv2.resize(face, (196, 196), interpolation=cv2.INTER_AREA)
    picture[:, 214:] = face
    return picture


@pytest.mark.parametrize(
    ("pick", "side"), [("largest", "right"), ("left", "left"), ("right", "right"), (0, "left"), (1, "right")]
)
def test_pick_chooses_among_faces(tracker: LandmarkTracker, face: Picture, pick: str | int, side: str) -> None:
    picture = crowd(face)
    track = tracker.track(shown(picture, picture), pick, silent)
    assert ("left" if track.points[0, :, 0].mean() < 210 else "right") == side


def test_a_pick_that_is_not_there_says_how_many_are(tracker: LandmarkTracker, face: Picture) -> None:
    with pytest.raises(NoFaceError, match="only 2 faces") as caught:
        tracker.track(shown(crowd(face)), 5, silent)
    assert "up to 1" in caught.value.hint


@pytest.mark.parametrize("count", [1, 3])
def test_no_face_anywhere_is_an_error_with_a_hint(tracker: LandmarkTracker, count: int) -> None:
    with pytest.raises(NoFaceError, match="no usable face") as caught:
        tracker.track(shown(*[WALL] * count), "largest", silent)
    assert "looks at the camera" in caught.value.hint


def test_a_clip_is_followed_from_end_to_end(tracker: LandmarkTracker, sample: Path) -> None:
    from lipsync.media import open_face
    from lipsync.take import Options

    track = tracker.track(open_face(sample / "astronaut.mp4", Options()).frames(), "largest", silent)
    assert track.present.all()
    assert track.cuts.sum() == 1
    assert np.abs(np.diff(track.points, n=2, axis=0)).mean() < 0.03 * track.iod.mean()


# --- replay ------------------------------------------------------------


def test_a_track_can_be_saved_and_replayed(tmp_path: Path, face: Picture) -> None:
    frames = shown(face, face)
    track = ReplayTracker().track(frames, "largest", silent)
    save(track, tmp_path / "face.points.npz")
    again = ReplayTracker(track=read(tmp_path / "face.points.npz")).track(frames, "largest", silent)
    assert np.array_equal(track.points, again.points)
    with pytest.raises(NoFaceError):
        ReplayTracker(track=again).track([*frames, *frames], "largest", silent)


def test_something_else_is_no_saved_track(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"no track")
    with pytest.raises(MediaError, match=r"x\.npz"):
        read(tmp_path / "x.npz")
