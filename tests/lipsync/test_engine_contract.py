"""What every engine promises, held against all that are installed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lipsync
from lipsync import Engine, EngineError, LipsyncError, Marks, MediaError, Options, Progress, Take
from lipsync.label import label_for
from lipsync.media import open_face, probe_video

if TYPE_CHECKING:
    from conftest import Footage

ENGINES = ["null", "reshape"]


def options(engine: str) -> Options:
    return Options(engine=engine, tracker="replay", device="cpu")


@pytest.fixture(scope="module", params=ENGINES)
def studio(request: pytest.FixtureRequest) -> lipsync.Studio:
    return lipsync.load(options(request.param))


def test_all_engines_are_found() -> None:
    assert set(ENGINES) <= set(lipsync.engine_names())


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_an_engine(name: str) -> None:
    from lipsync import plugin

    assert isinstance(plugin.find("lipsyncd.engines", name)(options(name)), Engine)


def test_facts(studio: lipsync.Studio) -> None:
    facts = studio.facts
    assert facts.name in ENGINES
    assert facts.version
    for weights in facts.weights:
        assert len(weights.sha256) == 64
        assert weights.licence


@pytest.mark.parametrize("face_name", ["photo.jpg", "short.mp4", "long.mp4"])
def test_the_video_is_what_was_asked_for(studio: lipsync.Studio, footage: Footage, face_name: str) -> None:
    import cv2

    face = footage.folder / face_name
    if face_name == "photo.jpg":
        cv2.imwrite(str(face), footage.picture(1, 96, 90))
    else:
        footage.video(face_name, count=7 if face_name == "short.mp4" else 60, size=(96, 90))
    speech = footage.audio(seconds=1.3)
    seen: list[Progress] = []
    render = studio.render(Take(face, speech), footage.folder / "out.mp4", footage.folder / "out.jpg", seen.append)
    facts = probe_video(render.video)
    assert (facts.width, facts.height) == (render.width, render.height) == (96, 90)
    assert facts.frames == render.frames
    assert facts.has_audio
    assert 0 <= float(facts.duration) - 1.3 <= 1 / float(render.fps) + 0.001
    assert 0 <= render.driven <= render.frames
    assert 0 <= render.poster_at <= render.duration
    assert render.engine == studio.facts
    shares = [progress.share for progress in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert sorted(path.name for path in footage.folder.iterdir() if path.name.startswith((".", "out"))) == [
        "out.jpg",
        "out.mp4",
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_draws_the_label(engine: str, footage: Footage) -> None:
    marks = Marks(visible=True, preset="cn")
    studio = lipsync.load(replace(options(engine), marks=marks, quality=10))
    face, speech = footage.video("face.mp4", count=8, size=(192, 144)), footage.audio(seconds=0.4)
    render = studio.render(Take(face, speech), footage.folder / "o.mp4", footage.folder / "o.jpg", lambda _: None)
    assert render.label_at == "top right"
    assert render.marks == marks
    label = label_for(marks, (192, 144), place=render.label_at)
    assert label is not None
    letters = label.plate.rgb.mean(-1) * label.plate.cover > 250
    x0, y0, x1, y1 = label.box
    for frame in open_face(render.video, options(engine)).frames():
        assert frame.planes[0][y0:y1, x0:x1][letters].mean() > 190


def test_a_face_that_is_no_face_file(studio: lipsync.Studio, footage: Footage) -> None:
    face = footage.folder / "face.mp4"
    face.write_text("not a video")
    out = footage.folder / "out.mp4"
    with pytest.raises(MediaError) as caught:
        studio.render(Take(face, footage.audio()), out, footage.folder / "out.jpg", lambda _: None)
    assert "face.mp4" in caught.value.message
    assert str(footage.folder) not in str(caught.value)
    assert not out.exists()
    assert not list(footage.folder.glob(".*"))


def test_a_missing_speech(studio: lipsync.Studio, footage: Footage) -> None:
    face = footage.video("face.mp4", count=3)
    with pytest.raises(LipsyncError, match=r"gone\.wav"):
        studio.render(Take(face, Path("gone.wav")), face.parent / "o.mp4", face.parent / "o.jpg", lambda _: None)


def test_a_failed_take_does_not_spoil_the_next(studio: lipsync.Studio, footage: Footage) -> None:
    face, speech = footage.video("face.mp4", count=3, size=(96, 90)), footage.audio(seconds=0.3)
    broken = footage.folder / "broken.mp4"
    broken.write_bytes(face.read_bytes()[:300])
    with pytest.raises(LipsyncError):
        studio.render(Take(broken, speech), face.parent / "a.mp4", face.parent / "a.jpg", lambda _: None)
    assert studio.render(Take(face, speech), face.parent / "b.mp4", face.parent / "b.jpg", lambda _: None).frames > 0


def test_an_unknown_engine_is_answered_with_the_known_ones() -> None:
    with pytest.raises(EngineError, match=r"no engine called 'reshap'.*null.*reshape"):
        lipsync.load(Options(engine="reshap"))
