"""What is known of a video before its pictures are decoded: when each frame appears, and how it is to be turned."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from lipsync.media.colour import Colour


@dataclass(frozen=True)
class Turn:
    """How stored pictures become upright ones: first ``transpose``, then the flips."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False


@dataclass(frozen=True)
class Film:
    """A video file, looked through once.

    Attributes:
        path: The file.
        stream: Index of the picture stream in the file.
        stamps: Time stamp of each frame in the file's own units, strictly increasing; or just 0, 1, 2, …
            where ``numbered``: the file's stamps are missing or repeat themselves.
        numbered: Frames can only be found by counting from the start.
        times: Seconds from 0, strictly increasing.
        duration: Seconds, with the last frame.
        keys: Numbers of the frames at which decoding can start, in order.
        fps: The constant rate, or the mean.
        stored: (width, height) to which a picture is scaled before it is turned; may be odd.
        turn: How it is turned.
        colour: Its tags; of the standard where the file holds RGB.
        sample_aspect: Width of a pixel by its height, upright; 1 where unknown.
        has_audio: The file carries sound too.
    """

    path: Path
    stream: int
    stamps: tuple[int, ...]
    numbered: bool
    times: tuple[Fraction, ...]
    duration: Fraction
    keys: tuple[int, ...]
    fps: Fraction
    stored: tuple[int, int]
    turn: Turn
    colour: Colour
    sample_aspect: Fraction
    has_audio: bool

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the upright frames: even."""
        width, height = (side + side % 2 for side in self.stored)
        return (height, width) if self.turn.transpose else (width, height)

    def key_before(self, number: int) -> int:
        """The last frame up to ``number`` at which decoding can start."""
        at = bisect_right(self.keys, number)
        return self.keys[at - 1] if at else 0
