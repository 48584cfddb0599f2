"""Draw docs/gallery.png: eight frames of a photo and of a video, evenly spread over a sentence of the sample.

`python -m benchmarks.gallery` uses the bundled sample; `python -m benchmarks.gallery OUT.png SPEECH FACE…` any other.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import lipsync
from benchmarks.material import SAMPLE
from lipsync.face import LIPS
from lipsync.media import open_face
from lipsync.tracker import load_tracker

COLUMNS = 8
SIDE = 224
OPTIONS = lipsync.Options(device="cpu")


def spread(video: Path, begin: float, end: float) -> list[NDArray[np.uint8]]:
    """Frames at evenly spread times."""
    wanted = list(np.linspace(begin, end, COLUMNS))
    shown: list[NDArray[np.uint8]] = []
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            while wanted and frame.time is not None and frame.time >= wanted[0]:
                shown.append(frame.to_ndarray(format="bgr24"))
                wanted.pop(0)
    return shown


def close_up(picture: NDArray[np.uint8], box: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A square around the mouth: centre and half side in pixels."""
    x, y, half = box
    padded = cv2.copyMakeBorder(picture, half, half, half, half, cv2.BORDER_REPLICATE)
    cut = padded[y : y + 2 * half, x : x + 2 * half]
    return cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA if half > SIDE // 2 else cv2.INTER_CUBIC)


def mouth(face: Path, options: lipsync.Options) -> tuple[int, int, int]:
    """Where the mouth of a face is, on average: centre and half side of a square around it, in pixels."""
    track = load_tracker("auto", "cpu").track(open_face(face, options).frames(), "largest", lambda number: None)
    x, y = np.nanmean(track.points[:, LIPS], axis=(0, 1))
    return int(x), int(y), int(1.1 * np.nanmedian(track.iod))


def row(studio: lipsync.Studio, face: Path, speech: Path, folder: Path, span: tuple[float, float]) -> NDArray[np.uint8]:
    """One face over the sentence: whole pictures above, close-ups below."""
    video = folder / "video.mp4"
    studio.render(lipsync.Take(face, speech), video, folder / "poster.jpg", lambda progress: None)
    frames = spread(video, *span)
    side = min(frames[0].shape[:2])
    whole = [cv2.resize(frame[:side, :side], (SIDE, SIDE), interpolation=cv2.INTER_AREA) for frame in frames]
    box = mouth(face, OPTIONS)
    near = [close_up(frame, box) for frame in frames]
    return np.vstack([np.hstack(whole), np.hstack(near)])


def main(words: list[str]) -> None:
    """Draw the sheet."""
    out = Path(words[0]) if words else Path(__file__).parents[1] / "docs" / "gallery.png"
    speech = Path(words[1]) if words else SAMPLE / "hello.flac"
    faces = [Path(word) for word in words[2:]] or [SAMPLE / "astronaut.jpg", SAMPLE / "astronaut.mp4"]
    studio = lipsync.load(OPTIONS)
    with tempfile.TemporaryDirectory() as name:
        rows = [row(studio, face, speech, Path(name), (0.6, 3.8)) for face in faces]
    cv2.imwrite(str(out), np.vstack(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(out)


if __name__ == "__main__":
    main(sys.argv[1:])
