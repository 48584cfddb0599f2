"""Where the network of face-alignment shall look: our detector's spots, but for those that plainly show no face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lipsync.alignment_reader import Reader
from lipsync.detector import Detector, Look, Spot
from lipsync.landmarks import FACE_SIDE, FACE_SIZE, crop_at, spread
from lipsync.media import Frame
from lipsync.search import LOST

GLIMPSE = 0.02
"""Score of our own face network, which looks in some milliseconds, below which a spot is not examined: of 624 faces
none is below it, of 74 spots without a face none reaches it (docs/models.md)."""


class Proposer(Detector):
    """Our detector, whose spots our own face network has had a glance at."""

    def __init__(self, device: str, reader: Reader) -> None:
        super().__init__(device)
        self._reader = reader

    def find(self, frame: Frame, look: Look | None = None) -> list[Spot]:
        """See :meth:`Detector.find`; spots are where the glance saw the face."""
        found = []
        for spot in super().find(frame, look):
            to_crop = crop_at(np.array([spot.x, spot.y]), spot.angle, FACE_SIDE * spot.spread, FACE_SIZE)
            glance = self._reader.glance(frame, to_crop)
            if glance.score >= LOST:
                x, y = glance.points.mean(0)
                found.append(replace(spot, x=float(x), y=float(y), spread=spread(glance.points)))
            elif glance.score >= GLIMPSE:
                found.append(spot)
        return found
