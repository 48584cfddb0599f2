"""What the teacher (MediaPipe's face mesh) sees in talking videos, kept in .cache/teacher for other benchmarks.

``python -m benchmarks.teacher PYTHON [CLIP|FOLDER…]``: PYTHON is one that has mediapipe 0.10.21; without clips those of
../shared/data are taken. The pictures that it sees are the very frames that we see, upright and in full size.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from lipsync.face import MESH
from lipsync.media import Source, open_face
from lipsync.take import VIDEO_SUFFIXES, Options

ROOT = Path(__file__).parents[1]
CLIPS = ROOT.parent / "shared" / "data" / "clips"
CACHE = ROOT / ".cache" / "teacher"
EYE = Path(__file__).parent / "teacher_eye.py"
SUFFIXES = {*VIDEO_SUFFIXES, ".mpg"}
"""GRID comes as MPEG-1, which nobody drops any more."""


@dataclass(frozen=True)
class Lesson:
    """The teacher's word on a clip.

    Attributes:
        points: (T, 478, 3) float32 pixels of the upright picture, z in the same scale, smaller is nearer; NaN where it
            sees nobody. As it follows a video, so a face may be kept for some frames after it is gone.
        still: The same, each picture looked at by itself.
    """

    points: NDArray[np.float32]
    still: NDArray[np.float32]

    @property
    def ours(self) -> NDArray[np.float32]:
        """(T, 99, 2): ``points`` in our choice and order."""
        return self.points[:, list(MESH), :2]


def clips(places: list[Path]) -> list[Path]:
    """All videos of the places, which are files or folders."""
    inside = [sorted(place.rglob("*")) if place.is_dir() else [place] for place in places]
    return [path for paths in inside for path in paths if path.suffix.lower() in SUFFIXES]


def wrapped(clip: Path) -> Path:
    """The clip itself, or without loss, with its sound, as Matroska in .cache/clips where it is no file we open."""
    if clip.suffix.lower() in VIDEO_SUFFIXES:
        return clip
    out = CACHE.with_name("clips") / f"{clip.stem}.mkv"
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(f".{os.getpid()}-{out.name}")  # two benchmarks may want it at once
        _rewrap(clip, part)
        part.rename(out)
    return out


def _rewrap(clip: Path, out: Path) -> None:
    with av.open(str(clip)) as reader, av.open(str(out), "w") as writer:
        seen, heard = reader.streams.video[0], reader.streams.audio[0]
        rate = seen.average_rate or Fraction(25)
        stream = writer.add_stream("libx264", rate=rate, options={"qp": "0", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = seen.width, seen.height, "yuv420p"
        sound = writer.add_stream("pcm_s16le", rate=heard.rate, layout=heard.layout.name)
        for number, picture in enumerate(reader.decode(seen)):
            picture.pts, picture.time_base = number, 1 / rate
            writer.mux(stream.encode(picture))
        writer.mux(stream.encode(None))
        reader.seek(0)
        for samples in reader.decode(heard):
            samples.pts = None
            writer.mux(sound.encode(samples))
        writer.mux(sound.encode(None))


def opened(clip: Path) -> Source:
    """The clip as we see it."""
    return open_face(wrapped(clip), Options())


def lesson(clip: Path) -> Lesson | None:
    """Read what was kept of a clip; None where the teacher has not seen it."""
    path = CACHE / f"{clip.stem}.npz"
    if not path.exists():
        return None
    with np.load(path) as file:
        return Lesson(file["points"], file["still"])


def teach(python: str, clip: Path) -> None:
    """Show a clip to the teacher and keep the answer.

    Raises:
        RuntimeError: The teacher failed.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    out = CACHE / f"{clip.stem}.npz"
    part = out.with_name(f".{out.name}")
    source = opened(clip)
    words = [python, str(EYE), str(part), str(source.width), str(source.height)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as eye:
        assert eye.stdin is not None
        for frame in source.frames():
            eye.stdin.write(frame.rgb().tobytes())
        eye.stdin.close()
        if eye.wait():
            raise RuntimeError(f"{python} could not label {clip.name}: has it mediapipe?")
    part.rename(out)


def main(words: list[str]) -> None:
    """Label every clip that has no labels yet."""
    for clip in clips([Path(word) for word in words[1:]] or [CLIPS]):
        if lesson(clip) is None:
            teach(words[0], clip)
        known = lesson(clip)
        if known is not None:
            seen = np.isfinite(known.points[:, 0, 0])
            print(f"{clip.name}: {len(seen)} frames, a face in {seen.sum()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
