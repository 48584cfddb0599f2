"""Train the face network (99 points) or the mouth network (40 lip points).

    python -m training.face_points face|mouth|face-fine|mouth-fine

needs the faces of ``training.face_made``, for the fine stages (which go on from the averages of the coarse ones) with
the teacher's word on them (``training.face_teacher``). Every tenth crop or so shows no usable face: that is what the
score learns.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from lipsync.face import LIPS, K
from lipsync.landmarks import FACE_SIZE, MIRROR, MOUTH_SIZE, PointNet, face_crop, forth, mouth_crop
from lipsync.network import to_tensor
from training.face_augment import background, worn
from training.face_loop import Loop, Plan, averaged
from training.face_stock import stock

PLANS = {
    "face": Plan("face", 3200, 40, 4e-3, warm_up=0.075),
    "mouth": Plan("mouth", 3000, 40, 3e-3),
    "face-fine": Plan("face-fine", 2200, 40, 1.5e-3, average=0.999),
    "mouth-fine": Plan("mouth-fine", 5000, 40, 1.5e-3, average=0.999),
}
SHARES = {
    "face": {0: 0.20, 1: 0.13, 2: 0.20, 3: 0.32, 10: 0.11, 13: 0.04},
    "mouth": {0: 0.22, 1: 0.07, 2: 0.19, 3: 0.30, 10: 0.17, 13: 0.05},
    "face-fine": {0: 0.18, 1: 0.12, 2: 0.13, 3: 0.22, 4: 0.09, 5: 0.08, 6: 0.08, 10: 0.08, 13: 0.03, 14: 0.02},
    "mouth-fine": {0: 0.18, 1: 0.06, 2: 0.13, 3: 0.20, 4: 0.13, 5: 0.10, 6: 0.06, 10: 0.12, 13: 0.03, 14: 0.03},
}
"""How much of each kind of made face; 10 and above come from the one GRID speaker."""
EMPTY = 0.12
"""Share of crops without a usable face."""
PAIRS = ((25, 35), (24, 36), (26, 34))
"""Points of the upper and lower lip that face each other in the middle."""

Floats = NDArray[np.float64]


def shaken(points: Floats, which: str, rng: np.random.Generator) -> Floats:
    """The ``to_crop`` of a face whose place is not exactly known: what tracking and detection leave."""
    face = which == "face"
    to_crop = face_crop(points) if face else mouth_crop(points)
    size = FACE_SIZE if face else MOUTH_SIZE
    wide = face and rng.random() < 0.5
    angle = rng.normal(0, 0.22 if wide else 0.07)
    scale = np.exp(rng.normal(0, 0.13 if wide else 0.06))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    middle = (size - 1) / 2
    move = np.clip(rng.normal(0, 0.06 if wide else 0.035, 2), -0.18, 0.18) * size
    shift = turn @ (to_crop[:, 2] - middle) + middle + move
    return np.column_stack([turn @ to_crop[:, :2], shift])


def spoilt(crop: NDArray[np.uint8], to_crop: Floats, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A crop that shows something of a face, but not one that points can be put on."""
    kind = rng.integers(4)
    middle = (size - 1) / 2
    if kind == 0:  # far off the face
        angle = rng.uniform(0, 2 * np.pi)
        move = np.array([np.cos(angle), np.sin(angle)]) * size * rng.uniform(0.55, 0.9)
        return _cut(crop, np.column_stack([to_crop[:, :2], to_crop[:, 2] + move]), size)
    if kind == 1:  # much too near or too far
        scale = rng.uniform(2.6, 5) if rng.random() < 0.5 else rng.uniform(0.2, 0.4)
        shift = (to_crop[:, 2] - middle) * scale + middle
        return _cut(crop, np.column_stack([to_crop[:, :2] * scale, shift]), size)
    upright = _cut(crop, to_crop, size)
    if kind == 2:  # on its head
        return np.ascontiguousarray(upright[::-1])
    step = size // int(rng.integers(3, 5))
    tiles = [
        upright[y : y + step, x : x + step]
        for y in range(0, size - step + 1, step)
        for x in range(0, size - step + 1, step)
    ]
    out, side = upright.copy(), size // step
    for place, tile in enumerate(rng.permutation(len(tiles))):
        row, column = divmod(place, side)
        out[row * step : (row + 1) * step, column * step : (column + 1) * step] = tiles[tile]
    return out


def _cut(crop: NDArray[np.uint8], to_crop: Floats, size: int) -> NDArray[np.uint8]:
    scale = np.sqrt(abs(np.linalg.det(to_crop[:, :2])))
    if scale < 0.55:
        crop = cv2.GaussianBlur(crop, (0, 0), 0.4 / scale)
    border = cv2.BORDER_REPLICATE
    return cv2.warpAffine(np.ascontiguousarray(crop), to_crop, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)


class Sampler:
    """Batches of crops, points and whether a face is there."""

    def __init__(self, plan: str) -> None:
        self.which, _, stage = plan.partition("-")
        self.stock = stock(taught=bool(stage))
        self.size, self.count = (FACE_SIZE, K) if self.which == "face" else (MOUTH_SIZE, len(LIPS))
        self.kinds = list(SHARES[plan])
        self.shares = np.array(list(SHARES[plan].values()))
        self.shares /= self.shares.sum()

    def one(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Floats, float]:
        """(S, S, 3) RGB, (N, 2) points, 1 where a face is there."""
        if rng.random() < EMPTY * 0.5:
            picture = background(self.stock.empty, self.size, rng)
            return worn(picture, rng), np.zeros((self.count, 2)), 0.0
        places = self.stock.places[int(rng.choice(self.kinds, p=self.shares))]
        file, row, index = places[int(rng.integers(len(places)))]
        crop, points = self.stock.crops[file][row], self.stock.points[index].astype(np.float64)
        to_crop = shaken(points, self.which, rng)
        if rng.random() < EMPTY * 0.5:
            return worn(spoilt(crop, to_crop, self.size, rng), rng), np.zeros((self.count, 2)), 0.0
        picture, places_now = _cut(crop, to_crop, self.size), forth(points, to_crop)
        if rng.random() < 0.5:
            picture, places_now = picture[:, ::-1], places_now[MIRROR]
            places_now[:, 0] = self.size - 1 - places_now[:, 0]
        return worn(picture, rng), places_now[: self.count], 1.0

    def batch(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, S, S), (B, N, 2), (B,)."""
        pictures, points, there = zip(*(self.one(rng) for _ in range(count)), strict=True)
        return (
            to_tensor(np.array(pictures)),
            torch.from_numpy(np.array(points, np.float32)),
            torch.tensor(there),
        )


def misses(points: Tensor, doubt: Tensor, logit: Tensor, truth: Tensor, there: Tensor) -> Tensor:
    """Wing and Laplace losses of the points, loss of the lip gap, and of face-ness; lips count double."""
    facing = binary_cross_entropy_with_logits(logit, there * 0.98 + 0.01)
    seen = there > 0
    points, doubt, truth = points[seen], doubt[seen], truth[seen]
    weight = torch.ones(points.shape[1])
    weight[LIPS] = 2.0
    weight /= weight.mean()
    off = (points - truth).abs()
    wing = torch.where(off < 8, 10 * torch.log1p(off / 2), 10 * np.log1p(4) + off - 8).sum(2) * 0.15
    far = ((points - truth) ** 2).sum(2).add(0.01).sqrt()
    likely = far * torch.exp(-doubt) + doubt
    upper, lower = [a for a, _ in PAIRS], [b for _, b in PAIRS]
    gaps = ((points[:, upper] - points[:, lower]) - (truth[:, upper] - truth[:, lower])).abs().mean()
    return (weight * (wing + 0.3 * likely)).mean() + 0.5 * gaps + 0.5 * facing


def main() -> None:
    """Train to the end, from the last checkpoint if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=PLANS)
    options = parser.parse_args()
    torch.manual_seed(3)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    which, _, stage = options.which.partition("-")
    plan, sampler = PLANS[options.which], Sampler(options.which)
    net = PointNet(sampler.count, sampler.size).train()
    if stage:
        net.load_state_dict(averaged(which))
    loop = Loop(net, plan)

    def loss(rng: np.random.Generator) -> Tensor:
        pictures, truth, there = sampler.batch(plan.batch, rng)
        with torch.autocast("cpu", torch.bfloat16):
            points, doubt, logit = net(pictures)
        return misses(points, doubt.float(), logit.float(), truth, there)

    loop.run(loss)


if __name__ == "__main__":
    main()
