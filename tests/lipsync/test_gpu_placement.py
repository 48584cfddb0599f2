"""Nothing of what is computed on a GPU is computed beside it: each part on one that minds where every tensor is."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import daemon.sample
from lipsync import Options
from lipsync.articulation import Articulation
from lipsync.detector import Detector
from lipsync.gpu_paint import Painter
from lipsync.landmarks_ahead import LandmarksAhead
from lipsync.media import Frame, open_face
from lipsync.sketch import Sketch
from lipsync.wav2lip.gpu_patch import Overlay
from lipsync.wav2lip.lane import Lane
from lipsync.wav2lip.network import SHAPES, Wav2Lip
from lipsync.who import Recogniser
from tests.lipsync.fake_gpu import CROSSINGS, GPU, fake_gpu, moved
from tests.lipsync.test_gpu_paint import Scene, seen
from tests.lipsync.test_wav2lip_gpu_patch import patches

SAMPLE = Path(daemon.sample.__file__).parent


@pytest.fixture(scope="module")
def frame() -> Frame:
    return next(iter(islice(open_face(SAMPLE / "astronaut.jpg", Options(device="cpu")).frames(), 1)))


def test_such_a_gpu_refuses_what_lies_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_gpu(monkeypatch):
        there = torch.ones(3, 3).to(GPU)
        for mixed in (lambda: there + torch.ones(3, 3), lambda: there @ torch.ones(3, 3)):
            with pytest.raises(RuntimeError, match="same device"):
                mixed()
        assert (there.cpu().numpy() == 0).all()
    assert CROSSINGS == {"over": 1, "back": 1}


def test_pasting(monkeypatch: pytest.MonkeyPatch) -> None:
    given = patches()[:20]
    before = [one.frame.data.copy() for one in given]
    with fake_gpu(monkeypatch):
        overlay = Overlay(torch.device(GPU))
        CROSSINGS.clear()
        overlay.paste(given)
    assert CROSSINGS["back"] == 2, "once for each batch, and nothing else is waited for"
    assert CROSSINGS["over"] <= 14
    assert all((one.frame.data != data).any() for one, data in zip(given, before, strict=True))


@pytest.mark.parametrize("name", ["astronaut.mp4", "astronaut.jpg"])
def test_painting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a clip, whose frames lend each other mouths, and of a photo, whose mouths are drawn."""
    frames, track = seen(name, 16)
    scene, sketches = Scene(frames, track, count=12), []

    def kept(self: Painter, frames: list[Frame], few: list[Sketch], strengths: list[float]) -> None:
        sketches.extend(zip(frames, few, strengths, strict=True))

    with monkeypatch.context() as patched:
        patched.setattr(Painter, "paint", kept)
        list(scene.drawing(Painter("cpu")).frames())
    assert any(sketch.between if len(frames) == 1 else sketch.lent for _, sketch, _ in sketches)
    with fake_gpu(monkeypatch):
        Painter(GPU).paint(*(list(part) for part in zip(*sketches, strict=True)))
    assert CROSSINGS["back"] == 1


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32])
def test_drawing(kind: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_gpu(monkeypatch):
        tensors = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
        network = Wav2Lip(tensors, GPU, kind)
        lane = Lane.__new__(Lane)
        lane._network, lane._kind = network, kind
        shapes = ((4, 80, 16), torch.float32), ((4, 96, 96, 3), torch.uint8), ((4, 96, 96, 3), torch.uint8)
        buffers = [torch.zeros(shape, dtype=dtype, device=GPU) for shape, dtype in shapes]
        CROSSINGS.clear()
        lane._compute(buffers, 4)
    assert not CROSSINGS, "what is recorded as a graph may neither send nor fetch"


def test_looking(frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    crop = np.array([[0.2, 0.0, 0.0], [0.0, 0.2, 0.0]])
    points = np.random.default_rng(0).uniform(100, 300, (99, 2)).astype(np.float32)
    landmarks, detector, recogniser = LandmarksAhead("cpu"), Detector("cpu"), Recogniser("cpu")
    with fake_gpu(monkeypatch):
        for net in (landmarks._face, landmarks._mouth, detector._net, recogniser._net):
            moved(net, GPU)
        for one in (landmarks, detector):
            one.device = GPU
        recogniser._device = GPU
        CROSSINGS.clear()
        landmarks._many(landmarks._face, [frame.warp(crop, 128)] * 5, [crop] * 5)
        assert CROSSINGS == {"over": 1, "back": 1}, "waited for once, whatever many are read"
        landmarks.both(frame, crop)
        landmarks.mouth(frame, points, mirrored=True)
        detector.find(frame)
        recogniser.look(frame, points)


def test_hearing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, hear = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32), Articulation("cpu")
    with fake_gpu(monkeypatch):
        hear._net, hear._device = moved(hear._net, GPU), GPU
        CROSSINGS.clear()
        hear(samples)
    assert CROSSINGS["over"] == 1
