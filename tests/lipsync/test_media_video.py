"""Videos as people drop them: turned, odd, deep, of every rate, damaged, or no videos at all."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from lipsync import Limits, Options
from lipsync.errors import LimitError, MediaError
from lipsync.media import Frame, open_face
from lipsync.media.clock import repaired, snapped

if TYPE_CHECKING:
    from conftest import Footage

OPTIONS = Options()


def frames(path: Path, options: Options = OPTIONS) -> list[Frame]:
    return list(open_face(path, options).frames())


def assert_read_or_refused(path: Path) -> None:
    """All frames it promises come out, or it is refused by name with a hint."""
    refusal = None
    try:
        source = open_face(path, OPTIONS)
        assert len(list(source.frames())) == len(source)
    except MediaError as error:
        refusal = error
    assert refusal is None or (path.name in refusal.message and refusal.hint)


def far(frame: Frame, picture: np.ndarray) -> float:
    return float(np.abs(frame.rgb().astype(int) - picture).mean())


def test_frames_are_the_planes_of_the_file(footage: Footage) -> None:
    path = footage.video(sound=0.5)
    source = open_face(path, OPTIONS)
    with av.open(str(path)) as container:
        plain = [frame.to_ndarray() for frame in container.decode(container.streams.video[0])]
    ours = list(source.frames())
    assert [frame.index for frame in ours] == list(range(10))
    assert all((frame.data == other).all() for frame, other in zip(ours, plain, strict=True))
    assert source.has_audio
    assert source.times == tuple(Fraction(number, 25) for number in range(10))
    assert (source.fps, source.duration) == (25, Fraction(10, 25))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("size", [(64, 48), (65, 49)])
def test_turned_videos_stand_upright(footage: Footage, rotation: int, hflip: bool, size: tuple[int, int]) -> None:
    layout = "yuv420p" if size[0] % 2 == 0 else "yuv444p"
    path = footage.video(count=2, size=size, layout=layout, rotation=rotation, hflip=hflip)
    picture = footage.picture(0, *size)
    # as a player does: first turn against the clock, then mirror
    upright = np.rot90(picture, rotation // 90)[:, :: -1 if hflip else 1]
    frame = frames(path)[0]
    assert (frame.height, frame.width) == tuple(side + side % 2 for side in upright.shape[:2])
    inside = frame.rgb()[: upright.shape[0] // 2 * 2, : upright.shape[1] // 2 * 2]
    assert np.abs(inside.astype(int) - upright[: inside.shape[0], : inside.shape[1]]).mean() < 6


def test_odd_sides_grow_by_their_last_line(footage: Footage) -> None:
    path = footage.video(size=(63, 47), layout="yuv444p", count=1)
    frame = frames(path)[0]
    assert (frame.width, frame.height) == (64, 48)
    assert (frame.planes[0][:, 63] == frame.planes[0][:, 62]).all()
    assert (frame.planes[0][47] == frame.planes[0][46]).all()


@pytest.mark.parametrize(
    ("layout", "codec", "name"),
    [
        ("yuv420p10le", "libx264", "ten.mp4"),
        ("yuv422p", "libx264", "wide.mp4"),
        ("yuv444p", "libx264", "full.mkv"),
        ("yuvj420p", "mjpeg", "motion.mov"),
        ("yuvj444p", "mjpeg", "motion.avi"),
        ("rgb24", "png", "rgb.mov"),
        ("bgr0", "libx264rgb", "rgb.mkv"),
        ("gray", "ffv1", "grey.mkv"),
    ],
)
def test_every_pixel_format_becomes_8_bit_4_2_0(footage: Footage, layout: str, codec: str, name: str) -> None:
    path = footage.video(name, count=2, codec=codec, layout=layout)
    source = open_face(path, OPTIONS)
    frame = next(iter(source.frames()))
    picture = footage.picture(0)
    if layout == "gray":
        picture = np.repeat(picture @ np.array([[0.299], [0.587], [0.114]]), 3, 2)
    assert far(frame, picture) < 6
    if layout in ("rgb24", "bgr0"):
        assert (source.colour.matrix, source.colour.range) == (1, 1)


def test_colour_tags_are_kept_and_used(footage: Footage) -> None:
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": 14, "color_range": 2}
    source = open_face(footage.video(count=1, **tags), OPTIONS)
    colour = source.colour
    assert (colour.matrix, colour.primaries, colour.transfer, colour.range) == (9, 9, 14, 2)
    plain = open_face(footage.video("plain.mp4", count=1), OPTIONS).colour
    assert (plain.matrix, plain.primaries, plain.transfer, plain.range) == (2, 2, 2, 0)
    assert plain.weights == (0.299, 0.114)
    assert open_face(footage.video("hd.mp4", count=1, size=(1280, 720)), OPTIONS).colour.weights == (0.2126, 0.0722)


def test_the_shape_of_pixels_is_kept(footage: Footage) -> None:
    path = footage.video(count=1, sample_aspect_ratio=Fraction(16, 11))
    assert open_face(path, OPTIONS).sample_aspect == Fraction(16, 11)
    path = footage.video("turned.mp4", count=1, rotation=90, sample_aspect_ratio=Fraction(16, 11))
    assert open_face(path, OPTIONS).sample_aspect == Fraction(11, 16)


def test_the_rational_rate_survives_a_coarse_clock(footage: Footage) -> None:
    ntsc = Fraction(30000, 1001)
    for name in ("ntsc.mp4", "ntsc.mkv", "ntsc.mov"):
        source = open_face(footage.video(name, count=40, fps=ntsc), OPTIONS)
        assert source.fps == ntsc
        assert source.times == tuple(number / ntsc for number in range(40))
        assert source.duration == 40 / ntsc


def test_variable_rates_keep_their_times(footage: Footage) -> None:
    stamps = [0, 40, 100, 120, 300, 301, 500, 540, 580, 620]
    for name in ("vfr.mp4", "vfr.mkv"):
        path = footage.video(name, stamps=stamps, tick=Fraction(1, 1000))
        source = open_face(path, OPTIONS)
        assert source.times == tuple(Fraction(stamp, 1000) for stamp in stamps)
        assert [frame.time for frame in source.frames()] == list(source.times)


def test_a_late_or_early_start_counts_from_0(footage: Footage) -> None:
    for name, start in (("late.mp4", 50), ("late.mkv", 50), ("early.mp4", -3)):
        source = open_face(footage.video(name, stamps=range(start, start + 10), options={"bf": "0"}), OPTIONS)
        assert source.times == tuple(Fraction(number, 25) for number in range(len(source)))
        assert len(list(source.frames())) == len(source) >= 7


@pytest.mark.parametrize(
    ("name", "codec"),
    [("old.avi", "mpeg4"), ("old.avi", "libx264"), ("web.webm", "libvpx"), ("web.webm", "libvpx-vp9")],
)
def test_files_without_good_time_stamps(footage: Footage, name: str, codec: str) -> None:
    source = open_face(footage.video(name, codec=codec, count=30), OPTIONS)
    found = list(source.frames())
    assert len(found) == len(source) == 30
    assert source.times == tuple(Fraction(number, 25) for number in range(30))
    assert far(found[-1], footage.picture(29)) < 12


def test_stamps_are_repaired() -> None:
    tick, fps = Fraction(1, 100), Fraction(25)
    assert repaired([5, 9, 13], tick, fps) == (0, Fraction(4, 100), Fraction(8, 100))
    assert repaired([0, 4, 4, 8], tick, fps) == (0, Fraction(4, 100), Fraction(6, 100), Fraction(8, 100))
    assert repaired([0, 8, 4, 12], tick, fps) == (0, Fraction(8, 100), Fraction(10, 100), Fraction(12, 100))
    assert repaired([0, None, 8], tick, fps) == (0, Fraction(1, 25), Fraction(2, 25))
    assert repaired([7, 7, 7], tick, fps) == (0, Fraction(1, 25), Fraction(2, 25))  # no clock at all
    assert snapped((Fraction(0), Fraction(33, 1000)), Fraction(1, 1000), Fraction(30)) == (0, Fraction(1, 30))
    assert snapped((Fraction(0), Fraction(3, 100)), Fraction(1, 1000), Fraction(30)) == (0, Fraction(3, 100))


def test_caps_scale_down_and_keep_times(footage: Footage) -> None:
    path = footage.video(size=(320, 160), count=3)
    source = open_face(path, Options(width=100, height=1000))
    assert (source.width, source.height) == (100, 50)
    assert far(next(iter(source.frames())), footage.picture(0, 100, 50)) < 6
    turned = open_face(footage.video("turned.mp4", size=(320, 160), count=3, rotation=90), Options(width=100))
    assert (turned.width, turned.height) == (100, 200)


def test_cover_art_is_no_video(footage: Footage) -> None:
    path = footage.folder / "song.mp4"
    with av.open(str(footage.audio("song.m4a", codec="aac"))) as song, av.open(str(path), "w") as container:
        voice = container.add_stream_from_template(song.streams.audio[0])
        cover = container.add_stream("mjpeg", 1, width=64, height=48, pix_fmt="yuvj420p")
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(footage.picture(0), "rgb24").reformat(format="yuvj420p")
        container.mux(cover.encode(frame))
        container.mux(cover.encode())
        for packet in song.demux():
            if packet.size:
                packet.stream = voice
                container.mux(packet)
    with pytest.raises(MediaError, match="no picture"):
        open_face(path, OPTIONS)


def test_frames_no_speech_can_reach_are_left_out(footage: Footage) -> None:
    path = footage.video(count=100)
    assert len(open_face(path, Options(limits=Limits(audio_s=1)))) < 70
    assert len(open_face(path, Options(limits=Limits(audio_s=0)))) == 100


def test_limits(footage: Footage) -> None:
    path = footage.video()
    with pytest.raises(LimitError, match="64 x 48"):
        open_face(path, Options(limits=Limits(pixels=1000)))
    with pytest.raises(LimitError, match="MB"):
        open_face(path, Options(limits=Limits(file_bytes=100)))


@pytest.mark.parametrize("name", ["torn.mp4", "torn.mkv", "torn.avi", "torn.webm"])
@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.95])
def test_a_torn_video_is_refused_or_read_as_far_as_it_goes(footage: Footage, name: str, part: float) -> None:
    whole = footage.video(name, codec="libvpx" if name.endswith("webm") else "libx264", count=60)
    data = whole.read_bytes()
    whole.write_bytes(data[: int(len(data) * part)])
    assert_read_or_refused(whole)


@pytest.mark.parametrize(("name", "codec"), [("torn.mkv", "libx264"), ("torn.avi", "mpeg4"), ("torn.webm", "libvpx")])
def test_half_a_copy_is_called_cut_off(footage: Footage, name: str, codec: str) -> None:
    path = footage.video(name, codec=codec, count=60)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=rf"{name} is (cut off: \d.\d of 2\.4 s are there|damaged)"):
        open_face(path, OPTIONS)


def test_a_cut_off_mp4_with_its_index_first_is_called_cut_off(footage: Footage) -> None:
    path = footage.video("face.mp4", count=30)
    fast = footage.folder / "fast.mp4"
    with av.open(str(path)) as old, av.open(str(fast), "w", options={"movflags": "+faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux():
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    fast.write_bytes(fast.read_bytes()[:-300])
    with pytest.raises(MediaError, match=r"fast\.mp4 is cut off"):
        open_face(fast, OPTIONS)


@pytest.mark.parametrize("seed", range(6))
def test_damage_in_the_middle_never_escapes_as_anything_but_a_media_error(footage: Footage, seed: int) -> None:
    path = footage.video("hurt.mp4", count=40, sound=0.5)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for at in rng.integers(0, len(data), 5 + 100 * (seed % 3)):
        data[at] = int(rng.integers(0, 256))
    path.write_bytes(data)
    assert_read_or_refused(path)


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am a text\n" * 400, b"\0\0\0\x18ftypisom" + bytes(60), bytes(5000)]
)
@pytest.mark.parametrize("name", ["fake.mp4", "fake.mkv"])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaError, match=name) as caught:
        open_face(path, OPTIONS)
    assert caught.value.hint


def test_awkward_names(footage: Footage) -> None:
    for name in ("http:x.mp4", "a b'\"\n😀.mp4", "%d.mp4", "concat:a|b.mp4", "-i.mp4", "ä" * 120 + ".mp4"):
        plain = footage.video("plain.mp4", count=2)
        assert len(frames(plain.rename(footage.folder / name))) == 2
