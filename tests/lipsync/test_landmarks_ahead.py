"""Frames read before anyone asks give the track that frames read one by one give, with far fewer questions."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import daemon.sample
from lipsync import Options, tracker
from lipsync.detector import Detector
from lipsync.face import Track
from lipsync.landmarks import Landmarks
from lipsync.landmarks_ahead import MOST, LandmarksAhead
from lipsync.media import Frame, open_face

SAMPLE = Path(daemon.sample.__file__).parent
COUNT = 30


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Somebody who moves a little."""
    return list(islice(open_face(SAMPLE / "astronaut.mp4", Options(device="cpu")).frames(), COUNT))


def follow(given: list[Frame], landmarks: type[Landmarks]) -> Track:
    made = tracker.LandmarkTracker.__new__(tracker.LandmarkTracker)
    made._settle("cpu", Detector("cpu"), landmarks("cpu"))
    return made.track(iter(given), "largest", lambda number: None)


@pytest.fixture(scope="module")
def wanted(frames: list[Frame]) -> Track:
    return follow(frames, Landmarks)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many crops the networks were given at once, each time."""
    sizes: list[int] = []
    answers = LandmarksAhead._answers

    def counted(self: LandmarksAhead, net: torch.nn.Module, crops: np.ndarray) -> np.ndarray:
        sizes.append(len(crops))
        return answers(self, net, crops)

    monkeypatch.setattr(LandmarksAhead, "_answers", counted)
    return sizes


def alike(one: Track, other: Track) -> None:
    np.testing.assert_array_equal(one.present, other.present)
    np.testing.assert_array_equal(one.cuts, other.cuts)
    np.testing.assert_allclose(one.points, other.points, atol=0.05)
    np.testing.assert_allclose(one.score, other.score, atol=0.01)


def test_the_same_track_with_fewer_questions(frames: list[Frame], wanted: Track, asked: list[int]) -> None:
    alike(follow(frames, LandmarksAhead), wanted)
    assert 4 <= max(asked) <= MOST
    assert len(asked) < COUNT, "two for each frame otherwise"


def test_a_cut_and_somebody_who_goes(frames: list[Frame], asked: list[int]) -> None:
    empty = Frame(np.full_like(frames[0].data, 90), frames[0].colour)
    mirrored = [Frame.from_rgb(np.ascontiguousarray(frame.rgb()[:, ::-1])) for frame in frames[:6]]
    reel = [*frames[:9], empty.copy(), empty.copy(), *mirrored, *frames[14:20]]
    alike(follow(reel, LandmarksAhead), follow(reel, Landmarks))
    assert max(asked) > 1


def test_one_by_one_where_memory_is_short(frames: list[Frame], wanted: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = LandmarksAhead._answers

    def tight(self: LandmarksAhead, net: torch.nn.Module, crops: np.ndarray) -> np.ndarray:
        if len(crops) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return answers(self, net, crops)

    monkeypatch.setattr(LandmarksAhead, "_answers", tight)
    few = follow(frames[:12], LandmarksAhead)
    np.testing.assert_allclose(few.points[:8], wanted.points[:8], atol=0.3)  # steadied with what comes after


def test_a_photo_and_the_same_again(frames: list[Frame]) -> None:
    alike(follow(frames[:1], LandmarksAhead), follow(frames[:1], Landmarks))
    made = tracker.LandmarkTracker.__new__(tracker.LandmarkTracker)
    made._settle("cpu", Detector("cpu"), LandmarksAhead("cpu"))
    first, second = (made.track(iter(frames[:8]), "largest", lambda number: None) for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)


def test_a_cpu_reads_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(tracker.LandmarkTracker("cpu")._landmarks) is Landmarks
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert type(tracker.LandmarkTracker("auto")._landmarks) is Landmarks


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_sees_the_same(frames: list[Frame], wanted: Track) -> None:
    seen = tracker.LandmarkTracker("cuda")
    assert isinstance(seen._landmarks, LandmarksAhead)
    alike(seen.track(iter(frames), "largest", lambda number: None), wanted)
