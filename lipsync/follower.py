"""Keeps to one person from frame to frame: follows, notices when they are lost, and finds them again."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

import numpy as np

from lipsync.face import K, Points, Track
from lipsync.landmarks import Landmarks, Matrix, Reading, face_crop
from lipsync.media import Frame
from lipsync.scene import Scene, jumped
from lipsync.search import DRIFT, LOST, Face, Search, close_up, strays, with_lips
from lipsync.wanted import Wanted

PATIENCE = 50
"""Frames without a face after which the whole search is tried again; before that only a quick look."""
HASTE = 3 * DRIFT
"""Drift of the crop, in its pixels, from which a frame is read again at once and not only the next one better."""


PAUSE = 4
"""Frames that are not searched again after one in which there are faces, but not the one that is wanted."""


@dataclass(frozen=True)
class Ahead:
    """The next frame, being read in the crop that will do unless the face strays from it."""

    frame: Frame
    to_crop: Matrix
    reading: Future[Reading]


@dataclass(frozen=True)
class Sight:
    """What was seen in one frame: points or None, their score, whether this is a new beginning, and of which shot."""

    points: Points | None
    score: float
    fresh: bool
    shot: int = -1


ABSENT = Sight(None, 0.0, fresh=False)


class Follower:
    """Give it every frame of a source, in order.

    Attributes:
        most: Most faces that a search has shown at once.
        strangers: Frames in which there were faces, but not the one that is wanted.
    """

    def __init__(
        self,
        search: Search,
        landmarks: Landmarks,
        wanted: Wanted,
        pick: str | int,
        still: bool,
        pool: Executor | None = None,
    ) -> None:
        """Prepare.

        Args:
            search: Finds faces.
            landmarks: Reads them.
            wanted: Whose face it shall be.
            pick: See :meth:`Tracker.track`.
            still: There is only one frame.
            pool: Where to read the next face while the lips of this one are read; None: nowhere. It changes no result.
        """
        self._pool = pool
        self._ahead: Ahead | None = None
        self.most = self.strangers = 0
        self._wanted, self._pause = wanted, 0
        self._search, self._landmarks = search, landmarks
        self._pick, self._still = pick, still
        self._scene = Scene()
        self._begun = False
        self._face: Face | None = None
        self._last: Points | None = None
        self._away = 0

    def step(self, frame: Frame, following: Frame | None = None) -> Sight:
        """Look at the next frame; ``following`` is the one after it, if there is one."""
        changed = self._scene.changed(frame)
        begins, self._begun = changed or not self._begun, True
        if changed:
            self._face = self._last = None
            self._pause = 0
        face, fresh = self._followed(frame, following)
        if face is not None and not self._wanted.still(frame, face):
            self._face = self._last = face = None
            begins = True
        if face is None:
            face = self._found(frame)
            fresh = begins or (self._away == 0 and face is not None and self._elsewhere(face.points))
        self._away = 0 if face else self._away + 1
        if face is None:
            self._face = None
            return replace(ABSENT, fresh=changed)
        to_crop = face_crop(face.points) if strays(face.to_crop, face.points) else face.to_crop
        self._face = Face(face.points, face.score, to_crop)
        self._last = face.points
        return Sight(face.points, face.score, fresh, self._wanted.shot)

    def _followed(self, frame: Frame, following: Frame | None) -> tuple[Face | None, bool]:
        """The face a little further on, and whether it jumped; None where it is lost."""
        if self._face is None:
            return None, False
        to_crop = self._face.to_crop
        reading = self._read(frame, to_crop)
        if reading.score >= LOST and strays(to_crop, reading.points, HASTE):
            face = close_up(frame, self._landmarks, face_crop(reading.points))
        else:
            self._look_ahead(following, to_crop, reading)
            face = with_lips(frame, self._landmarks, reading, to_crop)
        if face.score < LOST:
            return None, False
        return face, jumped(face.points, self._face.points)

    def _read(self, frame: Frame, to_crop: Matrix) -> Reading:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.frame is frame and ahead.to_crop is to_crop:
            return ahead.reading.result()
        return self._landmarks.face(frame, to_crop)

    def _look_ahead(self, following: Frame | None, to_crop: Matrix, reading: Reading) -> None:
        if self._pool is None or following is None:
            return
        if reading.score >= LOST and not strays(to_crop, reading.points):
            self._ahead = Ahead(following, to_crop, self._pool.submit(self._landmarks.face, following, to_crop))

    def _elsewhere(self, points: Points) -> bool:
        return self._last is not None and jumped(points, self._last)

    def _found(self, frame: Frame) -> Face | None:
        """Search the frame: thoroughly at first and every now and then."""
        thorough = self._away % PATIENCE == 0
        if self._pause and not thorough:
            self._pause -= 1
            self.strangers += 1
            return None
        everyone = self._pick != "largest" or self._wanted.known
        faces = self._search.faces(frame, thorough, self._still, everyone)
        self.most = max(self.most, len(faces))
        face = self._wanted.found(frame, faces, self._pick, self._last)
        self._pause = PAUSE if faces and face is None and self._wanted.known else 0
        self.strangers += bool(self._pause)
        return face


def track_of(sights: list[Sight]) -> Track:
    """Put the sights of all frames in arrays."""
    points = np.full((len(sights), K, 2), np.nan, np.float32)
    for row, sight in zip(points, sights, strict=True):
        if sight.points is not None:
            row[:] = sight.points
    return Track(
        points=points,
        score=np.array([sight.score for sight in sights], np.float32),
        present=np.array([sight.points is not None for sight in sights], np.bool_),
        cuts=np.array([sight.fresh for sight in sights], np.bool_),
    )
