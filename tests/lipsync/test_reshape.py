"""The reshape engine as a whole, on small clips and saved tracks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lipsync import NoFaceError, Options, Progress, Studio, Take, load
from lipsync.engines import reshape
from lipsync.face import Track
from lipsync.media import open_face
from lipsync.replay import ReplayTracker, drawn
from lipsync.subject import FADE

if TYPE_CHECKING:
    from conftest import Footage

SIZE = (240, 240)


@pytest.fixture(scope="module")
def studio() -> Studio:
    return load(Options(tracker="replay", device="cpu"))


@pytest.fixture
def speech(sample: Path) -> Path:
    return sample / "hello.en.flac"


@pytest.fixture
def cut_speech(footage: Footage, speech: Path) -> Path:
    """The first two seconds of the sample."""
    from lipsync.media import open_speech
    from lipsync.take import Limits

    samples = open_speech(speech, Limits()).samples16k[: 2 * 16000]
    return footage.audio(samples=(samples * 32767).astype(np.int16))


def nothing(progress: Progress) -> None:
    """A report that nobody reads."""


def spoken(studio: Studio, face: Path, speech: Path, name: str = "out") -> tuple[Path, Path]:
    video, poster = face.parent / f"{name}.mp4", face.parent / f"{name}.jpg"
    studio.render(Take(face, speech), video, poster, nothing)
    return video, poster


def lumas(video: Path) -> np.ndarray:
    """(T, H, W) int."""
    return np.array([frame.planes[0].copy() for frame in open_face(video, Options()).frames()]).astype(int)


def test_a_photo_speaks(studio: Studio, footage: Footage, cut_speech: Path) -> None:
    face = footage.video("face.mp4", count=1, size=SIZE)
    stages = []
    take = Take(face, cut_speech)
    render = studio.render(take, face.parent / "a.mp4", face.parent / "a.jpg", lambda p: stages.append(p.stage))
    assert (render.width, render.height) == SIZE
    assert render.frames == render.driven == stages.count("draw")
    assert render.coverage == 1
    assert stages[0] == "look"
    assert abs(render.duration - 2.0) <= 1 / float(render.fps) + 0.01
    frames = lumas(render.video)
    lips = drawn(*SIZE)[:40].round().astype(int)
    mouth = frames[:, lips[:, 1].min() : lips[:, 1].max() + 8, lips[:, 0].min() : lips[:, 0].max()]
    assert mouth.std(0).max() > 8
    assert frames[:, :40].std(0).max() < 3


def test_the_same_bytes_twice(studio: Studio, footage: Footage, cut_speech: Path) -> None:
    face = footage.video("face.mp4", count=12, size=SIZE)
    first, second = spoken(studio, face, cut_speech, "a"), spoken(studio, face, cut_speech, "b")
    assert first[0].read_bytes() == second[0].read_bytes()
    assert first[1].read_bytes() == second[1].read_bytes()


def test_silence_leaves_a_closed_mouth_alone(studio: Studio, footage: Footage) -> None:
    quiet = footage.audio(samples=np.zeros(16000, np.int16))
    face = footage.video("face.mp4", count=1, size=SIZE)
    frames = lumas(spoken(studio, face, quiet)[0])
    assert frames.std(0).max() < 3


def test_frames_without_a_face_pass_and_are_counted(
    monkeypatch: pytest.MonkeyPatch, footage: Footage, cut_speech: Path
) -> None:
    count, gone = 60, slice(20, 30)
    face = footage.video("face.mp4", count=count, size=SIZE)
    points = np.repeat(drawn(*SIZE)[None], count, axis=0)
    present = np.ones(count, bool)
    present[gone] = False
    points[gone] = np.nan
    track = Track(points, np.ones(count, np.float32), present, np.zeros(count, bool))
    monkeypatch.setattr(reshape, "load_tracker", lambda *_: ReplayTracker(track=track))
    studio = load(Options(device="cpu"))
    render = studio.render(Take(face, cut_speech), face.parent / "a.mp4", face.parent / "a.jpg", nothing)
    assert render.frames == 50
    assert render.driven == 40
    assert any("80%" in text for text in render.warnings)


def test_a_face_that_can_never_be_driven_is_no_result(
    monkeypatch: pytest.MonkeyPatch, footage: Footage, cut_speech: Path
) -> None:
    """Else somebody gets, and perhaps pays for, a video in which no mouth moves."""
    count = 5
    face = footage.video("face.mp4", count=count, size=SIZE)
    points = np.repeat(0.1 * drawn(*SIZE)[None] + 100, count, axis=0)
    track = Track(points, np.ones(count, np.float32), np.ones(count, bool), np.zeros(count, bool))
    monkeypatch.setattr(reshape, "load_tracker", lambda *_: ReplayTracker(track=track))
    with pytest.raises(NoFaceError, match="hidden, turned away or too small"):
        spoken(load(Options(tracker="replay", device="cpu")), face, cut_speech)


def test_the_warp_fades_beside_a_gap_but_not_across_a_cut() -> None:
    from lipsync.subject import anatomy, subject_of

    count = 40
    points = np.repeat(drawn(*SIZE)[None], count, axis=0)
    present, cuts = np.ones(count, bool), np.zeros(count, bool)
    present[10:12] = False
    cuts[25] = True
    points[~present] = np.nan
    strength = subject_of(Track(points, np.ones(count, np.float32), present, cuts), anatomy()).strength
    assert (strength[10:12] == 0).all()
    assert np.abs(np.diff(strength)).max() <= 1 / FADE + 1e-9
    assert (strength[20:30] == 1).all()
    assert strength[9] < strength[6] < 1


def test_a_small_face_is_said(monkeypatch: pytest.MonkeyPatch, footage: Footage, cut_speech: Path) -> None:
    face = footage.video("face.mp4", count=1, size=(120, 120))
    studio = load(Options(tracker="replay", device="cpu"))
    render = studio.render(Take(face, cut_speech), face.parent / "a.mp4", face.parent / "a.jpg", nothing)
    assert any("px between the eyes" in text for text in render.warnings)


def test_many_faces_hear_the_speech_once(footage: Footage, cut_speech: Path) -> None:
    studio = load(Options(tracker="replay", device="cpu"))
    for number in range(3):
        face = footage.video(f"face{number}.mp4", count=3, size=(96, 96))
        spoken(studio, face, cut_speech, f"out{number}")
    assert studio.speeches_heard == 1


def test_the_poster_shows_an_open_mouth(studio: Studio, footage: Footage, cut_speech: Path) -> None:
    face = footage.video("face.mp4", count=1, size=SIZE)
    render = studio.render(Take(face, cut_speech), face.parent / "a.mp4", face.parent / "a.jpg", nothing)
    frames = lumas(render.video)
    lips = drawn(*SIZE)[20:40].round().astype(int)
    dark = (frames[:, lips[:, 1].min() - 2 : lips[:, 1].max() + 8, lips[:, 0].min() : lips[:, 0].max()] < 90).sum(
        (1, 2)
    )
    shown = int(render.poster_at * float(render.fps))
    assert dark[shown] >= 0.7 * dark.max() > 0
