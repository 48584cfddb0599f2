"""The small picture of the frame being written: small, true, seldom, gone at the end, and never in anybody's way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from lipsync import Marks, Options, Take, load
from lipsync.media import Frame, open_face, open_speech, timeline, write_video
from lipsync.media.preview import EVERY, HIGHEST, WIDEST, Preview

if TYPE_CHECKING:
    from conftest import Footage

OPTIONS = Options(engine="null", device="cpu", preview=True)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def plain(width: int, height: int, colour: tuple[int, int, int]) -> Frame:
    return Frame.from_rgb(np.full((height, width, 3), colour, np.uint8))


def seen(path: Path) -> np.ndarray:
    """The picture as RGB."""
    return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]


@pytest.mark.parametrize(
    ("size", "aspect", "wanted"),
    [
        ((1920, 1080), 1, (480, 270)),
        ((1080, 1920), 1, (360, 640)),
        ((320, 240), 1, (320, 240)),
        ((720, 576), Fraction(16, 15), (480, 360)),
        ((2, 1000), 1, (1, 640)),
    ],
)
def test_it_is_small_and_has_the_shape_of_the_video(
    size: tuple[int, int], aspect: Fraction | int, wanted: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "a.preview.jpg"
    Preview(path, Fraction(aspect)).show(plain(*size, (200, 60, 30)))
    picture = seen(path)
    assert picture.shape[1::-1] == wanted
    assert wanted[0] <= WIDEST
    assert wanted[1] <= HIGHEST
    assert np.abs(picture.reshape(-1, 3).mean(axis=0) - (200, 60, 30)).max() < 4


def test_a_new_one_comes_every_second_or_two(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "a.preview.jpg"
    preview = Preview(path, clock=clock)
    for grey, later, shown in ((10, 0.0, 10), (60, EVERY / 2, 10), (110, EVERY / 2, 110), (160, EVERY, 160)):
        clock.now += later
        preview.show(plain(64, 64, (grey, grey, grey)))
        assert abs(float(seen(path).mean()) - shown) < 3
    preview.close()
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    preview = Preview(tmp_path / "gone" / "a.preview.jpg")
    preview.show(plain(64, 64, (1, 2, 3)))
    preview.close()
    assert not list(tmp_path.iterdir())


def test_it_lies_beside_the_video_while_that_is_written(footage: Footage) -> None:
    found: list[list[str]] = []

    def watched(frames: Iterator[Frame]) -> Iterator[Frame]:
        for number, frame in enumerate(frames):
            if number == 12:  # more than can wait for the encoder
                found.append(sorted(path.name for path in footage.folder.glob("out.preview*")))
            yield frame

    face, speech = footage.video("face.mp4", count=30), footage.audio(seconds=1.2)
    source = open_face(face, OPTIONS)
    line = timeline(source, open_speech(speech, OPTIONS.limits).seconds, OPTIONS.fps)
    out = footage.folder / "out.mp4"
    write_video(out, source, line, watched(source.play(line.indices.tolist())), speech, OPTIONS)
    assert found == [["out.preview.jpg"]]
    assert not list(footage.folder.glob("*preview*"))
    without = footage.folder / "without.mp4"
    write_video(without, source, line, source.play(line.indices.tolist()), speech, replace(OPTIONS, preview=False))
    assert without.read_bytes() == out.read_bytes()


def test_nothing_is_left_where_a_take_breaks_off(footage: Footage) -> None:
    class BrokenOffError(Exception):
        pass

    def torn(frames: Iterator[Frame]) -> Iterator[Frame]:
        for _ in range(12):
            yield next(frames)
        raise BrokenOffError

    face, speech = footage.video("face.mp4", count=30), footage.audio(seconds=1.2)
    source = open_face(face, OPTIONS)
    line = timeline(source, 1.2, OPTIONS.fps)
    frames = torn(iter(source.play(line.indices.tolist())))
    with pytest.raises(BrokenOffError):
        write_video(footage.folder / "out.mp4", source, line, frames, speech, OPTIONS)
    assert not list(footage.folder.glob("*preview*"))


def test_any_engine_shows_one_and_the_visible_label_is_in_it(footage: Footage) -> None:
    pictures: dict[bool, np.ndarray] = {}
    take = Take(footage.video("face.mp4", count=30, size=(480, 360)), footage.audio(seconds=1.2))
    out = footage.folder / "made" / "2.mp4"
    out.parent.mkdir()

    def look(visible: bool) -> None:
        for path in out.parent.glob(".2.*.part.preview.jpg"):
            pictures.setdefault(visible, seen(path))

    for visible in (False, True):
        studio = load(replace(OPTIONS, marks=Marks(visible=visible)))
        studio.render(take, out, out.with_suffix(".jpg"), lambda _, visible=visible: look(visible))
        assert sorted(path.name for path in out.parent.iterdir()) == ["2.jpg", "2.mp4"]
    assert sorted(pictures) == [False, True]
    assert np.abs(pictures[True].astype(int) - pictures[False]).max() > 60
