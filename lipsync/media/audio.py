"""What is spoken: the samples of an audio file, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from lipsync.errors import LimitError, MediaError
from lipsync.media.container import check_size, opened, reading
from lipsync.media.decoders import ALLOWED
from lipsync.take import Limits

RATE = 16000
SLOWEST, FASTEST = 2000, 768_000
"""Samples per second in recordings."""
LOUDEST = 1000.0
"""Of samples that are not whole numbers; 1 is full scale, and some programs go a little beyond."""

_HINT = "Drop a wav, mp3, m4a, flac, ogg, opus or aac file."


@dataclass(frozen=True)
class Audio:
    """A speech that has been heard.

    Attributes:
        path: The file.
        samples16k: (n,) float32 mono at 16 kHz, in [-1, 1].
        seconds: Exact length at the file's own rate.
        rate: Samples per second in the file.
        channels: In the file.
    """

    path: Path
    samples16k: NDArray[np.float32] = field(repr=False, compare=False)
    seconds: Fraction
    rate: int
    channels: int


def open_speech(path: Path, limits: Limits, first: float = 0.0) -> Audio:
    """Read the (first) sound of a file, whatever else is in it, mixed down to mono.

    Args:
        path: The file.
        limits: What is too long or too large.
        first: Seconds after which the rest is not read; 0 reads all.

    Raises:
        LimitError: Longer or larger than ``limits`` allow.
        MediaError: Empty, without sound, or not to be decoded.
    """
    check_size(path, limits.file_bytes)
    resampler = Resampler("flt", "mono", RATE)
    pieces: list[NDArray[np.float32]] = []
    seconds, rate, channels = Fraction(0), 0, 0
    with reading(path):
        for frame in sounds(path):
            if not SLOWEST <= frame.sample_rate <= FASTEST:
                message = f"{path.name} has {frame.sample_rate} samples per second, as no recording has"
                raise MediaError(message, "Export it again, with 48000.")
            seconds += Fraction(frame.samples, frame.sample_rate)
            rate, channels = rate or frame.sample_rate, channels or frame.layout.nb_channels
            if limits.audio_s and seconds > limits.audio_s:
                message = f"{path.name} is longer than the {limits.audio_s:g} s that are allowed"
                raise LimitError(message, "Cut it into parts, or have limits.audio_s raised.")
            pieces += (piece.to_ndarray()[0] for piece in resampler(frame))
            if first and seconds >= first:
                break
        pieces += (piece.to_ndarray()[0] for piece in resampler.rest())
    if not seconds:
        raise MediaError(f"{path.name} has no sound in it", "Record or export it again.")
    return Audio(path, _fitted(pieces, round(seconds * RATE)), seconds, rate, channels)


def sounds(path: Path) -> Iterator[AudioFrame]:
    """Decode the sound of a file, piece by piece; broken packets are passed over.

    Raises:
        MediaError: No sound in it, or not what its name says.
    """
    with opened(path, _HINT) as container:
        stream = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
        if stream is None:
            raise MediaError(f"{path.name} has no sound in it", _HINT)
        stream.codec_context.options = {"codec_whitelist": ALLOWED}
        broken = heard = 0
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                broken += 1
                continue
            heard += len(frames)
            yield from (_sane(frame) for frame in frames if frame.samples)
        if broken > heard:
            raise MediaError(f"{path.name} is damaged: most of it cannot be decoded", "Export it again.")


def _sane(frame: AudioFrame) -> AudioFrame:
    """Give a piece of sound without what is no number or far beyond all loudness: no encoder takes it."""
    if not frame.format.name.startswith(("flt", "dbl")):
        return frame
    samples = frame.to_ndarray()
    if np.abs(samples).max() <= LOUDEST:
        return frame
    clean = np.clip(np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0), -1, 1)
    fresh = AudioFrame.from_ndarray(clean.astype(samples.dtype), frame.format.name, frame.layout.name)
    fresh.sample_rate = frame.sample_rate
    return fresh


class Resampler:
    """Brings sound to one format, layout and rate, also when these change in the middle of a file."""

    def __init__(self, form: str, layout: str, rate: int, frame_size: int | None = None) -> None:
        self._target = (form, layout, rate, frame_size)
        self._shape: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None

    def __call__(self, frame: AudioFrame) -> list[AudioFrame]:
        """Give what is ready."""
        ready: list[AudioFrame] = []
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or shape != self._shape:
            ready = self.rest()
            form, layout, rate, frame_size = self._target
            self._resampler = AudioResampler(form, layout, rate, frame_size)
            self._shape = shape
        # stamps of the file would be taken for gaps to fill
        frame.pts = None
        return ready + self._resampler.resample(frame)

    def rest(self) -> list[AudioFrame]:
        """Give what is still held back."""
        return self._resampler.resample(None) if self._resampler is not None else []


def _fitted(pieces: list[NDArray[np.float32]], count: int) -> NDArray[np.float32]:
    """Join the pieces into exactly ``count`` samples, clipped to [-1, 1]; what is not a number is silence."""
    samples = np.zeros(count, np.float32)
    joined = np.concatenate(pieces)[:count] if pieces else samples
    samples[: len(joined)] = np.clip(np.nan_to_num(joined, nan=0.0, posinf=1.0, neginf=-1.0), -1, 1)
    return samples
