"""Train the "who" network, which tells people apart, and put it into the package.

    python -m training.who [--ship]

needs the faces of ``training.who_faces``. First each person is a class, and the angle to the own class must be smaller
than to all others by a margin (CosFace: Wang and others 2018, arXiv 1801.09414). Then pairs of pictures of one person
must find each other among those of others (NT-Xent: Chen and others 2020, arXiv 2002.05709): that is what is asked.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lipsync.landmarks import MIRROR, forth
from lipsync.weights import enter
from lipsync.who import NUMBERS, SIZE, WhoNet, evened
from training.face_augment import worn
from training.face_loop import Loop, Plan, averaged
from training.who_faces import CACHE, ROOM

PLAN = Plan("who", 1100, 64, 3e-3, warm_up=0.05, decay=0.05)
ROUNDS = (
    Plan("who_pairs", 650, 64, 2e-3, warm_up=0.03, decay=0.05, every=50),
    Plan("who_again", 900, 64, 1.5e-3, warm_up=0.03, decay=0.05, every=50),
)
MARGIN, SHARPNESS = 0.25, 20.0
HEAT = 0.1
COARSE = 0.35
"""Share of the pictures that are seen as small as they are in the back of a room."""
TRAINED_ON = (
    "official portraits of the US Congress and staff portraits of US government teams (public domain), "
    "Face Research Lab London Set (DeBruine & Jones, CC BY 4.0), GRID speaker s1 (Cooke, Barker, Cunningham, Shao, "
    "CC BY 4.0), and faces made from them"
)


class Lesson(nn.Module):
    """The network and a direction for each person."""

    def __init__(self, people: int) -> None:
        super().__init__()
        self.net = WhoNet()
        self.people = nn.Parameter(nn.functional.normalize(torch.randn(people, NUMBERS), dim=1))

    def forward(self, faces: Tensor, who: Tensor) -> Tensor:
        """The loss of a batch: (B, 3, S, S) and (B,) who they are."""
        near = self.net(faces) @ nn.functional.normalize(self.people, dim=1).T
        own = nn.functional.one_hot(who, near.shape[1]) * MARGIN
        return nn.functional.cross_entropy(SHARPNESS * (near - own), who, label_smoothing=0.05)


def parted(looks: Tensor) -> Tensor:
    """The loss of (2 B, 64) looks of B people: each must be nearest to the other look of the same person."""
    near = looks @ looks.T / HEAT
    near.fill_diagonal_(-1e4)
    count = len(looks) // 2
    return nn.functional.cross_entropy(near, torch.arange(2 * count).roll(count))


class Sampler:
    """Batches of faces as cameras might have seen them."""

    def __init__(self) -> None:
        self.crops = np.load(CACHE / "faces.npy", mmap_mode="r")
        with np.load(CACHE / "faces.npz") as facts:
            self.points, who = facts["points"].astype(np.float64), facts["who"]
        self.places = [np.flatnonzero(who == number) for number in range(int(who.max()) + 1)]

    def batch(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(B, 3, S, S) and (B,)."""
        who = rng.integers(0, len(self.places), count)
        faces = [self._one(int(rng.choice(self.places[number])), rng) for number in who]
        return torch.from_numpy(np.array(faces)), torch.from_numpy(who)

    def pairs(self, count: int, rng: np.random.Generator) -> Tensor:
        """(B, 3, S, S): half of them people, the other half the same people in other pictures."""
        who = rng.permutation(len(self.places))[: count // 2]
        rows = np.array([rng.choice(self.places[number], 2, replace=False) for number in who])
        return torch.from_numpy(np.array([self._one(int(row), rng) for row in rows.T.ravel()]))

    def _one(self, row: int, rng: np.random.Generator) -> NDArray[np.float32]:
        points = self.points[row]
        to_crop = shaken(rng)
        crop = cv2.warpAffine(np.asarray(self.crops[row]), to_crop, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
        points = forth(points, to_crop)
        if rng.random() < 0.5:
            crop, points = np.ascontiguousarray(crop[:, ::-1]), points[MIRROR]
            points[:, 0] = SIZE - 1 - points[:, 0]
        if rng.random() < COARSE:
            side = int(rng.integers(22, 60))
            crop = cv2.resize(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA), (SIZE, SIZE))
        return evened(worn(crop, rng), points + rng.normal(0, 0.8, points.shape))


def shaken(rng: np.random.Generator) -> NDArray[np.float64]:
    """Kept crop -> the network's, a little off, as tracking leaves it."""
    middle = (SIZE - 1) / 2
    angle, scale = rng.normal(0, 0.06), np.exp(rng.normal(0, 0.06))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    shift = middle + np.clip(rng.normal(0, 2.5, 2), -8, 8) - turn @ np.full(2, middle + ROOM)
    return np.column_stack([turn, shift])


def by_classes(sampler: Sampler) -> None:
    """The first part of the training."""
    loop = Loop(Lesson(len(sampler.places)).train(), PLAN)

    def loss(rng: np.random.Generator) -> Tensor:
        faces, who = sampler.batch(PLAN.batch, rng)
        with torch.autocast("cpu", torch.bfloat16):
            value: Tensor = loop.net(faces.to(memory_format=torch.channels_last), who)
        return value

    loop.run(loss)


def by_pairs(sampler: Sampler, plan: Plan, start: dict[str, Tensor]) -> None:
    """A round of the second part, which begins with what was learnt before."""
    net = WhoNet().train()
    net.load_state_dict({key: value.float() for key, value in start.items()})
    loop = Loop(net, plan)

    def loss(rng: np.random.Generator) -> Tensor:
        own = np.random.default_rng((plan.steps, int(rng.integers(1 << 30))))  # other pictures in every round
        with torch.autocast("cpu", torch.bfloat16):
            looks = loop.net(
                sampler.pairs(plan.batch, own if plan != ROUNDS[0] else rng).to(memory_format=torch.channels_last)
            )
        return parted(looks)

    loop.run(loss)


def main() -> None:
    """Train to the last step and put the result into the package; or only do the latter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ship", action="store_true", help="only put the last checkpoint into the package")
    options = parser.parse_args()
    torch.manual_seed(4)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if not options.ship:
        sampler = Sampler()
        by_classes(sampler)
        start = {key[4:]: value for key, value in averaged(PLAN.name).items() if key.startswith("net.")}
        for plan in ROUNDS:
            by_pairs(sampler, plan, start)
            start = averaged(plan.name)
    print(enter("who", averaged(ROUNDS[-1].name), "CC BY 4.0", TRAINED_ON))


if __name__ == "__main__":
    main()
