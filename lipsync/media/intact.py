"""Whether a JPEG decodes without a fault: OpenCV turns what is missing into grey and says nothing."""

from __future__ import annotations

import io

import av


def intact(jpeg: bytes) -> bool:
    """Decode ``jpeg`` strictly and say whether all of it made sense.

    True also for the rare kinds that only OpenCV reads (arithmetic coding, CMYK of some programs).
    """
    try:
        with av.open(io.BytesIO(jpeg), "r", format="jpeg_pipe", metadata_errors="replace") as container:
            stream = container.streams.video[0]
            stream.codec_context.options = {"err_detect": "explode"}
            return any(packet.decode() for packet in container.demux(stream))
    except av.InvalidDataError:
        return False
    except (av.FFmpegError, IndexError):
        return True
