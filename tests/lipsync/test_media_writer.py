"""What is written: exact times, sound in step, tags kept, the same bytes twice, and a clear word when it fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from lipsync import Options
from lipsync.errors import MediaError, StorageError
from lipsync.media import (
    Frame,
    Source,
    Timeline,
    encoder,
    open_face,
    open_speech,
    probe_video,
    timeline,
    write_poster,
    write_video,
)

if TYPE_CHECKING:
    from conftest import Footage

OPTIONS = Options(device="cpu")


def made(face: Path, speech: Path, name: str = "out.mp4", options: Options = OPTIONS) -> tuple[Path, Source, Timeline]:
    """Write the face's own frames under the speech, beside the face."""
    source = open_face(face, options)
    line = timeline(source, open_speech(speech, options.limits).seconds, options.fps)
    out = face.parent / name
    write_video(out, source, line, source.play(line.indices.tolist()), speech, options)
    return out, source, line


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(container.streams.video[0])]


def heard(path: Path) -> tuple[np.ndarray, int, Fraction]:
    """Samples of the sound (first channel), their rate, and the time of the first."""
    with av.open(str(path)) as container:
        frames = list(container.decode(container.streams.audio[0]))
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return samples, frames[0].sample_rate, frames[0].pts * frames[0].time_base


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(15, 2)])
def test_times_are_exact_and_last_as_long_as_the_speech(footage: Footage, fps: Fraction) -> None:
    out, _, line = made(footage.video(fps=fps), footage.audio(seconds=1.01))
    assert tuple(times(out)) == line.times
    facts = probe_video(out)
    assert facts.frames == len(line)
    assert facts.fps == fps
    assert facts.duration == pytest.approx(float(line.seconds), abs=1e-9)
    assert 0 <= facts.duration - 1.01 < 1 / fps
    assert facts.has_audio
    assert facts.sound == pytest.approx(1.01, abs=1e-3)
    assert (facts.width, facts.height) == (64, 48)


@pytest.mark.parametrize("size", [(64, 48), (66, 46), (64, 50), (62, 54), (90, 90)])
def test_every_plane_is_written_where_it_belongs(footage: Footage, size: tuple[int, int]) -> None:
    """Heights that 4 does not divide once lost rows, and their colours lay beside their shapes."""
    face = footage.folder / "face.png"
    shade = np.linspace(0, 255, size[0])[None] * np.ones((size[1], 1)), np.linspace(0, 255, size[1])[:, None]
    cv2.imwrite(str(face), np.stack([shade[0], shade[1] * np.ones((1, size[0])), 255 - shade[0]], -1).astype(np.uint8))
    out, source, _ = made(face, footage.audio(seconds=0.2))
    wanted = next(source.frames()).planes
    found = next(open_face(out, OPTIONS).frames()).planes
    for here, there in zip(wanted, found, strict=True):
        assert np.abs(here.astype(int) - there).mean() < 2


def test_variable_times_are_exact(footage: Footage) -> None:
    stamps = [0, 40, 100, 120, 300, 301, 500, 540, 580, 620]
    out, _, line = made(footage.video(stamps=stamps, tick=Fraction(1, 1000)), footage.audio(seconds=1.5))
    assert tuple(times(out)) == line.times
    assert probe_video(out).duration == pytest.approx(float(line.seconds), abs=1e-9)


def test_a_photo_becomes_a_video_at_the_wanted_rate(footage: Footage) -> None:
    face = footage.folder / "face.png"
    cv2.imwrite(str(face), footage.picture(0, 63, 47))
    out, _, line = made(face, footage.audio(seconds=0.5), options=Options(fps=Fraction(30), device="cpu"))
    assert (len(line), times(out)) == (15, [Fraction(number, 30) for number in range(15)])
    with av.open(str(out)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 64, 48)
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert container.streams.audio[0].codec_context.name == "aac"


@pytest.mark.parametrize("seconds", [0.02, 0.1])
def test_the_shortest_speeches(footage: Footage, seconds: float) -> None:
    out, _, line = made(footage.video(), footage.audio(seconds=seconds))
    assert probe_video(out).frames == len(line) == np.ceil(seconds * 25)


@pytest.mark.parametrize(
    ("rate", "channels", "expected"),
    [(8000, 1, 8000), (16000, 1, 16000), (44100, 2, 44100), (22255, 1, 24000), (96000, 2, 48000), (48000, 6, 48000)],
)
def test_clicks_and_flashes_stay_together(footage: Footage, rate: int, channels: int, expected: int) -> None:
    samples = np.zeros((rate * 2, channels), np.int16)
    at = [round(rate * moment) for moment in (0.2, 1.0, 1.8)]
    for start in at:
        samples[start : start + rate // 100] = 25000
    out, _, _ = made(footage.video(count=50), footage.audio(rate=rate, channels=channels, samples=samples.ravel()))
    sound, got, first = heard(out)
    assert (got, first) == (expected, 0)
    # FFmpeg plays the last AAC frame to its end; what the file says is exact
    assert 0 <= len(sound) - 2 * expected < 1024
    assert probe_video(out).sound == pytest.approx(2, abs=1 / expected)
    loud = np.flatnonzero(np.abs(sound) > np.abs(sound).max() / 2) / expected
    onsets = [loud[0], *(b for a, b in pairwise(loud) if b - a > 0.1)]
    assert np.allclose(onsets, [0.2, 1.0, 1.8], atol=0.001)


def test_flashes_are_on_their_frames(footage: Footage) -> None:
    out, _, _ = made(footage.video(count=50), footage.audio(seconds=2.0))
    with av.open(str(out)) as container:
        for number, frame in enumerate(container.decode(container.streams.video[0])):
            picture = frame.to_ndarray(format="rgb24").astype(int)
            errors = [np.abs(picture - footage.picture(other)).mean() for other in (number - 1, number, number + 1)]
            assert np.argmin(errors) == 1


def test_the_same_input_gives_the_same_bytes(footage: Footage) -> None:
    face, speech = footage.video(count=30), footage.audio(seconds=1.3, rate=44100, channels=2)
    first, second = (made(face, speech, name)[0].read_bytes() for name in ("a.mp4", "b.mp4"))
    assert first == second
    write_poster(face.parent / "a.mp4", 0.5, face.parent / "a.jpg")
    write_poster(face.parent / "b.mp4", 0.5, face.parent / "b.jpg")
    assert (face.parent / "a.jpg").read_bytes() == (face.parent / "b.jpg").read_bytes()


def test_it_starts_at_once_and_names_no_tool_or_time(footage: Footage) -> None:
    out, _, _ = made(footage.video(), footage.audio())
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(out)) as container:
        assert not {"creation_time", "encoder"} & container.metadata.keys()


def test_sound_and_pictures_are_interleaved(footage: Footage) -> None:
    out, _, _ = made(footage.video(count=100), footage.audio(seconds=8.0))
    with av.open(str(out)) as container:
        packets = [(packet.stream.type, packet.pos) for packet in container.demux() if packet.size]
    places = {wanted: [place for kind, place in packets if kind == wanted] for wanted in ("video", "audio")}
    assert min(places["audio"]) < np.percentile(places["video"], 25)
    assert min(places["video"]) < np.percentile(places["audio"], 25)


def test_tags_and_pixel_shape_are_kept(footage: Footage) -> None:
    tags = {"colorspace": 6, "color_primaries": 6, "color_trc": 6, "color_range": 2}
    shape = Fraction(16, 11)
    out, _, _ = made(footage.video(**tags, sample_aspect_ratio=shape), footage.audio())
    again = open_face(out, OPTIONS)
    assert (again.colour.matrix, again.colour.primaries, again.colour.transfer, again.colour.range) == (6, 6, 6, 2)
    assert again.sample_aspect == shape
    plain, _, _ = made(footage.video("plain.mp4"), footage.audio())
    colour = open_face(plain, OPTIONS).colour
    assert (colour.matrix, colour.primaries, colour.transfer, colour.range) == (2, 2, 2, 0)


def test_a_turned_video_comes_out_upright_without_a_tag(footage: Footage) -> None:
    out, _, _ = made(footage.video(rotation=90), footage.audio())
    with av.open(str(out)) as container:
        frame = next(container.decode(container.streams.video[0]))
    assert (frame.width, frame.height, frame.rotation) == (48, 64, 0)


def test_the_poster_is_the_frame_at_that_time(footage: Footage) -> None:
    out, _, _ = made(footage.video(count=30), footage.audio(seconds=1.2))
    write_poster(out, 0.5, footage.folder / "poster.jpg")
    poster = cv2.imread(str(footage.folder / "poster.jpg"))[:, :, ::-1].astype(int)
    errors = [np.abs(poster - footage.picture(number)).mean() for number in range(30)]
    assert np.argmin(errors) == 12
    write_poster(out, 99.0, footage.folder / "poster.jpg")


def test_a_torn_output_is_found_out(footage: Footage) -> None:
    out, _, _ = made(footage.video(count=30), footage.audio(seconds=1.2))
    data = out.read_bytes()
    for content in (b"", data[:100], data[:-2000], data.replace(b"moov", b"move")):
        out.write_bytes(content)
        with pytest.raises(MediaError, match=r"out\.mp4"):
            probe_video(out)


def test_a_failing_drawer_stops_the_encoder(footage: Footage) -> None:
    source = open_face(footage.video(count=50), OPTIONS)
    line = timeline(source, Fraction(2), Fraction(25))
    before = threading.active_count()

    def broken() -> Iterator[Frame]:
        for number, frame in enumerate(source.frames()):
            if number == 20:
                raise MediaError("the pen broke")
            yield frame

    with pytest.raises(MediaError, match="the pen broke"):
        write_video(footage.folder / "out.mp4", source, line, broken(), footage.audio(seconds=2.0), OPTIONS)
    assert threading.active_count() == before


def test_a_failing_encoder_stops_the_drawer(footage: Footage) -> None:
    source = open_face(footage.video(count=50), OPTIONS)
    line = timeline(source, Fraction(100), Fraction(25))
    drawn = 0

    def drawing() -> Iterator[Frame]:
        nonlocal drawn
        for frame in source.play(line.indices.tolist()):
            drawn += 1
            yield frame

    with pytest.raises(MediaError, match=r"gone\.wav"):
        write_video(footage.folder / "out.mp4", source, line, drawing(), footage.folder / "gone.wav", OPTIONS)
    assert drawn < 50


def test_an_encoder_that_does_not_work_here_is_named(footage: Footage) -> None:
    with pytest.raises(MediaError, match="h264_nosuch"):
        made(footage.video(), footage.audio(), options=Options(encoder="h264_nosuch"))


def test_a_full_disk_is_a_passing_fault(footage: Footage) -> None:
    (footage.folder / "out.mp4").symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"out\.mp4 cannot be written"):
        made(footage.video(), footage.audio(), "out.mp4")


SMALL_FILES = """
import resource, sys
from pathlib import Path
from lipsync import LimitError, Options
from lipsync.media import open_face, open_speech, timeline, write_video
face, speech, out = map(Path, sys.argv[1:])
options = Options(device="cpu")
source = open_face(face, options)
line = timeline(source, open_speech(speech, options.limits).seconds, options.fps)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    write_video(out, source, line, source.play(line.indices.tolist()), speech, options)
except LimitError as error:
    print(error, error.passing)
"""


def test_a_video_that_would_become_too_large_is_refused_for_good(footage: Footage) -> None:
    files = [footage.video(), footage.audio(), footage.folder / "out.mp4"]
    command = [sys.executable, "-c", SMALL_FILES, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("the video would become larger than is allowed. Cut the speech into parts")
    assert done.stdout.endswith("False\n")


def test_a_folder_that_is_gone(footage: Footage) -> None:
    source = open_face(footage.video(), OPTIONS)
    line = timeline(source, Fraction(1), Fraction(25))
    out, speech = footage.folder / "gone" / "out.mp4", footage.audio()
    with pytest.raises(MediaError, match=r"out\.mp4"):
        write_video(out, source, line, source.play(line.indices.tolist()), speech, OPTIONS)


def test_a_gpu_that_refuses_this_picture_leaves_it_to_the_cpu(
    footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It encodes, but not so small or so large a picture, or not one more at the same time."""
    asked = []

    def encodes(name: str, picture: encoder.Picture) -> bool:
        asked.append((name, picture.width, picture.height))
        return picture.width > 128

    monkeypatch.setattr(encoder, "_works", lambda name: True)
    monkeypatch.setattr(encoder, "_encodes", encodes)
    video, *_ = made(footage.video(), footage.audio(), options=Options(encoder="auto", device="auto"))
    assert video.is_file()
    assert asked == [("h264_nvenc", 64, 48)]
    assert encoder.encoder_name("auto", "auto") == "h264_nvenc"
    assert encoder.encoder_name("auto", "cpu") == "libx264"


def test_an_encoder_that_knows_not_our_settings_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an old driver, which has NVENC and not its newer presets: found out beforehand, not by the take."""
    assert encoder._works("libx264")
    encoder._works.cache_clear()
    monkeypatch.setattr(encoder, "_settings", lambda *_: {"preset": "p5"})
    assert not encoder._works("libx264")
    encoder._works.cache_clear()
