"""Looking through a video once, without decoding it where its time stamps can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import cast

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipsync.errors import LimitError, MediaError
from lipsync.media.clock import constant, repaired, snapped
from lipsync.media.colour import STANDARD, Colour
from lipsync.media.container import check_size, opened
from lipsync.media.decode import HINT, decoded, picture_stream
from lipsync.media.film import Film, Turn
from lipsync.media.fit import fitted
from lipsync.take import Limits, Options

FASTEST = 240
"""Pictures per second of cameras; a file with more would take for ever."""
_ALWAYS = 24 * 3600
"""Seconds of video of which frames are counted where speeches may have any length."""
_HIDDEN = frozenset({"vp8"})
"""Codecs of which some packets hold a picture that is never shown."""


@dataclass(frozen=True)
class _Look:
    """What the file and its first picture say."""

    stream: int
    tick: Fraction
    rates: tuple[Fraction | None, ...]
    sample_aspect: Fraction
    has_audio: bool
    promised: Fraction
    first: VideoFrame


@dataclass(frozen=True)
class _Clock:
    """Time stamps in presentation order, and those of the frames at which decoding can start."""

    stamps: tuple[int | None, ...]
    keys: tuple[int, ...]
    last: int
    trusted: bool


def scan(path: Path, options: Options, *, trusted: bool = False) -> Film:
    """Look through a video: times, size, turn and colour of its frames.

    Frames later than the longest speech allowed can never be needed and are left out. One of our own is ``trusted``.

    Raises:
        LimitError: More pixels or bytes than allowed.
        MediaError: No pictures in it, damaged, or cut off.
    """
    check_size(path, options.limits.file_bytes)
    look = _look(path, options.limits)
    clock = _packets(path, look, options.limits.audio_s)
    if not clock.trusted:
        clock = _pictures(path, look, options.limits.audio_s)
    if not clock.stamps:
        raise MediaError(f"{path.name} has no picture that can be decoded", "Export it again, as H.264 in mp4.")
    if not trusted:
        _check_rate(path, clock.stamps, look.tick)
    film = _film(path, look, clock, options)
    promised = min(look.promised, Fraction(options.limits.audio_s or look.promised))
    if film.duration < promised * Fraction(9, 10) - Fraction(1, 2):
        message = f"{path.name} is cut off: {float(film.duration):.1f} of {float(promised):.1f} s are there"
        raise MediaError(message, "Copy it again; the last part is missing.")
    return film


def _look(path: Path, limits: Limits) -> _Look:
    with opened(path, HINT) as container:
        stream = _picture_stream(container, path)
        if limits.pixels and stream.width * stream.height > limits.pixels:
            size = f"{stream.width} x {stream.height} pixels"
            message = f"{path.name} has {size}; at most {limits.pixels:,} are allowed"
            raise LimitError(message, "Scale it down, or have limits.pixels raised.")
        first = next(decoded(container, stream), None)
        if first is None:
            raise MediaError(f"{path.name} has no picture that can be decoded", "Export it again, as H.264 in mp4.")
        return _Look(
            stream=stream.index,
            tick=stream.time_base or Fraction(1, 90000),
            rates=(stream.base_rate, stream.average_rate, stream.guessed_rate),
            sample_aspect=stream.sample_aspect_ratio or Fraction(1),
            has_audio=bool(container.streams.audio),
            promised=_promised(stream),
            first=first,
        )


def _picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """The largest moving picture; cover art is none."""
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
        and stream.codec_context is not None
    ]
    if not streams:
        raise MediaError(f"{path.name} has no picture in it", HINT)
    return max(streams, key=lambda stream: (stream.width * stream.height, -stream.index))


def _promised(stream: VideoStream) -> Fraction:
    """Seconds that the head of the file speaks of, 0 where it does not."""
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        tagged = int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        tagged = Fraction(0)
    if tagged:
        return tagged - (stream.start_time or 0) * (stream.time_base or 0)
    if stream.container.format.name != "avi":
        return Fraction(0)
    return stream.frames / _rate((stream.average_rate,))


def _packets(path: Path, look: _Look, longest: float) -> _Clock:
    """Read the time stamps off the packets; not to be trusted where packets are not frames."""
    with opened(path, HINT) as container:
        stream = picture_stream(container, look.stream)
        trusted = container.format.name.startswith(("mov", "matroska")) and stream.codec_context.name not in _HIDDEN
        packets = [
            (packet.pts, packet.is_keyframe, packet.duration or 0, packet.is_corrupt)
            for packet in _counted(_until(container.demux(stream), look.tick, longest), longest, path)
            if packet.size and not packet.is_discard
        ]
    stamps = [pts for pts, _, _, _ in packets]
    if not trusted or None in stamps or len(set(stamps)) < len(stamps) or any(bad for _, _, _, bad in packets):
        return _Clock((), (), 0, trusted=False)
    packets.sort(key=lambda packet: packet[0] or 0)
    keys = tuple(number for number, packet in enumerate(packets) if packet[1])
    return _Clock(tuple(packet[0] for packet in packets), keys, packets[-1][2] if packets else 0, trusted=True)


def _until(packets: Iterator[Packet[VideoStream]], tick: Fraction, longest: float) -> Iterator[Packet[VideoStream]]:
    """Packets up to ``longest`` seconds (0: all), and a second more for those that are out of order."""
    start: int | None = None
    for packet in packets:
        if packet.dts is not None:
            start = packet.dts if start is None else start
            if longest and (packet.dts - start) * tick > longest + 1:
                return
        yield packet


def _counted(packets: Iterator[Packet[VideoStream]], longest: float, path: Path) -> Iterator[Packet[VideoStream]]:
    """Refuse more packets than there can be pictures."""
    most = int((longest or _ALWAYS) + 2) * FASTEST
    for number, packet in enumerate(packets):
        if number > most:
            raise LimitError(f"{path.name} has too many pictures in it", "Export it again, with 25 per second.")
        yield packet


def _check_rate(path: Path, stamps: tuple[int | None, ...], tick: Fraction) -> None:
    known = [stamp for stamp in (stamps[0], stamps[-1]) if stamp is not None]
    span = float((max(known) - min(known)) * tick) if known else 0.0
    if span and (len(stamps) - 1) / span > FASTEST + 1:
        rate = f"{(len(stamps) - 1) / span:.0f} pictures per second"
        message = f"{path.name} has {rate}; at most {FASTEST} are allowed"
        raise LimitError(message, "Export it again, with 25 per second.")


def _pictures(path: Path, look: _Look, longest: float) -> _Clock:
    """Decode everything to learn the time stamps."""
    most = int((longest + 1) * float(_rate(look.rates))) if longest else None
    with opened(path, HINT) as container:
        stream = picture_stream(container, look.stream)
        seen = [(picture.pts, picture.key_frame) for picture in islice(decoded(container, stream), most)]
    stamps = tuple(stamp for stamp, _ in seen)
    keys = tuple(number for number, (_, key) in enumerate(seen) if key)
    return _Clock(stamps, keys, 0, trusted=False)


def _film(path: Path, look: _Look, clock: _Clock, options: Options) -> Film:
    first, rate = look.first, _rate(look.rates)
    turn = _turn(first)
    times = repaired(clock.stamps, look.tick, rate)
    for candidate in look.rates:
        times = snapped(times, look.tick, candidate)
    fps = constant(times) or (rate if len(times) < 2 else (len(times) - 1) / times[-1].limit_denominator(1_000_000))
    last = 1 / fps if constant(times) or not clock.last else clock.last * look.tick
    caps = (options.height, options.width) if turn.transpose else (options.width, options.height)
    rising = all(b is not None and a is not None and a < b for a, b in pairwise(clock.stamps))
    numbered = not rising or clock.stamps[0] is None
    return Film(
        path=path,
        stream=look.stream,
        stamps=tuple(range(len(times))) if numbered else tuple(stamp or 0 for stamp in clock.stamps),
        numbered=numbered,
        times=times,
        duration=times[-1] + last,
        keys=clock.keys,
        fps=fps,
        stored=fitted(first.width, first.height, *caps),
        turn=turn,
        colour=_colour(first),
        sample_aspect=1 / look.sample_aspect if turn.transpose else look.sample_aspect,
        has_audio=look.has_audio,
    )


def _rate(rates: tuple[Fraction | None, ...]) -> Fraction:
    return next((rate for rate in rates if rate and 1 <= rate <= FASTEST), Fraction(25))


def _colour(picture: VideoFrame) -> Colour:
    if picture.format.is_rgb:
        return STANDARD
    full = 2 if picture.format.name.startswith("yuvj") else int(picture.color_range)
    tall = picture.height > 576 or picture.width > 1024
    return Colour(int(picture.colorspace), int(picture.color_primaries), int(picture.color_trc), full, tall)


def _turn(picture: VideoFrame) -> Turn:
    """Read the display matrix: which of the eight ways a picture can lie."""
    for data in cast("Iterable[SideData]", picture.side_data):
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), "<i4")[:5])
            if abs(b) > abs(a):
                return Turn(transpose=True, flip_x=c < 0, flip_y=b < 0)
            return Turn(flip_x=a < 0, flip_y=d < 0)
    return Turn()
