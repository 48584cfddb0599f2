"""Whose face: a photo or a video, as upright frames with exact times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from lipsync.errors import MediaError
from lipsync.media import decode
from lipsync.media.colour import STANDARD, Colour
from lipsync.media.film import Film
from lipsync.media.frame import Frame
from lipsync.media.photo import read_photo
from lipsync.media.scan import scan
from lipsync.take import PHOTO_SUFFIXES, VIDEO_SUFFIXES, Options


@dataclass(frozen=True)
class Source:
    """A face file that has been looked through; its frames are decoded anew by each call.

    Attributes:
        path: The file.
        kind: "photo" or "video".
        width: Of the upright frames; even.
        height: Likewise.
        fps: The constant rate of a video, or its mean; of a photo, what the options ask for.
        times: Seconds from 0 at which each frame appears; strictly increasing.
        duration: Seconds with the last frame; of a photo 0.
        sample_aspect: Width of a pixel by its height.
        colour: The tags to be written to what is made of it.
        has_audio: The file carries sound too.
    """

    path: Path
    kind: str
    width: int
    height: int
    fps: Fraction
    times: tuple[Fraction, ...]
    duration: Fraction
    sample_aspect: Fraction
    colour: Colour
    has_audio: bool
    _photo: Frame | None = field(default=None, repr=False, compare=False)
    _film: Film | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.times)

    def frames(self) -> Iterator[Frame]:
        """Give all frames in order, one pass; each is the caller's own.

        Raises:
            MediaError: The file turns out to be damaged.
        """
        if self._film is not None:
            yield from decode.frames(self._film)
        elif self._photo is not None:
            yield self._photo.copy()

    def play(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Give the frames numbered ``indices``, forth and back, each the caller's own; memory is bounded.

        Raises:
            MediaError: The file turns out to be damaged.
        """
        if self._film is not None:
            yield from decode.play(self._film, indices)
        elif self._photo is not None:
            for _ in indices:
                yield self._photo.copy()


def open_face(path: Path, options: Options) -> Source:
    """Look through a photo or a video (by suffix) and say what it is.

    Pictures come upright, in 8 bits, with even sides, and no larger than ``options.width`` × ``options.height``.

    Raises:
        LimitError: Larger than ``options.limits`` allow.
        MediaError: Not what its name says, damaged, cut off or empty.
    """
    suffix = path.suffix.lower()
    if suffix in PHOTO_SUFFIXES:
        return _of_photo(path, options)
    if suffix in VIDEO_SUFFIXES:
        return _of_video(path, options)
    raise MediaError(f"{path.name} is neither a photo nor a video", "Drop a jpg, png, webp, mp4, mov, mkv or webm.")


def _of_photo(path: Path, options: Options) -> Source:
    frame = read_photo(path, options)
    return Source(
        path=path,
        kind="photo",
        width=frame.width,
        height=frame.height,
        fps=options.fps,
        times=(Fraction(0),),
        duration=Fraction(0),
        sample_aspect=Fraction(1),
        colour=STANDARD,
        has_audio=False,
        _photo=frame,
    )


def _of_video(path: Path, options: Options) -> Source:
    film = scan(path, options)
    width, height = film.size
    return Source(
        path=path,
        kind="video",
        width=width,
        height=height,
        fps=film.fps,
        times=film.times,
        duration=film.duration,
        sample_aspect=film.sample_aspect,
        colour=film.colour,
        has_audio=film.has_audio,
        _film=film,
    )
