"""The network that hears: log mel power in, mouth parameters and visemes out.

Eight residual dilated convolutions over time, without padding: what comes out is ``BEFORE + AFTER`` rows shorter than
what went in, so a long speech can be heard piece by piece with exactly the same result. It looks 200 ms ahead.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync.speech import BANDS

VISEMES = (
    "silence",
    "bilabial",
    "labiodental",
    "dental",
    "alveolar",
    "postalveolar",
    "velar",
    "r",
    "w",
    "uw",
    "ow",
    "aa",
    "ae",
    "eh",
    "ih",
    "iy",
    "er",
)
"""What a mouth can look like while a sound is made."""
SILENCE, BILABIAL = VISEMES.index("silence"), VISEMES.index("bilabial")
PARAMETERS = 5
"""open, width, upper, lower, jaw: what can be measured in a video from the front."""

_REACH = ((1, 1), (2, 2), (4, 4), (8, 8), (1, 1), (2, 2), (4, 2), (8, 0))
"""(dilation, rows of look-ahead) of each block."""
AFTER = sum(ahead for _, ahead in _REACH)
BEFORE = sum(2 * dilation for dilation, _ in _REACH) - AFTER
FLOOR = 2e-5
"""Power below which nothing is heard, where loud speech has a power of 0.6 in all bands together."""


class Block(nn.Module):
    """x (N, C, T) -> (N, C, T - 2 dilation): what was there, plus what a dilated convolution makes of it."""

    def __init__(self, channels: int, dilation: int, ahead: int) -> None:
        super().__init__()
        self._before, self._ahead = 2 * dilation - ahead, ahead
        self.look = nn.Conv1d(channels, channels, 3, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Add the look around to ``x``."""
        seen: Tensor = self.mix(functional.relu(self.norm(self.look(x))))
        return x[..., self._before : x.shape[-1] - self._ahead] + seen


class Hearing(nn.Module):
    """Log mel power -> motion and visemes.

    Args:
        channels: Width of the network.
    """

    scale: Tensor

    def __init__(self, channels: int = 128, inputs: int = BANDS) -> None:
        super().__init__()
        self.enter = nn.Conv1d(inputs, channels, 1)
        self.blocks = nn.Sequential(*[Block(channels, dilation, ahead) for dilation, ahead in _REACH])
        self.motion = nn.Conv1d(channels, PARAMETERS, 1)
        self.viseme = nn.Conv1d(channels, len(VISEMES), 1)
        self.register_buffer("scale", torch.ones(PARAMETERS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Hear.

        Args:
            x: (N, 80, T + BEFORE + AFTER) from :func:`heard`.

        Returns:
            Motion (N, 5, T) in units of ``scale`` IOD each, and viseme logits (N, 17, T).
        """
        return self.said(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """(N, C, T), at least 0: what was heard, before it is called a motion or a viseme."""
        return functional.relu(self.blocks(self.enter(x)))

    def said(self, inner: Tensor) -> tuple[Tensor, Tensor]:
        """:meth:`features` -> motion and viseme logits, as :meth:`forward` gives them."""
        return self.motion(inner), self.viseme(inner)


def heard(power: Tensor, floor: float = FLOOR) -> Tensor:
    """Mel power, at the level the network knows -> its input, about -2…2."""
    return (torch.log(power + floor) + 5.0) / 3.0
