"""A sheet of labels to judge by: both styles, three texts, wide and tall and tiny, drawn by the engine itself.

python -m benchmarks.label              draws docs/label.jpg of the bundled sample
python -m benchmarks.label OUT.jpg      draws it elsewhere
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import lipsync
from benchmarks.clips import OPTIONS
from benchmarks.material import SAMPLE
from lipsync import Marks
from lipsync.media import open_face

WORDS = (Marks(preset="eu"), Marks(preset="cn"), Marks(text="Made with AI"))
SHAPES = ((640, 360), (360, 640), (256, 256))
"""Width and height of the pictures that are cut from the bundled photo."""
HIGH = 250
"""Pixels of a row of the sheet."""
AT = 30
"""Number of the frame that is shown."""

Bgr = NDArray[np.uint8]


def cut(size: tuple[int, int], out: Path) -> Path:
    """Cut a picture with the face in it from the bundled photo."""
    photo = cv2.imread(str(SAMPLE / "astronaut.jpg"))
    high, wide = photo.shape[:2]
    scale = max(size[0] / wide, size[1] / high)
    large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    left = min(max(0, int(0.44 * large.shape[1] - size[0] / 2)), large.shape[1] - size[0])
    cv2.imwrite(str(out), large[: size[1], left : left + size[0]], [cv2.IMWRITE_JPEG_QUALITY, 95])
    return out


def shown(face: Path, marks: Marks, folder: Path) -> Bgr:
    """Render a face with a label and give one frame of the film."""
    studio = lipsync.load(replace(OPTIONS, marks=replace(marks, visible=True)))
    take = lipsync.Take(face, SAMPLE / "hello.en.flac")
    render = studio.render(take, folder / "o.mp4", folder / "o.jpg", lambda progress: None)
    frame = next(frame for number, frame in enumerate(open_face(render.video, OPTIONS).frames()) if number == AT)
    return np.asarray(frame.rgb()[:, :, ::-1], np.uint8)


def row(pictures: Sequence[Bgr]) -> Bgr:
    """Put pictures of one height side by side."""
    gap = np.full((HIGH, 6, 3), 255, np.uint8)
    scaled = [
        cv2.resize(one, (round(one.shape[1] * HIGH / one.shape[0]), HIGH), interpolation=cv2.INTER_AREA)
        for one in pictures
    ]
    return np.asarray(np.hstack([part for one in scaled for part in (one, gap)][:-1]), np.uint8)


def main(words: list[str]) -> None:
    """Draw the sheet."""
    out = Path(words[0]) if words else Path(__file__).parents[1] / "docs" / "label.jpg"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        faces = [cut(size, folder / f"{size[0]}.jpg") for size in SHAPES]
        rows = [
            row([shown(face, replace(marks, style=style), folder) for face, marks in zip(faces, texts, strict=True)])
            for style, texts in (("corner", WORDS), ("opening", (WORDS[2], WORDS[0], WORDS[1])))
        ]
    gap = np.full((6, rows[0].shape[1], 3), 255, np.uint8)
    sheet = np.vstack([rows[0], gap, rows[1]])
    cv2.imwrite(str(out), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])
    print(out)


if __name__ == "__main__":
    main(sys.argv[1:])
