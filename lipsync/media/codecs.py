"""Which of the encoders we write videos with work on this machine."""

from __future__ import annotations

import av

from lipsync.errors import MediaError
from lipsync.media.encoder import encoder_name

PICTURE = ("libx264", "h264_nvenc")


def working() -> dict[str, bool]:
    """Try libx264, h264_nvenc and aac, and say of each whether it encodes."""
    return {**{name: _draws(name) for name in PICTURE}, "aac": _sounds()}


def _draws(name: str) -> bool:
    try:
        return encoder_name(name, "auto") == name
    except MediaError:
        return False


def _sounds() -> bool:
    try:
        context = av.AudioCodecContext.create("aac", "w")
        context.sample_rate, context.layout, context.format = 48000, "mono", "fltp"
        context.open()
    except (av.FFmpegError, ValueError):
        return False
    return True
