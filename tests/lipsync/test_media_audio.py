"""Speeches as people drop them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from lipsync import Limits, Options
from lipsync.errors import LimitError, MediaError
from lipsync.media import open_face, open_speech, timeline, write_video

if TYPE_CHECKING:
    from conftest import Footage

LIMITS = Limits()


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("speech.wav", "pcm_s16le", 16000),
        ("speech.wav", "pcm_f32le", 96000),
        ("speech.flac", "flac", 44100),
        ("speech.mp3", "libmp3lame", 22050),
        ("speech.m4a", "aac", 44100),
        ("speech.aac", "aac", 48000),
        ("speech.ogg", "libopus", 48000),
        ("speech.opus", "libopus", 48000),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_kind_of_audio_is_heard(footage: Footage, name: str, codec: str, rate: int, channels: int) -> None:
    path = footage.audio(name, 1.0, rate, channels, codec)
    audio = open_speech(path, LIMITS)
    assert (audio.rate, audio.channels) == (rate, channels)
    assert abs(audio.seconds - 1) < Fraction(6, 100)
    samples = audio.samples16k
    assert samples.dtype == np.float32
    assert len(samples) == round(audio.seconds * 16000)
    assert 0.2 < np.abs(samples).max() < 0.4
    spectrum = np.abs(np.fft.rfft(samples[:16000]))
    assert abs(int(spectrum.argmax()) - 300) <= 2


def test_exact_length_of_what_is_not_padded(footage: Footage) -> None:
    for name, codec in (("a.wav", "pcm_s16le"), ("a.flac", "flac"), ("a.m4a", "aac"), ("a.mp3", "libmp3lame")):
        audio = open_speech(footage.audio(name, 0.5, 44100, codec=codec), LIMITS)
        assert abs(audio.seconds - Fraction(1, 2)) < Fraction(3, 100)
    assert open_speech(footage.audio("a.wav", 0.5, 44100), LIMITS).seconds == Fraction(1, 2)


def test_clicks_stay_where_they_are_when_resampled(footage: Footage) -> None:
    samples = np.zeros(44100, np.int16)
    samples[[11025, 33075]] = 30000
    heard = np.abs(open_speech(footage.audio("click.wav", rate=44100, samples=samples), LIMITS).samples16k)
    assert abs(int(heard[:8000].argmax()) - 4000) <= 1
    assert abs(int(heard[8000:].argmax()) - 4000) <= 1


def test_six_channels_are_mixed_down(footage: Footage) -> None:
    audio = open_speech(footage.audio(rate=48000, channels=6), LIMITS)
    assert audio.channels == 6
    assert 0.1 < np.abs(audio.samples16k).max() <= 1


def test_silence_and_a_tenth_of_a_second(footage: Footage) -> None:
    silent = open_speech(footage.audio(samples=np.zeros(16000, np.int16)), LIMITS)
    assert not silent.samples16k.any()
    assert len(open_speech(footage.audio(seconds=0.1), LIMITS).samples16k) == 1600


def test_loud_and_broken_numbers_are_tamed(footage: Footage) -> None:
    path = footage.folder / "loud.wav"
    wave = np.array([[0.5, 3.0, -7.0, np.nan, np.inf, -np.inf] * 500], np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_f32le", 16000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(wave, "flt", "mono")
        frame.rate = 16000
        container.mux(stream.encode(frame))
    samples = open_speech(path, LIMITS).samples16k
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1


def test_the_sound_of_a_video(footage: Footage) -> None:
    audio = open_speech(footage.video(sound=0.8), LIMITS)
    assert abs(audio.seconds - Fraction(8, 10)) < Fraction(3, 100)


def test_cover_art_does_not_matter(footage: Footage) -> None:
    path = footage.folder / "song.mp3"
    with av.open(str(path), "w") as container:
        voice = container.add_stream("libmp3lame", 44100)
        cover = container.add_stream("png", 1, width=32, height=32, pix_fmt="rgb24")
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(footage.picture(0, 32, 32), "rgb24")))
        container.mux(cover.encode())
        container.mux(voice.encode(footage.tone(1.0, 44100)))
        container.mux(voice.encode())
    assert path.read_bytes()[:3] == b"ID3"
    assert abs(open_speech(path, LIMITS).seconds - 1) < Fraction(6, 100)


def test_a_video_without_sound_is_no_speech(footage: Footage) -> None:
    with pytest.raises(MediaError, match="no sound"):
        open_speech(footage.video(), LIMITS)


def test_a_wav_without_samples_is_refused(footage: Footage) -> None:
    path = footage.audio()
    path.write_bytes(path.read_bytes()[:44])
    with pytest.raises(MediaError, match=r"speech\.wav"):
        open_speech(path, LIMITS)


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am a text\n" * 400, b"ID3\4\0\0\0\0\0\0", b"OggS", b"RIFF\0\0\0\0WAVE"]
)
@pytest.mark.parametrize("name", ["fake.wav", "fake.mp3", "fake.m4a"])
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaError, match=name) as caught:
        open_speech(path, LIMITS)
    assert caught.value.hint


def test_too_long(footage: Footage) -> None:
    path = footage.audio(seconds=1.0)
    assert open_speech(path, Limits(audio_s=1.0)).seconds == 1
    with pytest.raises(LimitError, match=r"longer than the 0\.5 s"):
        open_speech(path, Limits(audio_s=0.5))
    with pytest.raises(LimitError):
        open_speech(path, Limits(file_bytes=10))
    assert open_speech(path, Limits(audio_s=0, file_bytes=0)).seconds == 1


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.wav"):
        open_speech(tmp_path / "gone.wav", LIMITS)


@pytest.mark.parametrize("codec", ["pcm_f32le", "pcm_f64le"])
def test_what_is_no_number_is_silence_and_can_be_encoded(footage: Footage, codec: str) -> None:
    path = footage.audio("wild.wav", 1.0, codec=codec)
    data, form = bytearray(path.read_bytes()), "<f4" if codec == "pcm_f32le" else "<f8"
    wild = np.tile(np.array([np.nan, np.inf, -np.inf, 1e30, 0.25], form), 200).tobytes()
    data[2000 : 2000 + len(wild)] = wild
    path.write_bytes(data)
    heard = open_speech(path, Limits())
    assert np.isfinite(heard.samples16k).all()
    source = open_face(footage.video(), Options(device="cpu"))
    line = timeline(source, heard.seconds, Fraction(25))
    out = footage.folder / "out.mp4"
    write_video(out, source, line, source.play(line.indices.tolist()), path, Options(device="cpu"))
    assert float(open_speech(out, Limits()).seconds) == pytest.approx(1, abs=0.05)
