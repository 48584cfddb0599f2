"""How wrong a motion is: the place of the lips, and twice as much their speed, for speed is what one sees."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WEIGHTS = torch.tensor([2.0, 1.0, 1.0, 1.0, 0.7])[None, :, None]
STRIDE = 4
ALIKE = torch.tensor([1.0, 1.0, 0.5, 0.7, 0.5])
"""How much it matters that each parameter goes along with the truth."""


def motion_loss(guess: Tensor, truth: Tensor, closed: Tensor | None) -> Tensor:
    """Smooth L1 of place + 2 x speed over 40 ms.

    Args:
        guess: (N, 5, T) in units of the scale; truth likewise.
        truth: What was measured.
        closed: (N, T) bool, rows of p, b, m: their place counts three times; None where that is not wanted.
    """
    place = WEIGHTS * functional.smooth_l1_loss(guess, truth, reduction="none")
    if closed is not None:
        place = place * (1 + 2 * closed.float())[:, None]
    fast = guess[..., STRIDE:] - guess[..., :-STRIDE]
    speed = WEIGHTS * functional.smooth_l1_loss(fast, truth[..., STRIDE:] - truth[..., :-STRIDE], reduction="none")
    return place.mean() + 2 * speed.mean()


def unlike(guess: Tensor, truth: Tensor) -> Tensor:
    """1 - Lin's concordance of each parameter within each crop: 0 where it moves as the truth does, by as much.

    Args:
        guess: (N, 5, T) in units of the scale; truth likewise. Crops in which the mouth hardly moves do not count.
        truth: What was measured.
    """
    ours, theirs = guess - guess.mean(-1, keepdim=True), truth - truth.mean(-1, keepdim=True)
    spread = theirs.square().mean(-1)
    apart = (guess.mean(-1) - truth.mean(-1)).square()
    alike = 2 * (ours * theirs).mean(-1) / (ours.square().mean(-1) + spread + apart + 1e-2)
    counts = (spread[:, :1] > 0.1).float()
    return ((1 - alike) * counts * ALIKE).mean()
