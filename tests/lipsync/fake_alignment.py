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

from lipsync import alignment_network, alignment_weights, weights
from lipsync.alignment_contour import stood
from lipsync.alignment_reader import widened
from lipsync.landmarks import Landmarks, forth
from lipsync.media import Frame
from lipsync.search import LOST, with_lips
from lipsync.shelf import Brought

FILE = "2DFAN4-11f355bf06.pth.tar"
CELLS = 64
BELL = 1.75
HEAT = 0.8


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
        crops = (given.float() * 255).round().byte().permute(0, 2, 3, 1).numpy()
        return [torch.stack([self._heat(crop) for crop in crops])]

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
    """The likeliest 68 points of a face whose 99 are known: the map, backwards."""
    tensors, _ = weights.load("contour")
    mean, way = (tensors[name].numpy().astype(np.float64) for name in ("mean", "map"))
    usual = way[-1].reshape(-1, 2) @ (1, 1j)
    seen = points @ (1, 1j)
    arms = usual - usual.mean()
    ratio = (np.conj(arms) * (seen - seen.mean())).sum() / (np.abs(arms) ** 2).sum()
    for _ in range(3):
        origin = seen.mean() - ratio * usual.mean()
        rest = (seen - origin) / ratio - usual
        flat = np.stack([rest.real, rest.imag], 1).reshape(-1)
        held = np.vstack([way[:-1].T, 0.03 * np.eye(136)])
        found = mean + np.linalg.lstsq(held, np.append(flat, np.zeros(136)), rcond=None)[0].reshape(68, 2)
        pixels = found @ (1, 1j) * ratio + origin
        pixels = np.stack([pixels.real, pixels.imag], 1)
        _, (ratio,) = stood(pixels[None], mean)
    return pixels


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
