"""Torch paints what OpenCV paints: here on the CPU, and on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import daemon.sample
from lipsync import Options
from lipsync.compose import Composer, paste
from lipsync.drawing import Drawing
from lipsync.face import Track
from lipsync.glance import Glances
from lipsync.gpu_paint import Painter, painter_on
from lipsync.media import Frame, open_face
from lipsync.paint import painted
from lipsync.palette import Palette
from lipsync.script import Script
from lipsync.separable import blurring, enlarging, refining, shrinking
from lipsync.sketch import Sketch
from lipsync.subject import anatomy, subject_of
from lipsync.tracker import load_tracker

SAMPLE = Path(daemon.sample.__file__).parent
KNOWN = anatomy()
NEAR = 2.0
"""Grey levels."""
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))]


class Reel:
    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames = frames

    def play(self, indices: Sequence[int]) -> Iterator[Frame]:
        return (self._frames[number].copy() for number in indices)


class Scene:
    """Somebody filmed, and a script: the mouth opens wide, closes, grows narrow and wide."""

    def __init__(self, frames: Sequence[Frame], track: Track, count: int) -> None:
        self.frames, self.subject = frames, subject_of(track, KNOWN)
        glances = Glances(len(frames))
        for _ in glances.watch(frames):
            pass
        self.colours: Palette = glances.palette(track)
        time = np.arange(count)
        opening = np.clip(0.1 * np.sin(time * 0.8) + 0.04, 0, None)
        values = np.stack([opening, 0.06 * np.sin(time), -0.1 * opening, 0.7 * opening, 0.4 * opening, 0 * time], 1)
        shape = self.subject.mouth.shape
        self.script = Script(
            time % len(frames), np.linspace(0.4, 1, count), lambda k: shape(values[k].astype(np.float32))
        )

    def drawing(self, painter: Painter | None = None) -> Drawing:
        return Drawing(Reel(self.frames), self.subject, KNOWN, self.colours, self.script, painter=painter)


def seen(name: str, most: int) -> tuple[list[Frame], Track]:
    frames = list(islice(open_face(SAMPLE / name, Options(device="cpu")).frames(), most))
    return frames, load_tracker("auto", "cpu").track(frames, "largest", lambda number: None)


@pytest.fixture(scope="module")
def photo() -> Scene:
    return Scene(*seen("astronaut.jpg", 1), count=6)


@pytest.fixture(scope="module")
def video() -> Scene:
    """Its frames lend each other mouths."""
    frames, track = seen("astronaut.mp4", 16)
    return Scene(frames, track, count=20)


def test_a_drawing_is_the_same_by_torch(video: Scene, photo: Scene) -> None:
    for scene in (video, photo):
        for device in (parameter for parameter in ("cpu", "cuda") if parameter == "cpu" or torch.cuda.is_available()):
            pairs = zip(scene.drawing().frames(), scene.drawing(Painter(device)).frames(), strict=True)
            for number, (one, other) in enumerate(pairs):
                apart = np.abs(one.data.astype(int) - other.data)  # the bytes that are encoded
                assert apart.max() <= NEAR, f"frame {number} by {device}"
                assert apart.mean() < 0.05


@pytest.mark.parametrize("device", DEVICES)
def test_pictures_of_different_sizes_are_painted_in_one_batch(photo: Scene, video: Scene, device: str) -> None:
    for scene in (photo, video):  # one person's at a time: a grid is a person's
        frames, sketches = sketched(scene)
        assert len({sketch.whole.field.size for sketch in sketches}) > 1
        wanted = [frame.copy() for frame in frames]
        for frame, sketch in zip(wanted, sketches, strict=True):
            paste(frame, sketch, *painted(sketch), 0.8)
        Painter(device).paint(frames, sketches, [0.8] * len(frames))
        for one, other in zip(frames, wanted, strict=True):
            assert np.abs(one.data.astype(int) - other.data).max() <= NEAR


def test_outside_the_mask_not_one_level_changes(photo: Scene) -> None:
    frames, sketches = sketched(photo)
    own = [frame.copy() for frame in frames]
    Painter("cpu").paint(frames, sketches, [1.0] * len(frames))
    for frame, before, sketch in zip(frames, own, sketches, strict=True):
        x0, y0, x1, y1 = sketch.box
        untouched = np.ones((frame.height, frame.width), bool)
        untouched[y0:y1, x0:x1] = cv2.dilate(painted(sketch)[1], np.ones((3, 3))) == 0
        assert (frame.planes[0] == before.planes[0])[untouched].all()
        assert (frame.planes[0] != before.planes[0]).any()
        coarse = untouched[::2, ::2] & untouched[1::2, ::2] & untouched[::2, 1::2] & untouched[1::2, 1::2]
        for plane, kept in zip(frame.planes[1:], before.planes[1:], strict=True):
            assert (plane == kept)[coarse].all()


def test_fewer_at_once_where_memory_is_short(photo: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, sketches = sketched(photo)
    done, strengths = [], [1.0] * len(frames)
    own, wanted = [frame.copy() for frame in frames], [frame.copy() for frame in frames]
    Painter("cpu").paint(wanted, sketches, strengths)
    paint = Painter._painted

    def tight(self: Painter, few: Sequence[Sketch]) -> tuple[torch.Tensor, torch.Tensor]:
        done.append(len(few))
        if len(few) > 2 or few[0] is sketches[-1]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return paint(self, few)

    monkeypatch.setattr(Painter, "_painted", tight)
    painter = Painter("cpu")
    painter.paint(frames, sketches, strengths)
    for one, other in zip(frames, wanted, strict=True):
        assert np.abs(one.data.astype(int) - other.data).max() <= NEAR
    done.clear()
    painter.paint(own[:4], sketches[:4], strengths[:4])
    assert max(done) <= 2, "it has learned"


def sketched(scene: Scene) -> tuple[list[Frame], list[Sketch]]:
    """The first frames of a script, and what is to be painted over them."""
    composer = Composer(scene.subject, KNOWN, scene.colours)
    script, frames, found = scene.script, [], []
    for place in range(min(6, len(script))):
        number = int(script.numbers[place])
        frame = scene.frames[number].copy()
        sketch = composer.sketch(frame, number, script.shape(place), 1.0)
        if sketch is not None:
            frames.append(frame)
            found.append(sketch)
    return frames, found


def test_the_cpu_needs_no_painter() -> None:
    assert painter_on("cpu") is None
    assert (painter_on("auto") is None) != torch.cuda.is_available()


@pytest.mark.parametrize("sigma", [0.5, 1.2, 4.0])
def test_matrices_blur_as_opencv_does(sigma: float) -> None:
    picture = np.random.default_rng(3).random((23, 31)).astype(np.float32)
    plain = cv2.GaussianBlur(picture, (0, 0), sigma)
    mirrored = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    assert np.allclose(blurring(23, sigma) @ picture @ blurring(31, sigma).T, plain, atol=1e-5)
    assert np.allclose(blurring(23, sigma, True) @ picture @ blurring(31, sigma, True).T, mirrored, atol=1e-5)


def test_matrices_change_sizes_as_opencv_does() -> None:
    picture = np.random.default_rng(4).random((22, 31)).astype(np.float32)
    for made, size, how in (
        (refining(22, 4) @ picture @ refining(31, 4).T, (124, 88), cv2.INTER_CUBIC),
        (enlarging(22, 60) @ picture @ enlarging(31, 77).T, (77, 60), cv2.INTER_LINEAR),
        (shrinking(22, 5) @ picture @ shrinking(31, 7).T, (7, 5), cv2.INTER_AREA),
    ):
        assert np.allclose(made, cv2.resize(picture, size, interpolation=how), atol=1e-5)
