"""Small media files made on the spot, so that every test knows exactly what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from benchmarks.brought import published, weights


class Footage:
    """Makes videos and sounds in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def picture(self, number: int, width: int = 64, height: int = 48) -> np.ndarray:
        """(H, W, 3) RGB: smooth, different for every number, and no two corners alike."""
        x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
        wave = np.sin(6 * x + number) * 30
        return (
            np.stack([60 + 120 * x + wave, 60 + 120 * y + wave, 200 - 90 * x * y - wave], -1)
            .clip(0, 255)
            .astype(np.uint8)
        )

    def video(
        self,
        name: str = "face.mp4",
        count: int = 10,
        size: tuple[int, int] = (64, 48),
        fps: Fraction = Fraction(25),
        stamps: Sequence[int] | None = None,
        tick: Fraction | None = None,
        codec: str = "libx264",
        layout: str = "yuv420p",
        options: dict[str, str] | None = None,
        sound: float = 0.0,
        **settings: object,
    ) -> Path:
        """Encode ``count`` pictures; ``settings`` are attributes of the codec, or rotation and hflip."""
        path = self.folder / name
        form = {"mkv": "matroska"}.get(path.suffix[1:], path.suffix[1:])
        with av.open(str(path), "w", format=form) as container:
            stream = container.add_stream(codec, fps, options=options or {})
            stream.width, stream.height, stream.pix_fmt = *size, layout
            if tick:
                stream.codec_context.time_base = tick
            if "rotation" in settings:
                stream.set_display_rotation(settings.pop("rotation"), hflip=bool(settings.pop("hflip", False)))
            for key, value in settings.items():
                setattr(stream.codec_context, key, value)
            if sound:
                voice = container.add_stream("aac", 48000)
                voice.layout = "mono"
                container.mux(voice.encode(self.tone(sound, 48000)))
            for number in range(count):
                frame = av.VideoFrame.from_ndarray(self.picture(number, *size), "rgb24").reformat(format=layout)
                frame.pts = stamps[number] if stamps else number
                frame.time_base = tick or 1 / fps
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
            if sound:
                container.mux(voice.encode())
        return path

    def tone(self, seconds: float, rate: int, channels: int = 1) -> av.AudioFrame:
        times = np.arange(round(seconds * rate)) / rate
        wave = (np.sin(2 * np.pi * 300 * times) * 8000).astype(np.int16)
        return self.samples(np.repeat(wave, channels), rate, channels)

    def samples(self, interleaved: np.ndarray, rate: int, channels: int = 1) -> av.AudioFrame:
        layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
        frame = av.AudioFrame.from_ndarray(interleaved.reshape(1, -1).astype(np.int16), "s16", layout)
        frame.rate, frame.pts = rate, 0
        return frame

    def audio(
        self,
        name: str = "speech.wav",
        seconds: float = 1.0,
        rate: int = 16000,
        channels: int = 1,
        codec: str = "pcm_s16le",
        samples: np.ndarray | None = None,
    ) -> Path:
        """Encode a tone, or the given samples (interleaved int16)."""
        path = self.folder / name
        form = {"m4a": "mp4", "aac": "adts", "opus": "ogg"}.get(path.suffix[1:], path.suffix[1:])
        frame = self.tone(seconds, rate, channels) if samples is None else self.samples(samples, rate, channels)
        with av.open(str(path), "w", format=form) as container:
            stream = container.add_stream(codec, rate)
            stream.layout = frame.layout.name
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path


@pytest.fixture
def footage(tmp_path: Path) -> Footage:
    """Makes small media files in the test's own folder."""
    return Footage(tmp_path)


@pytest.fixture(scope="session")
def random_weights() -> dict[str, torch.Tensor]:
    """Known random weights of Wav2Lip, by name."""
    return weights()


@pytest.fixture(scope="session")
def checkpoint(random_weights: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a file, as published."""
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(published(random_weights), path)
    return path
