"""What the benchmarks render: made from the bundled sample, so that nobody needs to fetch anything."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import soundfile

import daemon.sample

SAMPLE = Path(daemon.sample.__file__).parent


def speech(path: Path, seconds: float) -> Path:
    """Write the bundled speech, repeated to the given length, as WAV."""
    samples, rate = soundfile.read(SAMPLE / "hello.flac", dtype="float32")
    count = round(seconds * rate)
    soundfile.write(path, np.resize(samples, count), rate)
    return path


def clip(path: Path, seconds: float, width: int = 1280, height: int = 720) -> Path:
    """Write a moving picture of the bundled portrait: a slow sway in front of a textured wall."""
    portrait = cv2.imread(str(SAMPLE / "astronaut.jpg"))
    scale = 1.25 * height / portrait.shape[0]
    wall = cv2.GaussianBlur(np.random.default_rng(0).integers(40, 160, (height, width, 3), np.uint8), (0, 0), 2)
    with av.open(str(path), "w") as writer:
        stream = writer.add_stream("libx264", rate=Fraction(25), options={"crf": "18", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(round(seconds * 25)):
            angle = 2 * np.pi * number / 100
            turn = cv2.getRotationMatrix2D((portrait.shape[1] / 2, portrait.shape[0] / 2), 3 * np.sin(angle), scale)
            turn[:, 2] += (width / 2 - portrait.shape[1] / 2 + 20 * np.sin(angle / 2), 0.12 * height)
            picture = wall.copy()
            cv2.warpAffine(portrait, turn, (width, height), dst=picture, borderMode=cv2.BORDER_TRANSPARENT)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    return path


def still(path: Path, width: int = 1280, height: int = 720) -> Path:
    """Write the bundled portrait as a photo of the given size."""
    portrait = cv2.imread(str(SAMPLE / "astronaut.jpg"))
    scale = height / portrait.shape[0]
    large = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    side = (width - large.shape[1]) // 2
    cv2.imwrite(str(path), cv2.copyMakeBorder(large, 0, 0, side, width - large.shape[1] - side, cv2.BORDER_REFLECT))
    return path
