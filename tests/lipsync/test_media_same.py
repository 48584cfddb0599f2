"""The same pictures give the same bytes, on any processor, however busy it is."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import av
import cv2
import numpy as np

from lipsync.media.colour import Colour
from lipsync.media.encoder import Picture, _set_up, _settings

SIZE = (480, 400)
"""30 macroblocks wide: with AVX-512 x264 gave five different results in forty here."""


def pictures() -> list[np.ndarray]:
    draw = np.random.default_rng(5)
    x, y = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    found = []
    for number in range(13):
        picture = np.stack([60 + 120 * x + 30 * np.sin(6 * x + number), 60 + 120 * y, 200 - 90 * x * y], -1)
        picture[133:266, 160:320] += cv2.resize(draw.normal(0, 30, (8, 8, 3)), (160, 133))
        found.append(picture.clip(0, 255).astype(np.uint8))
    return found


def coded(frames: list[np.ndarray]) -> str:
    context = av.CodecContext.create("libx264", "w")
    _set_up(context, Picture(*SIZE, Fraction(25), Fraction(1, 25), True, Fraction(1), Colour()))
    context.options = _settings("libx264", 18, steady=True)
    digest = hashlib.sha256()
    for number, rgb in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")
        frame.pts = number
        for packet in context.encode(frame):
            digest.update(bytes(packet))
    for packet in context.encode(None):
        digest.update(bytes(packet))
    return digest.hexdigest()


def test_the_encoder_is_reproducible() -> None:
    frames = pictures()
    assert len({coded(frames) for _ in range(12)}) == 1
