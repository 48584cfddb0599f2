"""What every engine promises, held against all that are installed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lipsync
from lipsync import (
    Engine,
    EngineError,
    LimitError,
    Limits,
    LipsyncError,
    Marks,
    MediaError,
    Options,
    Program,
    Progress,
    Take,
)
from lipsync.face import EYE_L, Track
from lipsync.label import label_for
from lipsync.media import Frame, Source, open_face, open_speech, probe_video
from lipsync.replay import ReplayTracker, drawn
from lipsync.wav2lip.generator import Generator

if TYPE_CHECKING:
    from conftest import Footage

ENGINES = ["null", "reshape", "wav2lip", "command"]
DRIVING = ["reshape", "wav2lip"]
"""They look for the face and move its mouth. The program that stands in for all others here passes its video on; a real
one looks for the face by itself, so that no tracker of ours hears whose is meant, nor which frames have none."""
OFF = {"command": 8}
"""Levels by which a picture may differ that an engine has left alone. A program reads a video and writes a video, so
that nothing it leaves alone comes back as the same bytes: this much is lost by encoding twice."""
ASTRAY = {"command": 0.5}
"""The same on average, where usually not more than a tenth of a level is borne."""
READ = {"command": "frames"}
"""How an engine reads what it draws upon, if not at the take's pace: a program's video is as long as the take."""
PROGRAM = """
import shutil, sys, wave
face, audio, output = sys.argv[1:]
if face.endswith(".mp4"):
    shutil.copy(face, output)
    sys.exit()
import av
with wave.open(audio) as heard:
    count = round(25 * heard.getnframes() / heard.getframerate())
picture = next(av.open(face).decode(video=0)).reformat(format="yuv420p")
with av.open(output, "w") as film:
    stream = film.add_stream("libx264", 25, options={"crf": "10"})
    stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
    for picture.pts in range(max(1, count)):
        film.mux(stream.encode(picture))
    film.mux(stream.encode())
"""
"""The simplest program for the engine "command": what it is given comes out again, as long as the speech."""
SIZE = (160, 160)
AHEAD = 64
"""Frames that may be under way at once, however long the video."""

Choose = Callable[[str], Options]


@pytest.fixture(scope="session")
def options(checkpoint: Path) -> Choose:
    """Gives the options of an engine; the weights are random."""
    script = checkpoint.with_name("passes_on.py")
    script.write_text(PROGRAM)
    program = Program((sys.executable, str(script), "{face}", "{audio}", "{output}"))
    usual = Options(tracker="replay", device="cpu", checkpoint=str(checkpoint), program=program)
    return lambda engine: replace(usual, engine=engine)


@pytest.fixture(scope="module", params=ENGINES)
def studio(request: pytest.FixtureRequest, options: Choose) -> lipsync.Studio:
    return lipsync.load(options(request.param))


@pytest.fixture
def words(footage: Footage, sample: Path) -> Callable[[float], Path]:
    """Gives a speech of so many seconds."""
    samples = open_speech(sample / "hello.en.flac", Limits()).samples16k

    def spoken(seconds: float) -> Path:
        part = np.resize(samples[4000:], round(seconds * 16000))
        return footage.audio(f"words{seconds}.wav", samples=(part * 32767).astype(np.int16))

    return spoken


class Handed:
    """What an engine hands to the encoder: its frames, before anything is lost."""

    def __init__(self, studio: lipsync.Studio, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frames: list[Frame] = []
        self.ahead = 0
        self._decoded: dict[int, int] = {}
        self._engine = studio._engine
        way = READ.get(studio.facts.name, "play")
        usual = getattr(Source, way)

        def counted(source: Source, *which: Sequence[int]) -> Iterator[Frame]:
            self._decoded[id(source)] = 0  # a look at some frames before counts for itself
            for frame in usual(source, *which):
                self._decoded[id(source)] += 1
                yield frame

        monkeypatch.setattr(Source, way, counted)
        monkeypatch.setattr(sys.modules[type(self._engine).__module__], "write_video", self._keep)

    def of(self, take: Take) -> lipsync.Render:
        self.frames.clear()
        return self._engine.render(take, Path("nowhere.mp4"), nothing)

    def _keep(self, path: Path, source: Source, line: object, frames: Iterator[Frame], *rest: object) -> None:
        for frame in frames:
            self.frames.append(frame)
            self.ahead = max(self.ahead, max(self._decoded.values(), default=0) - len(self.frames))


@pytest.fixture
def handed(studio: lipsync.Studio, monkeypatch: pytest.MonkeyPatch) -> Handed:
    return Handed(studio, monkeypatch)


def nothing(progress: Progress) -> None:
    """A report that nobody reads."""


def left_alone(engine: str, frame: Frame, own: Frame) -> bool:
    """Whether a frame came through as it was."""
    off = np.abs(frame.data.astype(int) - own.data)
    return bool(off.max() <= OFF.get(engine, 0))


def sources(face: Path, numbers: Sequence[int]) -> list[Frame]:
    return list(open_face(face, Options()).play(numbers))


def test_all_engines_are_found() -> None:
    assert set(ENGINES) <= set(lipsync.engine_names())


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_an_engine(name: str, options: Choose) -> None:
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
def test_every_engine_draws_the_label(engine: str, footage: Footage, options: Choose) -> None:
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
    for frame in open_face(render.video, Options()).frames():
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


@pytest.mark.parametrize(
    ("fps", "stamps"),
    [
        (Fraction(24000, 1001), None),
        (Fraction(30), None),
        (Fraction(25), [0, 40, 90, 120, 200, 210, 260, 300, 310, 400, 420, 480, 500, 560, 600]),
    ],
)
def test_a_video_keeps_its_own_times(
    studio: lipsync.Studio,
    footage: Footage,
    words: Callable[[float], Path],
    fps: Fraction,
    stamps: list[int] | None,
) -> None:
    tick = Fraction(1, 1000) if stamps else None
    face = footage.video("face.mp4", count=15, size=SIZE, fps=fps, stamps=stamps, tick=tick)
    render = studio.render(Take(face, words(0.4)), footage.folder / "o.mp4", footage.folder / "o.jpg", nothing)
    shown, own = open_face(render.video, Options()), open_face(face, Options())
    assert np.allclose(np.array(shown.times, float), np.array(own.times[: len(shown)], float), 0, 1e-3)
    assert stamps or shown.fps == render.fps == fps
    assert len(shown) == render.frames
    assert render.driven in (0, render.frames)


def test_a_video_that_lies_on_its_side(
    studio: lipsync.Studio, footage: Footage, words: Callable[[float], Path]
) -> None:
    face = footage.video("face.mp4", count=4, size=(128, 96), rotation=90)
    render = studio.render(Take(face, words(0.2)), footage.folder / "o.mp4", footage.folder / "o.jpg", nothing)
    facts = probe_video(render.video)
    assert (facts.width, facts.height) == (render.width, render.height) == (96, 128)


def test_frames_without_a_face_pass_untouched(
    studio: lipsync.Studio, handed: Handed, footage: Footage, words: Callable[[float], Path]
) -> None:
    count, gone = 40, range(15, 22)
    face = footage.video("face.mp4", count=count, size=SIZE)
    points, present = np.repeat(drawn(*SIZE)[None], count, axis=0), np.ones(count, bool)
    points[list(gone)], present[list(gone)] = np.nan, False
    track = Track(points, np.ones(count, np.float32), present, np.arange(count) == 0)
    engine = studio._engine
    usual = getattr(engine, "_tracker", None)
    engine._tracker = ReplayTracker(track=track)
    try:
        render = handed.of(Take(face, words(1.6)))
    finally:
        engine._tracker = usual
    assert render.frames == count == len(handed.frames)
    assert render.driven == (count - len(gone) if studio.facts.name in DRIVING else 0)
    assert not render.driven or any("of the frames" in text for text in render.warnings)
    brow = int(drawn(*SIZE)[EYE_L, 1].min())
    changed = set()
    for number, (frame, own) in enumerate(zip(handed.frames, sources(face, range(count)), strict=True)):
        assert np.abs(frame.planes[0][:brow].astype(int) - own.planes[0][:brow]).max() <= OFF.get(studio.facts.name, 0)
        if not left_alone(studio.facts.name, frame, own):
            changed.add(number)
    assert not changed & set(gone)
    assert bool(changed) == (studio.facts.name in DRIVING)


def test_nobody_moves_their_mouth_in_silence(studio: lipsync.Studio, handed: Handed, footage: Footage) -> None:
    face = footage.video("face.mp4", count=1, size=SIZE)
    (own,) = sources(face, [0])
    handed.of(Take(face, footage.audio(samples=np.zeros(8000, np.int16))))
    assert len(handed.frames) == 13
    engine, first = studio.facts.name, handed.frames[0]
    assert all(np.abs(frame.data - own.data.astype(int)).mean() < ASTRAY.get(engine, 0.1) for frame in handed.frames)
    assert all(left_alone(engine, frame, first) for frame in handed.frames)


def test_the_same_bytes_twice(studio: lipsync.Studio, footage: Footage, words: Callable[[float], Path]) -> None:
    take, out = Take(footage.video("face.mp4", count=9, size=SIZE), words(0.5)), []
    for name in "ab":
        video, poster = footage.folder / f"{name}.mp4", footage.folder / f"{name}.jpg"
        studio.render(take, video, poster, nothing)
        out.append((video.read_bytes(), poster.read_bytes()))
    assert out[0] == out[1]


class Enough(Exception):
    """Somebody has had enough."""


@pytest.mark.parametrize("stage", ["look", "draw"])
def test_a_take_is_cancelled(
    studio: lipsync.Studio, footage: Footage, words: Callable[[float], Path], stage: str
) -> None:
    if stage == "look" and studio.facts.name == "null":
        pytest.skip("this engine looks for no face")
    face, speech = footage.video("face.mp4", count=30, size=SIZE), words(1.2)
    before, there = set(threading.enumerate()), set(footage.folder.iterdir())

    def report(progress: Progress) -> None:
        if progress.stage == stage and progress.frame >= 3:  # a program's progress is guessed: it leaps
            raise Enough

    with pytest.raises(Enough) as caught:
        studio.render(Take(face, speech), footage.folder / "o.mp4", footage.folder / "o.jpg", report)
    assert set(footage.folder.iterdir()) == there
    assert set(threading.enumerate()) <= before, caught  # although what was raised is still held


def test_few_frames_are_held_however_long_the_video(
    monkeypatch: pytest.MonkeyPatch,
    studio: lipsync.Studio,
    handed: Handed,
    footage: Footage,
    words: Callable[[float], Path],
) -> None:
    monkeypatch.setattr(Generator, "draw", lambda self, mels, faces: faces // 2)
    face = footage.video("face.mp4", count=100, size=(96, 96))
    render = handed.of(Take(face, words(6.0)))
    assert render.frames == len(handed.frames) == 150
    assert handed.ahead <= AHEAD


@pytest.mark.parametrize("engine", DRIVING)
def test_whose_face_it_is_reaches_the_tracker(
    engine: str, options: Choose, footage: Footage, words: Callable[[float], Path]
) -> None:
    asked: list[tuple[object, object]] = []

    class Asked(ReplayTracker):
        def meet(self, photo: Frame) -> str:
            return f"photo {photo.width}"

        def track(self, frames, pick, report, who=None):  # type: ignore[no-untyped-def]
            asked.append((pick, who))
            return super().track(frames, pick, report, who)

    studio = lipsync.load(options(engine))
    studio._engine._tracker = Asked()
    face = footage.video("f.mp4", count=2, size=(96, 96))
    out, poster = footage.folder / "o.mp4", footage.folder / "o.jpg"
    studio.render(Take(face, words(0.1), pick="left"), out, poster, nothing)
    studio.render(Take(face, words(0.1), who=face), out, poster, nothing)
    assert asked == [("left", None), ("largest", "photo 96")]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_speech_beyond_the_limit_is_refused(engine: str, options: Choose, footage: Footage) -> None:
    studio = lipsync.load(replace(options(engine), limits=Limits(audio_s=0.5)))
    face, speech = footage.video("f.mp4", count=2, size=(96, 96)), footage.audio(seconds=0.7)
    with pytest.raises(LimitError):
        studio.render(Take(face, speech), footage.folder / "o.mp4", footage.folder / "o.jpg", nothing)
