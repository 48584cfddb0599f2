"""A stand-in for the program that Wav2Lip was published with: how it works, written anew from its description.

    python -m benchmarks.plainly CLIP SPEECH CHECKPOINT OUT

Every frame is read into memory; each face is cut out of a given box; batches of 128 go through the network in float32,
one after the other; each result is pasted as a rectangle into its frame, which is written to a first file (MPEG-4, as
its OpenCV writer has it); a second pass encodes that again, with the sound. No two stages overlap.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av
import cv2
import numpy as np
import torch

from benchmarks.transcode import transcode
from lipsync import Limits
from lipsync.media import open_speech
from lipsync.wav2lip.generator import Generator
from lipsync.wav2lip.melody import HZ, melody, windows

BATCH = 128
BOX = slice(120, 420), slice(520, 760)
"""Rows and columns of the face."""


def plainly(clip: Path, speech: Path, checkpoint: Path, out: Path) -> None:
    """Make a video the way that program does."""
    torch.set_num_threads(torch.get_num_threads())
    with av.open(str(clip)) as video:
        stream = video.streams.video[0]
        rate = stream.average_rate or 25
        frames = [frame.to_ndarray(format="bgr24") for frame in video.decode(stream)]
    mel = melody(open_speech(speech, Limits()).samples16k)
    heard = windows(mel, np.arange(0, mel.shape[1] / HZ - 0.2, float(1 / rate)))
    generator = Generator(checkpoint, "cpu", precision="float32")
    first = out.with_name("first.avi")
    with av.open(str(first), "w") as writer:
        encoder = writer.add_stream("mpeg4", rate=rate, bit_rate=4_000_000)
        encoder.width, encoder.height, encoder.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        for start in range(0, len(heard), BATCH):
            part = range(start, min(start + BATCH, len(heard)))
            faces = np.stack([cv2.resize(frames[n % len(frames)][BOX], (96, 96))[..., ::-1] for n in part])
            for number, drawn in zip(part, generator.draw(heard[part.start : part.stop], faces), strict=True):
                frame = frames[number % len(frames)].copy()
                size = BOX[1].stop - BOX[1].start, BOX[0].stop - BOX[0].start
                frame[BOX] = cv2.resize(drawn[..., ::-1], size)
                writer.mux(encoder.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        writer.mux(encoder.encode(None))
    transcode(first, speech, out)


if __name__ == "__main__":
    plainly(*map(Path, sys.argv[1:5]))
