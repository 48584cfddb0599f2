"""Networks that stand in for the published one of face-alignment, whose weights could not be had here.

One is truthful: its heat maps peak where our own networks see the 68 points, so that all around it can be judged: crop,
batches, peaks, map, following. The other is the library's network with random numbers in it: it sees nothing, but loads
and runs as the published one would.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lipsync import alignment_network, alignment_weights
from lipsync.alignment_reader import widened
from lipsync.landmarks import Landmarks
from lipsync.media import Frame
from lipsync.search import LOST, with_lips
from lipsync.shelf import Brought

FILE = "2DFAN4-11f355bf06.pth.tar"
CELLS = 64
BELL = 1.75
HEAT = 0.8

# fmt: off
IBUG = np.array([
    (92, 93), (92, 92), (91, 92), (90, 91), (90, 90), (89, 90), (88, 89), (87, 88), (87, 87),
    (86, 87), (85, 86), (84, 85), (84, 84), (83, 84), (82, 83), (82, 82), (81, 82),
    *((k, k) for k in range(56, 66)), (66, 66), (68, 68), (70, 70), (71, 71),
    (74, 74), (73, 74), (73, 73), (73, 75), (75, 75),
    (40, 40), (41, 42), (42, 43), (44, 44), (45, 46), (46, 47),
    (52, 52), (50, 51), (49, 50), (48, 48), (54, 55), (53, 54),
    *((k, k) for k in (0, 3, 4, 5, 6, 7, 10, 13, 14, 15, 16, 17, 20, 24, 25, 26, 30, 34, 35, 36)),
])
"""Which two of our points each of the 68 lies between."""
# fmt: on


class Truthful(nn.Module):
    """Crops -> heat maps with bells where our own networks see the points; nothing where they see no face.

    Attributes:
        batches: How many crops each call had.
    """

    def __init__(self) -> None:
        super().__init__()
        self._landmarks = Landmarks("cpu")
        self._ours = np.linalg.inv(np.vstack([widened(np.eye(2, 3)), [0, 0, 1]]))[:2]
        self.batches: list[int] = []

    def forward(self, given: Tensor) -> list[Tensor]:
        self.batches.append(len(given))
        crops = (given.float() * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        return [torch.stack([self._heat(crop) for crop in crops]).to(given.device)]

    def _heat(self, crop: np.ndarray) -> Tensor:
        frame = Frame.from_rgb(np.ascontiguousarray(crop))
        to_crop = self._ours
        face = with_lips(frame, self._landmarks, self._landmarks.face(frame, to_crop), to_crop)
        if face.score < LOST:
            return torch.zeros(68, CELLS, CELLS)
        places = (ibug(face.points.astype(np.float64)) + 0.5) * CELLS / len(crop) - 0.5
        ruler = np.arange(CELLS)
        off_x, off_y = (ruler - places[:, axis, None] for axis in (0, 1))
        bells = np.exp(-(off_x[:, None] ** 2 + off_y[:, :, None] ** 2) / (2 * BELL**2))
        return torch.from_numpy(HEAT * bells).float()


def ibug(points: np.ndarray) -> np.ndarray:
    """The 68 points of a face whose 99 are known: some are among them, others lie half way between two."""
    return (points[IBUG[:, 0]] + points[IBUG[:, 1]]) / 2


def brought(path: Path) -> Brought:
    """What the shelf says of the published file, once it is there."""
    return Brought(
        alignment_weights.POINTS, path, alignment_weights.TRACKER, "11f355bf06", "BSD 3-Clause", "anything", 1, "usable"
    )


def truthful(monkeypatch: pytest.MonkeyPatch, batch: int = 1) -> Truthful:
    """Have the truthful network take the place of the published one, as if library and weights were here."""
    network = Truthful()
    monkeypatch.setattr(alignment_network, "points_file", lambda weights: brought(Path(FILE)))
    monkeypatch.setattr(alignment_network, "loaded", lambda found: network)
    monkeypatch.setitem(alignment_network.BATCH, "cpu", batch)
    return network
