"""Whose mouth shall speak: somebody known by a photo, or by how they look where they are first seen in the video.

Who is known is found again after a cut by the face and not by the place, and nobody else is taken for them.
"""

from __future__ import annotations

import numpy as np

from lipsync.errors import NoFaceError
from lipsync.face import Points
from lipsync.landmarks import spread
from lipsync.media import Frame
from lipsync.scene import jumped
from lipsync.search import Face, choose
from lipsync.who import Likeness, Recogniser

LIKE_PHOTO, SURELY = 0.40, 0.70
"""Likeness of a whole shot to the photo from which it may show the person, and from which there is little doubt."""
SAME_ASKED, SAME = 0.60, 0.35
"""Likeness of two shots of a video from which they show one person: where a photo asks for somebody, and where nobody
said that there are several people."""
STRANGE = 0.15
"""Likeness below which a face is not even tried."""
RIVAL = 0.12
"""Likeness by which the wanted person should be ahead of everybody else."""
EVERY = 12
"""Frames between two looks at whether it is still the same person; two in a row must doubt it."""
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
    """One person through one video. Everything asked of it is in order of the frames.

    In each shot the likeliest face is followed; which shots really show the person is decided when all are known.

    Attributes:
        shot: Which shot the last found face is in, from 0; -1 before the first.
    """

    def __init__(self, recogniser: Recogniser, photo: Likeness | None = None) -> None:
        self.shot = -1
        self._recogniser = recogniser
        self._photo = photo
        self._sums: list[Likeness] = []
        self._rivals: list[Likeness] = []
        self._until = self._strikes = 0

    @property
    def known(self) -> bool:
        """Whether faces can tell who is meant, and not places alone."""
        return self._photo is not None or bool(self._sums)

    def found(self, frame: Frame, faces: list[Face], pick: str | int, last: Points | None) -> Face | None:
        """The person among all faces of a frame, or None where they are not there.

        Args:
            frame: The picture.
            faces: From left to right.
            pick: Which face it is as long as nobody is known.
            last: Where they were when last seen in this shot; who is there now is still the same.
        """
        if not faces:
            return None
        looks = [self._recogniser.look(frame, face.points) for face in faces]
        stays = [face for face in faces if last is not None and not jumped(face.points, last)]
        if self.known and stays and self._sums:
            self._until, self._strikes = 1, 0
            return stays[0]
        if self.known:
            likes = [float(look @ self._sought()) for look in looks]
            best = int(np.argmax(likes))
            chosen = faces[best] if likes[best] >= STRANGE else None
        else:
            chosen = choose(faces, pick, last)
        if chosen is None:
            return None
        for face, look in zip(faces, looks, strict=True):
            (self._sums if face is chosen else self._rivals).append(look)
        self.shot += 1
        self._until, self._strikes = EVERY, 0
        return chosen

    def still(self, frame: Frame, face: Face) -> bool:
        """Whether a face that was followed is the person's, as far as a look every now and then tells."""
        self._until -= 1
        if self._until > 0:
            return True
        look = self._recogniser.look(frame, face.points)
        self._strikes = self._strikes + 1 if float(look @ _unit(self._sums[-1])) < SAME else 0
        self._until = EVERY if self._strikes == 0 else 2
        if self._strikes == 0:
            self._sums[-1] = self._sums[-1] + look
        return self._strikes < 2

    def kept(self) -> frozenset[int]:
        """The shots that show the person."""
        if not self._sums:
            return frozenset()
        best = self._best()
        if self._photo is not None and float(_unit(self._sums[best]) @ self._photo) < LIKE_PHOTO:
            return frozenset()
        same = SAME if self._photo is None else SAME_ASKED
        theirs = _unit(self._sums[best])
        near = [float(_unit(one) @ theirs) for one in self._sums]
        return frozenset(number for number, like in enumerate(near) if like >= same)

    def _sought(self) -> Likeness:
        """Whom to look for: the photo, or the shot so far that is surely theirs."""
        best = _unit(self._sums[self._best()]) if self._sums else None
        if self._photo is None:
            return best if best is not None else np.zeros(1, np.float32)
        sure = best is not None and float(best @ self._photo) >= SURELY
        return _unit(self._photo + best) if best is not None and sure else self._photo

    def _best(self) -> int:
        """The shot that is most like the photo; the first where there is none."""
        if self._photo is None:
            return 0
        return int(np.argmax([float(_unit(one) @ self._photo) for one in self._sums]))

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
        if self._photo is not None:
            best = float(_unit(self._sums[self._best()]) @ self._photo)
            kept = self.kept()
            others = [_unit(one) for number, one in enumerate(self._sums) if number not in kept]
            rival = max((float(one @ self._photo) for one in [*others, *self._rivals]), default=-1.0)
            if best < SURELY or rival > best - RIVAL:
                said.append("the photo of who is meant left some doubt: see whether the right person speaks")
        if strangers:
            said.append(f"{strangers / frames:.0%} of the frames only show somebody else, whose mouth was left alone")
        return tuple(said)


def _unit(looks: Likeness) -> Likeness:
    return looks / max(float(np.linalg.norm(looks)), 1e-6)
