"""The network of the library face-alignment (FAN, Bulat & Tzimiropoulos 2017), with weights that a person has brought.

Of the library, only the network's form is used. What it does around it is done here: the weights come from the folder
of weights and from nowhere else, only numbers are read out of the file, many faces go together, and points are read off
the heat maps between their cells, where the library gives whole pixels. Nothing is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lipsync.alignment_weights import INSTALL, points_file
from lipsync.errors import EngineError, WeightsError
from lipsync.memory import enough
from lipsync.plugin import BROKEN, first_line
from lipsync.take import Weights
from lipsync.wav2lip.reading import OTHER, tensors_of

if TYPE_CHECKING:
    from lipsync.shelf import Brought

SIZE = 256
"""Side of the crop that the network looks at."""
STACKS = 4
"""Hourglasses of the published network."""
BATCH = {"cpu": 1, "cuda": 16}
"""Faces that go together at most."""
FAINT = 1e-4
"""Heat that counts as none."""


@dataclass(frozen=True)
class Peaks:
    """What the network saw in B crops.

    Attributes:
        points: (B, 68, 2) pixels of the crop.
        heat: (B, 68) how high each peak is: up to about 1 where the network is sure.
    """

    points: NDArray[np.float64]
    heat: NDArray[np.float64]


class Network:
    """Warm, on ``device``; deterministic.

    Attributes:
        batch: Faces that go together best here; less once memory did not suffice.
    """

    def __init__(self, device: str, weights: Path | None) -> None:
        """Load.

        Raises:
            EngineError: The library is not installed or broken.
            WeightsError: The weights are not here, or not what they should be.
        """
        found = points_file(weights)
        self._device = torch.device(device)
        self.batch = BATCH.get(self._device.type, BATCH["cpu"])
        self._kind = torch.float16 if self._device.type == "cuda" else torch.float32
        if self._device.type == "cuda":
            torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
        self._net = loaded(found).to(self._device, self._kind, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.weights: tuple[Weights, ...] = (Weights(found.name, found.sha256, found.licence),)

    def look(self, crops: NDArray[np.uint8]) -> Peaks:
        """Find the points in (B, 256, 256, 3) RGB crops; where memory does not suffice, fewer at once.

        Raises:
            EngineError: There is not even memory for a single face.
        """
        seen: list[Tensor] = []
        at = 0
        while at < len(crops):
            piece = crops[at : at + self.batch]
            found = enough(lambda: self._seen(piece))  # noqa: B023
            if found is None:
                self._halve()
                continue
            seen.append(found)
            at += len(piece)
        numbers = torch.cat(seen).numpy().astype(np.float64)
        return Peaks(points=numbers[..., :2], heat=numbers[..., 2])

    def _halve(self) -> None:
        if self.batch == 1:
            hint = "Let fewer programs use it, or set render.device to cpu."
            raise EngineError(f"the memory of {self._device} does not suffice for face-alignment", hint)
        self.batch //= 2

    @torch.inference_mode()
    def _seen(self, crops: NDArray[np.uint8]) -> Tensor:
        """(B, 68, 3) x, y and height of each peak, on the CPU."""
        given = torch.from_numpy(np.ascontiguousarray(crops)).to(self._device).permute(0, 3, 1, 2)
        found = self._heat(given)
        if self._kind is torch.float16 and not bool(found.isfinite().all()):
            self._kind = torch.float32  # which has the range that these weights need
            self._net.float()
            found = self._heat(given)
        return peaks(found).cpu()

    def _heat(self, given: Tensor) -> Tensor:
        """(B, 3, 256, 256) uint8 -> (B, 68, 64, 64): what the last hourglass says."""
        heat: Tensor = self._net(given.to(self._kind) / 255)[-1]
        return heat.float()


def peaks(heat: Tensor) -> Tensor:
    """Read peaks off heat maps, to a fraction of a cell.

    A bump is as good as a bell: the logarithm of a bell is a parabola, and three cells tell where that is highest. The
    maps are smoothed a little before, so that one odd cell says little.

    Args:
        heat: (B, N, S, S).

    Returns:
        (B, N, 3) x and y in pixels of the crop, then the height.
    """
    count, side = heat.shape[1], heat.shape[-1]
    row = torch.tensor([0.25, 0.5, 0.25], device=heat.device)
    kernel = torch.outer(row, row).expand(count, 1, 3, 3)
    padded = nn.functional.pad(heat.clamp(min=0), (1, 1, 1, 1), mode="replicate")
    smooth = nn.functional.conv2d(padded, kernel, groups=count)
    height, place = smooth.flatten(2).max(2)
    y, x = place // side, place % side
    log = smooth.clamp(min=FAINT).log().flatten(2)
    across = _between(log, place, x, side, 1)
    down = _between(log, place, y, side, side)
    scale = SIZE / side
    return torch.stack([(x + across + 0.5) * scale - 0.5, (y + down + 0.5) * scale - 0.5, height], 2)


def _between(log: Tensor, place: Tensor, along: Tensor, side: int, step: int) -> Tensor:
    """(B, N) by which part of a cell the top of each bump is off its highest cell."""
    inside = (along > 0) & (along < side - 1)
    here = torch.where(inside, place, torch.full_like(place, side + 1))
    before, top, after = (log.gather(2, (here + shift)[..., None])[..., 0] for shift in (-step, 0, step))
    bend = 2 * top - before - after
    off = (after - before) / (2 * bend.clamp(min=FAINT))
    return torch.where(inside & (bend > FAINT), off.clamp(-0.5, 0.5), torch.zeros_like(off))


def loaded(found: Brought) -> nn.Module:
    """Give the network with the numbers of that file.

    Raises:
        EngineError: The library cannot be imported.
        WeightsError: The file holds something else.
    """
    net = form()
    tensors = tensors_of(found.path)
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(
            f"{found.path.name} is not the network that face-alignment takes for 2D points", OTHER
        ) from error
    return net.eval().requires_grad_(False)


def form() -> nn.Module:
    """Give the library's network, with no numbers of meaning in it; the first time takes seconds.

    Raises:
        EngineError: The library cannot be imported.
    """
    try:
        from face_alignment.models import FAN

        net: nn.Module = FAN(STACKS)
    except BROKEN as error:
        said = f"the library face-alignment cannot be used ({first_line(error)})"
        raise EngineError(said, INSTALL) from error
    return net
