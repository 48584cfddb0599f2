"""Forth and back: the timeline, and frames played along it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lipsync import Options
from lipsync.media import decode, open_face, timeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Footage

    from lipsync.media import Frame
    from lipsync.media.film import Film

INDICES = [*range(30), *range(28, -1, -1), *range(1, 12)]


@pytest.mark.parametrize("held", [3, 7, 1000])
@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("long.mp4", "libx264", {"g": "250"}),
        ("short.mp4", "libx264", {"g": "6", "bf": "3"}),
        ("open.mkv", "libx264", {"g": "8", "bf": "3", "x264-params": "open-gop=1"}),
        ("old.avi", "mpeg4", {}),
        ("web.webm", "libvpx-vp9", {}),
    ],
)
def test_frames_played_back_equal_those_played_forth(
    footage: Footage, monkeypatch: pytest.MonkeyPatch, name: str, codec: str, options: dict[str, str], held: int
) -> None:
    source = open_face(footage.video(name, count=30, codec=codec, options=options), Options())
    forth = [frame.data for frame in source.frames()]
    monkeypatch.setattr(decode, "HELD_BYTES", held * forth[0].size)
    played = list(source.play(INDICES))
    assert [frame.index for frame in played] == INDICES
    assert all((frame.data == forth[frame.index]).all() for frame in played)
    assert len({frame.data.ctypes.data for frame in played}) == len(played)


def test_any_order_can_be_played(footage: Footage) -> None:
    source = open_face(footage.video(count=12, options={"g": "4"}), Options())
    order = [5, 5, 5, 0, 11, 10, 2, 3, 4, 4]
    assert [frame.index for frame in source.play(order)] == order
    assert list(source.play([])) == []


@pytest.mark.parametrize(("every", "starts"), [(4, [3, 9]), (250, [3])])
def test_runs_are_reached_by_seeking_only_where_that_is_nearer(
    footage: Footage, monkeypatch: pytest.MonkeyPatch, every: int, starts: list[int]
) -> None:
    source = open_face(footage.video(count=16, options={"g": str(every), "bf": "0"}), Options())
    forth, passes = list(source.frames()), []
    real = decode.frames

    def counted(film: Film, start: int = 0) -> Iterator[Frame]:
        passes.append(start)
        return real(film, start)

    monkeypatch.setattr(decode, "frames", counted)
    order = [3, 4, 9, 10, 11]
    played = list(source.play(order))
    assert [frame.index for frame in played] == order
    assert all((frame.data == forth[frame.index].data).all() for frame in played)
    assert passes == starts


def test_a_photo_plays_as_often_as_asked(footage: Footage) -> None:
    import cv2

    path = footage.folder / "face.png"
    cv2.imwrite(str(path), footage.picture(0))
    first, second = open_face(path, Options()).play([0, 0])
    first.planes[0][:] = 0
    assert second.planes[0].any()


def test_a_photo_lasts_as_long_as_the_speech(footage: Footage) -> None:
    import cv2

    path = footage.folder / "face.png"
    cv2.imwrite(str(path), footage.picture(0))
    source = open_face(path, Options())
    line = timeline(source, Fraction(16001, 16000), Fraction(25))
    assert (len(line), line.seconds, line.fps) == (26, Fraction(26, 25), 25)
    assert (line.indices == 0).all()
    assert np.allclose(line.mid_times, (np.arange(26) + 0.5) / 25)
    assert len(timeline(source, Fraction(1), Fraction(25))) == 25
    assert len(timeline(source, Fraction(1, 1000), Fraction(25))) == 1


def test_a_longer_video_is_cut_and_a_shorter_one_goes_forth_and_back(footage: Footage) -> None:
    source = open_face(footage.video(count=5), Options())
    assert timeline(source, Fraction(11, 100), Fraction(30)).indices.tolist() == [0, 1, 2]
    assert timeline(source, Fraction(3, 25), Fraction(30)).indices.tolist() == [0, 1, 2]
    line = timeline(source, Fraction(14, 25), Fraction(30))
    assert line.indices.tolist() == [0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3]
    assert line.times == tuple(Fraction(number, 25) for number in range(14))


def test_a_single_frame_stands(footage: Footage) -> None:
    source = open_face(footage.video(count=1), Options())
    assert timeline(source, Fraction(3, 25), Fraction(30)).indices.tolist() == [0, 0, 0]


def test_played_back_each_frame_stays_as_long_as_it_did(footage: Footage) -> None:
    path = footage.video(stamps=[0, 10, 40, 100], count=4, tick=Fraction(1, 1000))
    source = open_face(path, Options())
    last = source.duration - source.times[-1]
    line = timeline(source, Fraction(2, 10) + last, Fraction(25))
    assert line.indices.tolist()[:6] == [0, 1, 2, 3, 2, 1]
    stays = [Fraction(10, 1000), Fraction(30, 1000), Fraction(60, 1000), last, Fraction(60, 1000), Fraction(30, 1000)]
    assert list(line.durations[:6]) == stays
    assert line.seconds >= Fraction(2, 10) + last > line.times[-1]
