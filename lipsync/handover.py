"""Handover: what an external program is given: our own clean copies, named plainly, as long as the speech.

It never sees a byte that a stranger has made, and no name of theirs: many programs hand paths to a shell. What
arrives is a PNG or an H.264 video with its frames upright, at the length of the speech, and 16 kHz mono WAV.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from lipsync.errors import StorageError
from lipsync.keeper import AUDIO, FACES
from lipsync.media import Frame, Source, Timeline, open_speech, write_video
from lipsync.take import Options

_FINER = 8
"""By how much better the copy is than what will be made of it: no difference can be seen."""
_RATE = 16000


def hand_over(
    folder: Path, source: Source, line: Timeline, speech: Path, options: Options, drawn: Callable[[int], None]
) -> Path:
    """Write face and speech into a folder, and give the face's file.

    Args:
        folder: Where.
        source: The face.
        line: When each of its frames is shown.
        speech: What it shall say.
        options: Those of the take.
        drawn: Is told how many frames are written.

    Raises:
        MediaError: One of them cannot be read.
        StorageError: The disk is full.
    """
    try:
        _write_speech(folder / AUDIO, speech, options)
        if source.kind == "photo":
            face = folder / FACES[1]
            frame = next(source.frames())
            face.write_bytes(cv2.imencode(".png", frame.rgb()[:, :, ::-1])[1].tobytes())
            return face
    except OSError as error:
        raise StorageError(f"there is no room for the program's files ({error.strerror})", "Make room.") from error
    face = folder / FACES[0]
    fine = replace(options, quality=max(1, options.quality - _FINER))
    frames = _counted(source.play(line.indices.tolist()), drawn)
    write_video(face, source, line, frames, speech, fine)
    return face


def _write_speech(path: Path, speech: Path, options: Options) -> None:
    samples = open_speech(speech, options.limits).samples16k
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(np.rint(samples.clip(-1, 1) * 32767).astype("<i2").tobytes())


def _counted(frames: Iterable[Frame], drawn: Callable[[int], None]) -> Iterator[Frame]:
    for number, frame in enumerate(frames, start=1):
        yield frame
        drawn(number)
