"""Small sound files of every accepted kind, to be spoilt."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

_VIDEO = {
    "h264.mp4": ("mp4", "libx264", {"g": "4"}),
    "fragments.mp4": ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
    "mpeg4.mov": ("mov", "mpeg4", {}),
    "mjpeg.mov": ("mov", "mjpeg", {}),
    "h264.mkv": ("matroska", "libx264", {}),
    "ffv1.mkv": ("matroska", "ffv1", {}),
    "mpeg4.avi": ("avi", "mpeg4", {}),
    "raw.avi": ("avi", "rawvideo", {}),
    "vp8.webm": ("webm", "libvpx", {"deadline": "realtime"}),
    "vp9.webm": ("webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    "h264.m4v": ("mp4", "libx264", {"bf": "2"}),
}
_AUDIO = {
    "pcm.wav": ("wav", "pcm_s16le"),
    "adpcm.wav": ("wav", "adpcm_ima_wav"),
    "float.wav": ("wav", "pcm_f32le"),
    "aac.m4a": ("mp4", "aac"),
    "alac.m4a": ("mp4", "alac"),
    "mp3.mp3": ("mp3", "libmp3lame"),
    "flac.flac": ("flac", "flac"),
    "flac.ogg": ("ogg", "flac"),
    "opus.opus": ("ogg", "libopus"),
    "opus.ogg": ("ogg", "libopus"),
    "aac.aac": ("adts", "aac"),
}
_PHOTO = {
    "base.jpg": [cv2.IMWRITE_JPEG_QUALITY, 80],
    "progressive.jpeg": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
    "plain.png": [],
    "lossy.webp": [cv2.IMWRITE_WEBP_QUALITY, 60],
    "lossless.webp": [cv2.IMWRITE_WEBP_QUALITY, 101],
    "plain.bmp": [],
}


def picture(number: int = 0, width: int = 48, height: int = 48) -> NDArray[np.uint8]:
    """(H, W, 3) RGB: smooth, and different for every number."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    wave = np.sin(9 * x + number) * 40
    return np.stack([60 + 120 * x + wave, 60 + 120 * y, 190 - 90 * x * y], -1).clip(0, 255).astype(np.uint8)


def video(form: str, codec: str, options: dict[str, str], count: int = 6) -> bytes:
    """A film with sound."""
    store = io.BytesIO()
    movflags = {name: options[name] for name in ("movflags",) if name in options}
    with av.open(store, "w", format=form, container_options=movflags) as container:
        stream = container.add_stream(codec, 25, options={k: v for k, v in options.items() if k != "movflags"})
        stream.width, stream.height = 48, 48
        stream.pix_fmt = layout = {"mjpeg": "yuvj420p", "rawvideo": "bgr24"}.get(codec, "yuv420p")
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(number), "rgb24").reformat(format=layout)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return store.getvalue()


def audio(form: str, codec: str, seconds: float = 0.2) -> bytes:
    """A tone."""
    rate, store = 48000 if codec == "libopus" else 16000, io.BytesIO()
    tone = (np.sin(np.arange(int(seconds * rate)) * 0.1) * 9000).astype(np.int16)
    with av.open(store, "w", format=form) as container:
        stream = container.add_stream(codec, rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(tone[None], "s16", "mono")
        frame.rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return store.getvalue()


def photo(suffix: str, settings: list[int]) -> bytes:
    """A picture."""
    done, data = cv2.imencode(suffix, picture()[:, :, ::-1], settings)
    assert done
    return data.tobytes()


def faces() -> dict[str, bytes]:
    """Photos and films by name."""
    films = {name: video(*how) for name, how in _VIDEO.items()}
    return films | {name: photo(name[name.index(".") :], how) for name, how in _PHOTO.items()}


def speeches() -> dict[str, bytes]:
    """Sounds by name."""
    return {name: audio(*how) for name, how in _AUDIO.items()}


ORDERS = (
    'title = "Weekly"\ndescription = """On\n周报"""\npublish = []\nreview = false\nengine = "null"\n',
    '[faces."p.png"]\npick = "left"\n[faces."q.png"]\npick = 2\n',
    'who = "q.png"\ntitle = "x"\n',
    '[faces]\n"p.png" = { who = "q.png" }\n',
)
"""Texts of job.toml for a drop with p.png and q.png."""
