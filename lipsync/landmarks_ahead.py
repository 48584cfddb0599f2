"""Our own networks on a GPU: coming frames are read in one batch, the face's first, then the lips within it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lipsync.foresight import Foresight
from lipsync.landmarks import FACE_SIZE, HONESTY, MOUTH_SIZE, Matrix, Reading, back, mouth_crop, sureness
from lipsync.media import Frame
from lipsync.memory import enough
from lipsync.network import to_tensor
from lipsync.search import LOST

MOST = 16
"""Frames that are read together."""


class LandmarksAhead(Foresight):
    """Answers what :class:`Landmarks` does, sooner."""

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self._lips: list[tuple[NDArray[np.floating], Reading]] = []

    @property
    def most(self) -> int:
        """See :attr:`Foresight.most`."""
        return MOST

    def mouth(self, frame: Frame, points: NDArray[np.floating], mirrored: bool = False) -> Reading:
        """See :meth:`Landmarks.mouth`."""
        known = None if mirrored else next((lips for face, lips in self._lips if face is points), None)
        return known or super().mouth(frame, points, mirrored)

    def readings(self, frames: Sequence[Frame], to_crop: Matrix) -> list[Reading]:
        """See :meth:`Foresight.readings`; the lips are read too."""
        faces = self._many(self._face, [frame.warp(to_crop, FACE_SIZE) for frame in frames], [to_crop] * len(frames))
        there = [(frame, face.points) for frame, face in zip(frames, faces, strict=True) if face.score >= LOST]
        crops = [mouth_crop(points) for _, points in there]
        seen = [frame.warp(crop, MOUTH_SIZE) for (frame, _), crop in zip(there, crops, strict=True)]
        lips = self._many(self._mouth, seen, crops)
        self._lips = [(points, one) for (_, points), one in zip(there, lips, strict=True)]
        return faces

    def _forget(self) -> None:
        super()._forget()
        self._lips = []

    def _many(self, net: nn.Module, seen: list[NDArray[np.uint8]], crops: list[Matrix]) -> list[Reading]:
        """Read crops at once; where memory does not suffice, one by one."""
        if not seen:
            return []
        found = enough(lambda: self._answers(net, np.stack(seen)))
        if found is None:
            found = np.concatenate([self._answers(net, one[None]) for one in seen])
        return [_reading(one, to_crop) for one, to_crop in zip(found, crops, strict=True)]

    @torch.inference_mode()
    def _answers(self, net: nn.Module, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(B, 2 N + 3) what a network says of crops, fetched at once: points, mean error and its logarithm, logit."""
        places, doubt, logit = net(to_tensor(crops, self.device))
        means = torch.stack([doubt.exp().mean(1), doubt.mean(1), logit], 1)
        return torch.cat([places.flatten(1), means], 1).cpu().numpy().astype(np.float64)


def _reading(numbers: NDArray[np.float64], to_crop: Matrix) -> Reading:
    error, doubt, logit = numbers[-3:].tolist()
    scale = float(np.sqrt(abs(np.linalg.det(to_crop[:, :2]))))
    points = back(numbers[:-3].reshape(-1, 2), to_crop).astype(np.float32)
    return Reading(points, sureness(logit, doubt), HONESTY * error / scale)
