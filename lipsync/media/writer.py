"""Frames and a speech become an mp4 file; encoding runs beside the drawing."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from queue import Full, Queue

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipsync.errors import LimitError, MediaError, StorageError
from lipsync.media.audio import sounds
from lipsync.media.encoder import Picture, add_pictures, add_sound
from lipsync.media.frame import Frame
from lipsync.media.preview import previewed
from lipsync.media.soundtrack import Soundtrack
from lipsync.media.source import Source
from lipsync.media.timeline import Timeline
from lipsync.take import Options

WAITING = 8
"""Frames that may wait for the encoder."""

FINEST = 2**31 - 1
_STORAGE = {errno.ENOSPC, errno.ENOENT, errno.EIO, errno.EROFS, errno.EDQUOT, errno.ESTALE, errno.ENODEV, errno.ENXIO}


def write_video(
    path: Path, source: Source, timeline: Timeline, frames: Iterable[Frame], speech: Path, options: Options
) -> None:
    """Write ``frames`` at the times of ``timeline`` and the speech, as H.264 and AAC in an mp4 that starts at once.

    Times are exact; tags of colour and pixel shape are the source's; the same input gives the same bytes.

    Args:
        path: Where; the caller has chosen a private name. It may hold a torn file after an error.
        source: Whose frames they are.
        timeline: When each appears; as many as there are frames.
        frames: In order; each is given away and must not be changed afterwards.
        speech: The file whose sound is to be heard, from its first sample on.
        options: Quality, encoder, device; and whether there is a small picture beside it meanwhile.

    Raises:
        StorageError: The disk is full, read-only or gone.
        MediaError: The speech cannot be read, or no encoder works.
    """
    queue: Queue[Frame | None] = Queue(WAITING)
    with ThreadPoolExecutor(1, "encoder") as pool:
        work = pool.submit(_encode, path, source, timeline, _taken(queue), speech, options)
        try:
            for frame in frames:
                if not _put(queue, frame, work):
                    break
        finally:
            _put(queue, None, work)
        work.result()


def _put(queue: Queue[Frame | None], frame: Frame | None, work: Future[None]) -> bool:
    """Hand a frame over; False when nobody takes it any more."""
    while not work.done():
        try:
            queue.put(frame, timeout=0.5)
        except Full:
            continue
        return True
    return False


def _taken(queue: Queue[Frame | None]) -> Iterator[Frame]:
    while (frame := queue.get()) is not None:
        yield frame


def _encode(
    path: Path, source: Source, timeline: Timeline, frames: Iterator[Frame], speech: Path, options: Options
) -> None:
    picture = _picture(source, timeline)
    heard = next(sounds(speech), None)
    if heard is None:
        raise MediaError(f"{speech.name} has no sound in it", "Record or export it again.")
    with _storing(path), _created(path, min(heard.sample_rate, 48000)) as container:
        pictures = add_pictures(container, picture, options)
        sound = add_sound(container, heard.sample_rate, heard.layout.nb_channels)
        container.start_encoding()
        soundtrack = Soundtrack(speech, sound)
        stays = {
            _ticks(time, picture.tick): stay for time, stay in zip(timeline.times, timeline.durations, strict=True)
        }
        with previewed(path, picture.sample_aspect, options.preview) as show:
            for frame, time in zip(frames, timeline.times, strict=True):
                show(frame)
                container.mux(list(soundtrack.until(time)))
                _mux(container, pictures, _stamped(frame, _ticks(time, picture.tick), picture.tick), stays)
        _mux(container, pictures, None, stays)
        container.mux(list(soundtrack.rest()))


def _picture(source: Source, timeline: Timeline) -> Picture:
    fineness = math.lcm(*(moment.denominator for moment in (*timeline.times, timeline.seconds)))
    return Picture(
        width=source.width,
        height=source.height,
        fps=timeline.fps.limit_denominator(100_000),
        tick=Fraction(1, fineness if fineness <= FINEST else 90_000),
        steady=len(set(timeline.durations)) == 1,
        sample_aspect=source.sample_aspect,
        colour=source.colour,
    )


def _ticks(time: Fraction, tick: Fraction) -> int:
    return round(time / tick)


def _stamped(frame: Frame, stamp: int, tick: Fraction) -> VideoFrame:
    picture = VideoFrame.from_numpy_buffer(frame.data, "yuv420p") if frame.height % 4 == 0 else _copied(frame)
    picture.pts, picture.time_base = stamp, tick
    return picture


def _copied(frame: Frame) -> VideoFrame:
    """Copy the planes one by one: PyAV takes a buffer as it is only where 4 divides the height, else it loses rows."""
    picture = VideoFrame(frame.width, frame.height, "yuv420p")
    for plane, values in zip(picture.planes, frame.planes, strict=True):
        stored = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
        stored[: values.shape[0], : values.shape[1]] = values
    return picture


def _mux(
    container: OutputContainer, stream: VideoStream, picture: VideoFrame | None, stays: dict[int, Fraction]
) -> None:
    for packet in stream.encode(picture):
        packet.duration = _ticks(stays[packet.pts or 0], packet.time_base)
        container.mux(packet)


@contextmanager
def _created(path: Path, timescale: int) -> Iterator[OutputContainer]:
    """Open an mp4 for writing; its edit lists count in ``timescale``, fine enough to cut sound at a sample."""
    options = {"fflags": "+bitexact", "movflags": "+faststart", "movie_timescale": str(timescale)}
    with av.open(f"file:{path}", "w", format="mp4", container_options=options) as container:
        yield container


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    """Turn what FFmpeg raises while ``path`` is written into an error that says whether another try can help."""
    try:
        yield
    except av.FFmpegError as error:
        if error.errno in _STORAGE:
            message = f"{path.name} cannot be written: {error.strerror}"
            raise StorageError(message, "Make room on the disk or check that the share is there.") from error
        if error.errno == errno.EFBIG:
            hint = (
                "Cut the speech into parts, lower render.width and render.height, or have limits.output_bytes raised."
            )
            raise LimitError("the video would become larger than is allowed", hint) from error
        raise MediaError(f"the video cannot be encoded: {error.strerror}", "Look into the log.") from error
