"""The peer: decode a clip and encode it again with the settings that a render uses, nothing else.

`python -m benchmarks.transcode CLIP SPEECH OUT` does it once.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av

from lipsync import Options
from lipsync.media.encoder import PRESET, THREADS, sound_instructions


def transcode(clip: Path, speech: Path, out: Path) -> None:
    """Read, decode, encode and write: what no render can do without."""
    with av.open(str(clip)) as video, av.open(str(speech)) as sound, av.open(str(out), "w") as writer:
        pictures = video.streams.video[0]
        pictures.thread_type = "AUTO"
        settings = {"preset": PRESET, "crf": str(Options().quality), "profile": "high", **sound_instructions()}
        encoder = writer.add_stream("libx264", rate=pictures.average_rate, options=settings)
        encoder.width, encoder.height, encoder.pix_fmt = pictures.width, pictures.height, "yuv420p"
        encoder.thread_count = THREADS
        voice = writer.add_stream("aac", rate=sound.streams.audio[0].rate)
        for frame in video.decode(pictures):
            writer.mux(encoder.encode(frame))
        writer.mux(encoder.encode(None))
        for sounds in sound.decode(audio=0):
            writer.mux(voice.encode(sounds))
        writer.mux(voice.encode(None))


if __name__ == "__main__":
    transcode(*map(Path, sys.argv[1:4]))
