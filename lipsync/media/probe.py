"""What a finished video really holds: it is looked at before it counts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream

from lipsync.errors import MediaError
from lipsync.media.container import opened
from lipsync.media.decode import decoded

_HINT = "Render it again."


@dataclass(frozen=True)
class Facts:
    """What is in a video file.

    Attributes:
        width: Pixels.
        height: Pixels.
        fps: Mean rate of the picture stream.
        frames: Pictures in it, counted.
        longest: Seconds that the one of them stays that stays longest.
        duration: Seconds of the picture stream.
        has_audio: It has sound.
        sound: Seconds of the sound, 0 without.
    """

    width: int
    height: int
    fps: Fraction
    frames: int
    longest: float
    duration: float
    has_audio: bool
    sound: float


def probe_video(path: Path) -> Facts:
    """Count what is in a video and decode its first picture and its end.

    Raises:
        MediaError: It cannot be opened, has no pictures, or its first or last one cannot be decoded.
    """
    _check_begin(path)
    with opened(path, _HINT) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None or not stream.duration or stream.time_base is None:
            raise MediaError(f"{path.name} has no pictures in it", _HINT)
        stays = [packet.duration or 0 for packet in container.demux(stream) if packet.size]
        _check_end(container, stream, path)
        sound = next(iter(container.streams.audio), None)
        heard = (sound.duration or 0) * (sound.time_base or 0) if sound else 0
        duration = stream.duration * stream.time_base
        return Facts(
            width=stream.width,
            height=stream.height,
            fps=stream.average_rate or len(stays) / duration,
            frames=len(stays),
            longest=float(max(stays, default=0) * stream.time_base),
            duration=float(duration),
            has_audio=sound is not None,
            sound=float(heard),
        )


def _check_begin(path: Path) -> None:
    """Decode the first picture; in a container of its own, for a decoder that is open cannot be set up again."""
    with opened(path, _HINT) as container:
        stream = next(iter(container.streams.video), None)
        first = next(decoded(container, stream), None) if stream else None
        if first is None or first.is_corrupt:
            raise MediaError(f"{path.name} has no pictures in it", _HINT)


def _check_end(container: InputContainer, stream: VideoStream, path: Path) -> None:
    """Decode from the last point at which one can start; a torn file fails here."""
    container.seek((stream.start_time or 0) + (stream.duration or 0), stream=stream)
    last = deque(decoded(container, stream), maxlen=1)
    if not last or last[0].is_corrupt:
        raise MediaError(f"{path.name} is torn: its end cannot be decoded", _HINT)
