"""The engine wav2lip as a whole, with a generator that draws what it is told: the lips do not matter here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lipsync import Limits, Options, Take, Weights, WeightsError, load
from lipsync.engines import wav2lip
from lipsync.face import Track
from lipsync.media import Frame, Source, open_face, open_speech
from lipsync.replay import ReplayTracker, drawn
from lipsync.wav2lip import dubbing
from lipsync.wav2lip.gpu_patch import Overlay
from lipsync.wav2lip.melody import QUIET

if TYPE_CHECKING:
    from conftest import Footage

SIZE = (240, 240)


class Painter:
    """Darkens; remembers what it was given."""

    batch, lanes = 4, 2
    weights = Weights("painter", "0" * 64, "none")

    def __init__(self, *_: object) -> None:
        self.sizes: list[int] = []
        self.loudest: float = QUIET

    def draw(self, mels: np.ndarray, faces: np.ndarray) -> np.ndarray:
        self.sizes.append(len(faces))
        self.loudest = max(self.loudest, float(mels.max()))
        out = faces.copy()
        out[:, 48:] //= 2
        return out


class Drawn:
    """An engine with that painter, and the frames that it hands to the encoder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, track: Track | None = None) -> None:
        self.frames: list[Frame] = []
        monkeypatch.setattr(wav2lip, "find", lambda *_: Path("painter.pth"))
        monkeypatch.setattr(wav2lip, "Generator", Painter)
        monkeypatch.setattr(wav2lip, "load_tracker", lambda *_: ReplayTracker(track=track))
        monkeypatch.setattr(wav2lip, "write_video", self._keep)
        self.engine = wav2lip.Wav2LipEngine(Options(engine="wav2lip", device="cpu"))

    def __call__(self, face: Path, speech: Path) -> wav2lip.Render:
        self.frames.clear()
        return self.engine.render(Take(face, speech), Path("nowhere.mp4"), lambda progress: None)

    @property
    def painter(self) -> Painter:
        painter = self.engine._generator
        assert isinstance(painter, Painter)
        return painter

    def _keep(self, path: Path, source: Source, line: object, frames: Iterator[Frame], *rest: object) -> None:
        self.frames.extend(frames)


@pytest.fixture
def speech(footage: Footage, sample: Path) -> Path:
    """A second and a half of the sample, somebody speaks all the time."""
    samples = open_speech(sample / "hello.en.flac", Limits()).samples16k[4000:28000]
    return footage.audio(samples=(samples * 32767).astype(np.int16))


def change(frame: Frame, own: Frame) -> float:
    """How much darker the mouth became."""
    x, y = drawn(*SIZE)[:40].mean(0).round().astype(int)
    part = slice(y - 3, y + 4), slice(x - 3, x + 4)
    return float(own.planes[0][part].astype(float).mean() - frame.planes[0][part].mean())


def test_no_weights_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="lipsyncd models"):
        load(Options(engine="wav2lip", tracker="replay", device="cpu", weights=tmp_path))


def test_full_batches_and_one_rest(monkeypatch: pytest.MonkeyPatch, footage: Footage, speech: Path) -> None:
    drawing = Drawn(monkeypatch)
    render = drawing(footage.video("face.mp4", count=50, size=SIZE), speech)
    assert render.frames == len(drawing.frames) == 38
    assert sorted(drawing.painter.sizes, reverse=True) == [4] * 9 + [2]
    assert drawing.painter.loudest > 0
    assert render.engine.weights[0].name == "painter"


def test_of_large_frames_fewer_go_together(monkeypatch: pytest.MonkeyPatch, footage: Footage, speech: Path) -> None:
    drawing = Drawn(monkeypatch)
    monkeypatch.setattr(dubbing, "HELD", 3 * 240 * 240 * 3 // 2)
    assert drawing(footage.video("face.mp4", count=50, size=SIZE), speech).frames == 38
    assert sorted(drawing.painter.sizes, reverse=True) == [3] * 12 + [2]
    monkeypatch.setattr(dubbing, "HELD", 1)
    drawing.painter.sizes.clear()
    drawing(footage.video("face.mp4", count=50, size=SIZE), speech)
    assert drawing.painter.sizes == [1] * 38


def test_the_drawing_fades_beside_a_gap(monkeypatch: pytest.MonkeyPatch, footage: Footage, speech: Path) -> None:
    count, gone = 38, 20
    points, present = np.repeat(drawn(*SIZE)[None], count, axis=0), np.arange(count) != gone
    points[gone] = np.nan
    track = Track(points, np.ones(count, np.float32), present, np.arange(count) == 0)
    drawing = Drawn(monkeypatch, track)
    face = footage.video("face.mp4", count=count, size=SIZE)
    render = drawing(face, speech)
    darker = [change(*pair) for pair in zip(drawing.frames, open_face(face, Options()).frames(), strict=True)]
    assert render.driven == count - 1
    assert darker[gone] == 0
    assert darker[10] > 20
    ramp = np.array(darker[gone : gone + 6]) / darker[10]
    assert np.abs(np.diff(ramp) - 0.2).max() < 0.1


def test_pasting_by_torch_gives_the_same_frames_in_the_same_order(
    monkeypatch: pytest.MonkeyPatch, footage: Footage, speech: Path
) -> None:
    count, gone = 38, 20
    points, present = np.repeat(drawn(*SIZE)[None], count, axis=0), np.arange(count) != gone
    points[gone] = np.nan
    track = Track(points, np.ones(count, np.float32), present, np.arange(count) == 0)
    face = footage.video("face.mp4", count=count, size=SIZE)
    plain = Drawn(monkeypatch, track)
    plain(face, speech)
    monkeypatch.setattr(wav2lip, "overlay_on", lambda device: Overlay(torch.device("cpu")))
    other = Drawn(monkeypatch, track)
    other(face, speech)
    assert len(other.frames) == count
    for one, two in zip(plain.frames, other.frames, strict=True):
        assert (one.index, one.time) == (two.index, two.time)
        assert np.abs(one.data.astype(int) - two.data).max() <= 1
    own = next(frame for frame in open_face(face, Options()).frames() if frame.index == gone)
    assert (other.frames[gone].data == own.data).all()
    assert change(other.frames[10], own) > 20


def test_silence_leaves_a_closed_mouth_alone_and_draws_nothing(
    monkeypatch: pytest.MonkeyPatch, footage: Footage
) -> None:
    drawing = Drawn(monkeypatch)
    face = footage.video("face.mp4", count=20, size=SIZE)
    render = drawing(face, footage.audio(samples=np.zeros(8000, np.int16)))
    assert not drawing.painter.sizes
    assert render.driven == render.frames
    for frame, own in zip(drawing.frames, open_face(face, Options()).frames(), strict=False):
        assert (frame.data == own.data).all()


def test_a_mouth_that_talks_in_silence_is_drawn_to_silence(monkeypatch: pytest.MonkeyPatch, footage: Footage) -> None:
    points = np.repeat(drawn(*SIZE)[None], 13, axis=0)
    points[3:9, 31:40, 1] += 12
    ones = np.ones(13, bool)
    drawing = Drawn(monkeypatch, Track(points, np.ones(13, np.float32), ones, np.arange(13) == 0))
    noise = np.random.default_rng(0).normal(0, 300, 24000)  # steady for long enough to be known as noise
    drawing(footage.video("face.mp4", count=13, size=SIZE), footage.audio(samples=noise.astype(np.int16)))
    assert sum(drawing.painter.sizes) >= 6
    assert drawing.painter.loudest == QUIET


@pytest.mark.parametrize(("side", "said"), [(120, "the face is small"), (240, ""), (1000, "the face is large")])
def test_faces_that_do_not_suit_are_said(
    monkeypatch: pytest.MonkeyPatch, footage: Footage, side: int, said: str
) -> None:
    face = footage.video("face.mp4", count=1, size=(side, side))
    warnings = Drawn(monkeypatch)(face, footage.audio(seconds=0.1)).warnings
    assert [text.split(" (")[0] for text in warnings] == ([said] if said else [])
