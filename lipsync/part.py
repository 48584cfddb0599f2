"""What the mouth does in every frame of the output: the speech's motion laid on the subject's time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.articulation import Motion
from lipsync.errors import NoFaceError
from lipsync.media import Timeline
from lipsync.subject import Subject

OPEN, WIDTH, UPPER = 0, 1, 2
EXPOSED = 0.5
"""Share of a frame's time for which cameras usually look."""
BLUR_COST = 0.35
"""How much opening (IOD) a good poster gives up for a head that moves one IOD less between frames."""


@dataclass(frozen=True)
class Part:
    """One mouth through T output frames.

    Attributes:
        values: (T, 6) the mouth's parameters.
        numbers: (T,) which source frame each is drawn on.
        strength: (T,) 0–1, how far the mouth is driven.
        poster: Which output frame shows the mouth well open and the head at rest.
        tongue: (T,) 0–1, how far the tip of the tongue is up.
        blur: (T,) how far the lower lip moves while each frame is exposed, in IOD.
    """

    values: NDArray[np.float32]
    numbers: NDArray[np.int64]
    strength: NDArray[np.float64]
    poster: int
    tongue: NDArray[np.float32]
    blur: NDArray[np.float32]

    @property
    def driven(self) -> int:
        """Frames that do not pass through untouched."""
        return int((self.strength > 0).sum())


def part_of(subject: Subject, motion: Motion, line: Timeline) -> Part:
    """Lay a speech's motion on the frames of a timeline.

    Every frame gets the mouth of the middle of the time that it is shown.

    Raises:
        NoFaceError: There is a face, and the mouth could be moved in no frame of it.
    """
    values = motion.at(line.mid_times)
    numbers = np.asarray(line.indices, np.int64)
    strength = subject.strength[numbers]
    if not strength.any():
        raise NoFaceError(
            "the face is hidden, turned away or too small all the time",
            "Use a picture or video in which a person looks at the camera, well lit and not too small.",
        )
    return Part(
        values=values,
        numbers=numbers,
        strength=strength,
        poster=_poster(values, strength, numbers, subject),
        tongue=motion.tongue_at(line.mid_times),
        blur=_blur(values),
    )


def _blur(values: NDArray[np.float32]) -> NDArray[np.float32]:
    pace = np.gradient(values[:, OPEN]) if len(values) > 1 else np.zeros(len(values))
    return np.asarray(EXPOSED * np.abs(pace), np.float32)


def _poster(
    values: NDArray[np.float32], strength: NDArray[np.float64], numbers: NDArray[np.int64], subject: Subject
) -> int:
    pace = np.hypot(*np.gradient(subject.poses.shift, axis=0).T) if len(subject.poses) > 1 else np.zeros(1)
    pace = np.nan_to_num(pace / subject.poses.scale, nan=1.0)
    worth = values[:, OPEN] - BLUR_COST * pace[numbers] - 10 * (1 - strength)
    return int(np.argmax(worth))
