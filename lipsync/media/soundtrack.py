"""The speech as the sound of the video: sample for sample from the start."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from lipsync.media.audio import Resampler, sounds


class Soundtrack:
    """Encodes a speech piece by piece, as far as the pictures have come."""

    def __init__(self, speech: Path, stream: AudioStream) -> None:
        self._stream = stream
        self._pieces = _pieces(speech, stream)
        self._fed = 0

    def until(self, time: Fraction) -> Iterator[Packet[AudioStream]]:
        """Give the packets of the sound up to ``time``."""
        while Fraction(self._fed, self._stream.rate) <= time:
            piece = next(self._pieces, None)
            if piece is None:
                return
            yield from self._encode(piece)

    def rest(self) -> Iterator[Packet[AudioStream]]:
        """Give the packets of all that is left."""
        for piece in self._pieces:
            yield from self._encode(piece)
        yield from self._stream.encode(None)

    def _encode(self, piece: AudioFrame) -> list[Packet[AudioStream]]:
        piece.pts, piece.time_base = self._fed, Fraction(1, self._stream.rate)
        self._fed += piece.samples
        return self._stream.encode(piece)


def _pieces(speech: Path, stream: AudioStream) -> Iterator[AudioFrame]:
    context = stream.codec_context
    resampler = Resampler(context.format.name, context.layout.name, context.sample_rate, context.frame_size)
    for frame in sounds(speech):
        yield from resampler(frame)
    yield from resampler.rest()
