"""Whose mouth shall speak: somebody known by a photo, or by how they look where they are first seen in the video.

Who is known is found again after a cut by the face and not by the place, and nobody else is taken for them.
"""

from __future__ import annotations

import numpy as np

from lipsync.errors import NoFaceError
from lipsync.face import Points
from lipsync.landmarks import spread
from lipsync.media import Frame
from lipsync.search import Face, choose
from lipsync.who import Likeness, Recogniser

LIKE_PHOTO, SURELY = 0.30, 0.45
"""Likeness to the photo from which somebody may be the person, and from which there is no doubt."""
LIKE_VIDEO = 0.20
"""Likeness to the same video's own frames below which it is somebody else; far lower, for nobody said there are two."""
RIVAL = 0.12
"""Likeness by which the wanted person should be ahead of everybody else in a frame."""
EVERY = 12
"""Frames between two looks at whether it is still the same person; two in a row must doubt it."""
FAMILIAR = 10
"""Looks after which a person is known well enough."""
ALONE = 0.6
"""Size of the second largest face of a photo, in sizes of the largest, from which both may be meant."""
_PORTRAIT = "Use a photo in which the person looks at the camera, well lit and not too small."


def met(photo: Frame, faces: list[Face], recogniser: Recogniser) -> Likeness:
    """Give what the one person of a photo looks like, or who is clearly the nearest.

    Raises:
        NoFaceError: There is no face, or more than one that may be meant.
    """
    if not faces:
        raise NoFaceError("no usable face in the photo of who is meant", _PORTRAIT)
    sizes = sorted(spread(face.points) for face in faces)
    if len(sizes) > 1 and sizes[-2] > ALONE * sizes[-1]:
        raise NoFaceError(
            f"{len(faces)} faces in the photo of who is meant, and more than one of them is large",
            "Cut the photo so that it shows the one person.",
        )
    largest = max(faces, key=lambda face: spread(face.points))
    return recogniser.look(photo, largest.points)


class Wanted:
    """One person through one video. Everything asked of it is in order of the frames."""

    def __init__(self, recogniser: Recogniser, photo: Likeness | None = None) -> None:
        self._recogniser = recogniser
        self._photo = photo
        self._sum = np.zeros(len(photo) if photo is not None else 0, np.float32)
        self._looks = 0
        self._until = 0
        self._strikes = 0
        self._likes: list[float] = []
        self._rivals: list[float] = []

    @property
    def known(self) -> bool:
        """Whether faces can tell who is meant, and not places alone."""
        return self._photo is not None or self._looks > 0

    def found(self, frame: Frame, faces: list[Face], pick: str | int, last: Points | None) -> Face | None:
        """The person among all faces of a frame, or None where they are not there.

        Args:
            frame: The picture.
            faces: From left to right.
            pick: Which face it is as long as nobody is known.
            last: Where they were in the frame before, if they were.
        """
        self._until, self._strikes = 0, 0
        if not self.known or not faces:
            return choose(faces, pick, last)
        looks = [self._recogniser.look(frame, face.points) for face in faces]
        likes = [self._like(look) for look in looks]
        best = int(np.argmax(likes))
        if likes[best] < self._least:
            return None
        if len(likes) > 1:
            self._rivals.append(likes[best] - sorted(likes)[-2])
        return faces[best]

    def still(self, frame: Frame, face: Face) -> bool:
        """Whether a face that was followed is the person's, as far as a look every now and then tells."""
        self._until -= 1
        if self._until > 0:
            return True
        look = self._recogniser.look(frame, face.points)
        like = self._like(look) if self.known else 1.0
        self._strikes = self._strikes + 1 if like < self._least else 0
        if self._strikes > 1:
            return False
        self._until = EVERY if self._strikes == 0 else 2
        if self._strikes == 0:
            self._remember(look, like)
        return True

    def nobody(self, frames: int) -> NoFaceError:
        """The error of a take that shows people, but not the wanted one."""
        where = "the picture" if frames == 1 else f"any of the {frames} frames"
        return NoFaceError(
            f"nobody in {where} looks like the person in the photo of who is meant",
            "Use a photo in which the person looks about as in the video, or say in which place they are: pick.",
        )

    def remarks(self, frames: int, strangers: int) -> tuple[str, ...]:
        """What a person should know about who was followed.

        Args:
            frames: All frames of the source.
            strangers: Those that only show others.
        """
        said = []
        if self._likes and float(np.median(self._likes)) < SURELY:
            said.append("the person in the photo of who is meant was hard to tell: see whether the right one speaks")
        elif self._rivals and float(np.median(self._rivals)) < RIVAL:
            said.append("two people look much alike: see whether the right one speaks")
        if strangers:
            said.append(f"{strangers / frames:.0%} of the frames only show somebody else, whose mouth was left alone")
        return tuple(said)

    @property
    def _least(self) -> float:
        return LIKE_VIDEO if self._photo is None else LIKE_PHOTO

    def _like(self, look: Likeness) -> float:
        known = self._sum if self._photo is None else self._photo
        return float(look @ known / max(float(np.linalg.norm(known)), 1e-6))

    def _remember(self, look: Likeness, like: float) -> None:
        if self._photo is not None:
            self._likes.append(like)
        elif self._looks < FAMILIAR:
            self._sum = self._sum + look if self._looks else look.copy()
            self._looks += 1
