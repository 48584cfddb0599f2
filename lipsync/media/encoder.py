"""How pictures and sound are encoded: the same input gives the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import cv2
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipsync.errors import MediaError
from lipsync.media.colour import Colour
from lipsync.take import Options

PRESET = "veryfast"
THREADS = 4
"""Fixed, not counted: x264 gives other bytes for another number of threads."""

USUAL = 20
"""Quality for a trial."""

LARGEST_RATE = 48000
AAC_RATES = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)


@dataclass(frozen=True)
class Picture:
    """What the picture stream is to be.

    Attributes:
        width: Even.
        height: Even.
        fps: For the rate control and the header; times are exact on their own.
        tick: Unit in which all times are whole numbers.
        steady: All frames stay equally long.
        sample_aspect: Width of a pixel by its height.
        colour: Tags to write, as found.
    """

    width: int
    height: int
    fps: Fraction
    tick: Fraction
    steady: bool
    sample_aspect: Fraction
    colour: Colour


def add_pictures(container: OutputContainer, picture: Picture, options: Options) -> VideoStream:
    """Add the H.264 stream, with the encoder the options name.

    Raises:
        MediaError: The encoder does not work here.
    """
    name = encoder_name(options.encoder, options.device, picture)
    stream = container.add_stream(
        name, picture.fps, options=_settings(name, options.quality, picture.steady), time_base=picture.tick
    )
    if not isinstance(stream, VideoStream):
        raise MediaError(f"the encoder {name} does not encode pictures", "Set render.encoder to libx264.")
    _set_up(stream.codec_context, picture)
    stream.codec_context.flags |= Flags.bitexact
    return stream


def add_sound(container: OutputContainer, rate: int, channels: int) -> AudioStream:
    """Add the AAC stream: the speech's own rate and channels as far as AAC and two ears go."""
    rate = next((known for known in reversed(AAC_RATES) if known >= rate), LARGEST_RATE)
    stream = container.add_stream("aac", rate, bit_rate=min(96000, rate * 4) * min(channels, 2))
    if not isinstance(stream, AudioStream):
        raise MediaError("this build of PyAV has no AAC encoder", "Install PyAV from its wheel.")
    stream.codec_context.layout = "mono" if channels == 1 else "stereo"
    stream.codec_context.flags |= Flags.bitexact
    return stream


def encoder_name(wanted: str, device: str, picture: Picture | None = None) -> str:
    """Name the encoder to use: "auto" is NVENC where it works and the device is not "cpu", otherwise x264.

    Args:
        wanted: "auto" or a name.
        device: "auto", "cpu" or "cuda".
        picture: What is to be encoded: a GPU refuses small and large ones, and more than so many videos at once. None
            asks about encoders in general.

    Raises:
        MediaError: It was asked for by name and does not work.
    """
    if wanted == "auto":
        there = device != "cpu" and _works("h264_nvenc") and (picture is None or _encodes("h264_nvenc", picture))
        return "h264_nvenc" if there else "libx264"
    if not _works(wanted):
        raise MediaError(f"the encoder {wanted} does not work on this machine", 'Set render.encoder to "libx264".')
    return wanted


@lru_cache
def _works(name: str) -> bool:
    """Whether the encoder encodes a small grey picture."""
    return _encodes(name, Picture(256, 256, Fraction(25), Fraction(1, 25), True, Fraction(1), Colour()))


def _encodes(name: str, picture: Picture) -> bool:
    """Whether the encoder encodes such a picture now."""
    try:
        context = av.CodecContext.create(name, "w")
        if not isinstance(context, VideoCodecContext):
            return False
        _set_up(context, picture)
        context.options = _settings(name, USUAL, picture.steady)  # an old driver may know the encoder, but not these
        frame = VideoFrame(picture.width, picture.height, "yuv420p")
        frame.pts = 0
        return bool(context.encode(frame) + context.encode(None))
    except (av.FFmpegError, ValueError):
        return False


def _settings(name: str, quality: int, steady: bool) -> dict[str, str]:
    if name == "h264_nvenc":
        return {"preset": "p5", "rc": "vbr", "cq": str(quality), "b": "0", "bf": "0", "profile": "high"}
    settings = {"preset": PRESET, "crf": str(quality), "profile": "high", **sound_instructions()}
    # reordered frames of changing length would shift the end of the stream
    return settings if steady else settings | {"bf": "0"}


@lru_cache
def sound_instructions() -> dict[str, str]:
    """Give the setting that keeps x264 from the AVX-512 of this processor; {} where it has none.

    With it, x264 gives other bytes now and then for the same pictures (seen with widths of 160 to 480), and others than
    any other processor: its macroblock tree is to blame. AVX2 costs some hundredths of its time.
    """
    known = {name.strip("*") for name in cv2.getCPUFeaturesLine().split()}
    return {"x264-params": "asm=AVX2"} if {"AVX2", "AVX512-SKX"} <= known else {}


def _set_up(context: VideoCodecContext, picture: Picture) -> None:
    context.width, context.height = picture.width, picture.height
    context.pix_fmt = "yuv420p"
    context.framerate = picture.fps
    context.time_base = picture.tick
    context.sample_aspect_ratio = picture.sample_aspect
    context.colorspace = picture.colour.matrix
    context.color_primaries = picture.colour.primaries
    context.color_trc = picture.colour.transfer
    context.color_range = picture.colour.range
    context.thread_count = THREADS
