"""Pictures of a video, upright, one after the other or back and forth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from lipsync.errors import MediaError
from lipsync.media.colour import FULL
from lipsync.media.container import opened
from lipsync.media.decoders import of_pictures
from lipsync.media.film import Film, Turn
from lipsync.media.frame import Frame, Plane

THREADS = 2
HELD_BYTES = 128 * 1024**2
"""What playing backwards may hold: 97 frames of 1280×720."""

HINT = "Drop a video (mp4, mov, mkv, avi, webm) or a photo."
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT


def picture_stream(container: InputContainer, index: int) -> VideoStream:
    """Give the stream with that index in the file."""
    stream = container.streams[index]
    if not isinstance(stream, VideoStream):
        raise MediaError("the file has changed while it was read", "Drop it again.")
    return stream


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Give what can be decoded from where the container stands; broken packets are passed over."""
    stream.codec_context.options = of_pictures(stream)
    stream.codec_context.thread_count = THREADS
    stream.thread_type = "AUTO"
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


def frames(film: Film, start: int = 0) -> Iterator[Frame]:
    """Give every frame of the film from number ``start`` on, in order.

    A frame that cannot be decoded repeats the one before it, so that numbers and times hold.

    Raises:
        MediaError: More than a tenth cannot be decoded.
    """
    convert = converter(film)
    with opened(film.path, HINT) as container:
        stream = picture_stream(container, film.stream)
        key = 0 if film.numbered else film.key_before(start)
        if key:
            container.seek(film.stamps[key], stream=stream)
        for number, picture in _placed(decoded(container, stream), film, start):
            yield convert(picture, number)


def play(film: Film, indices: Sequence[int]) -> Iterator[Frame]:
    """Give the frames numbered ``indices``, however they run, holding no more than ``HELD_BYTES`` of them.

    Runs that go up are streamed, on to the next run where decoding cannot start nearer to it; runs that go down are
    decoded in pieces, each forwards, and given in reverse.
    """
    width, height = film.size
    most = max(2, HELD_BYTES // (width * height * 3 // 2))
    at = 0
    while at < len(indices):
        end = _rise(film, indices, at)
        if end > at + 1:
            wanted = set(indices[at:end])
            passing = islice(frames(film, indices[at]), indices[end - 1] - indices[at] + 1)
            yield from (frame for frame in passing if frame.index in wanted)
        else:
            end = min(_run(indices, at, -1), at + most)
            held = list(islice(frames(film, indices[end - 1]), end - at))
            while held:
                yield held.pop()
        at = end


def _rise(film: Film, indices: Sequence[int], at: int) -> int:
    """Where the frames that one pass from ``indices[at]`` on gives end (exclusive)."""
    end = at + 1
    while end < len(indices) and indices[end] > indices[end - 1]:
        near = 0 if film.numbered else film.key_before(indices[end])
        if indices[end] > indices[end - 1] + 1 and near > indices[end - 1]:
            break
        end += 1
    return end


def _run(indices: Sequence[int], at: int, step: int) -> int:
    """Where the run of ``indices`` that starts at ``at`` and goes by ``step`` ends (exclusive)."""
    end = at + 1
    while end < len(indices) and indices[end] == indices[end - 1] + step:
        end += 1
    return end


def _placed(pictures: Iterator[VideoFrame], film: Film, start: int) -> Iterator[tuple[int, VideoFrame]]:
    """Pair pictures with their numbers from ``start`` on; gaps are filled with the picture before."""
    stamps = film.stamps
    total, number, filled = len(stamps), start, 0
    last: VideoFrame | None = None
    for position, picture in zip(count(), pictures):
        stamp = position if film.numbered else picture.pts
        if stamp is None:
            continue
        while number < total and stamps[number] < stamp:
            filled += 1
            yield number, last or picture
            number += 1
        if number < total and stamps[number] == stamp:
            yield number, picture
            number += 1
        last = picture
        if number == total or filled * 10 > total + 10:
            break
    if last is None or (total - number + filled) * 10 > total + 10:
        raise MediaError(f"{film.path.name} is damaged: too many frames cannot be decoded", "Export it again.")
    for missing in range(number, total):
        yield missing, last


def converter(film: Film) -> Callable[[VideoFrame, int], Frame]:
    """Make the function that turns decoded pictures of ``film`` into upright 8-bit 4:2:0 frames."""
    reformatter = VideoReformatter()
    width, height = film.stored

    def convert(picture: VideoFrame, number: int) -> Frame:
        layout = "yuvj420p" if picture.format.name.startswith("yuvj") else "yuv420p"
        if (picture.format.name, picture.width, picture.height) != (layout, width, height):
            tags = {}
            if picture.format.is_rgb:
                tags = {"dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
            elif layout == "yuv420p" and film.colour.range != FULL:
                tags = {"dst_color_range": ColorRange.MPEG}
            picture = reformatter.reformat(picture, width, height, layout, interpolation=_EXACT, threads=1, **tags)
        return Frame(_upright(picture, film), film.colour, number, film.times[number])

    return convert


def _upright(picture: VideoFrame, film: Film) -> Plane:
    """Copy the planes, made even and turned, into one array of their own."""
    width, height = film.size
    data: Plane = np.empty((height * 3 // 2, width), np.uint8)
    chroma = data.reshape(-1)[height * width :].reshape(2, height // 2, width // 2)
    for plane, target in zip(picture.planes, (data[:height], chroma[0], chroma[1]), strict=True):
        stored = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        target[:] = _turned(_even(stored, target.shape, film.turn), film.turn)
    return data


def _even(plane: Plane, shape: tuple[int, ...], turn: Turn) -> Plane:
    """Repeat the last row or column where an odd picture is one short."""
    rows, columns = shape[::-1] if turn.transpose else shape
    if plane.shape == (rows, columns):
        return plane
    return np.pad(plane, ((0, rows - plane.shape[0]), (0, columns - plane.shape[1])), mode="edge")


def _turned(plane: Plane, turn: Turn) -> Plane:
    if turn.transpose:
        plane = plane.T
    return plane[:: -1 if turn.flip_y else 1, :: -1 if turn.flip_x else 1]
