"""Train the detector: faces of any size, tilt and light pasted on other pictures.

python -m training.face_detector
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lipsync.detector import CELL, GREY, SIZE, UNIT, CentreNet
from lipsync.face import MESH
from lipsync.landmarks import forth, spread
from lipsync.network import to_tensor
from training.face_augment import background, worn
from training.face_loop import Loop, Plan
from training.face_sources import congress, faceless, staff, suits
from training.face_stock import Stock, stock

PLAN = Plan("detector", 2300, 24, 3e-3, warm_up=0.05, average=0.996)
CELLS = SIZE // CELL
KINDS = (0, 1, 2, 3, 10, 13)
"""Kinds of made face that are pasted."""
RULER = np.arange(CELLS) * CELL + (CELL - 1) / 2
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """What the maps should be: heat (32, 32), offset and log size (3, 32, 32), and where those count (32, 32)."""

    heat: NDArray[np.float32]
    rest: NDArray[np.float32]
    known: NDArray[np.float32]


def target(faces: list[tuple[float, float, float]]) -> Target:
    """Maps for faces given as x, y, spread in pixels of the detector's picture."""
    heat = np.zeros((CELLS, CELLS), np.float32)
    rest, known = np.zeros((3, CELLS, CELLS), np.float32), np.zeros((CELLS, CELLS), np.float32)
    for x, y, size in faces:
        width = max(5.0, 0.32 * size)
        hill = np.exp(-((RULER[None] - x) ** 2 + (RULER[:, None] - y) ** 2) / (2 * width**2))
        row, column = (int(np.clip(v // CELL, 0, CELLS - 1)) for v in (y, x))
        hill[row, column] = 1
        heat = np.maximum(heat, hill)
        for i in range(max(0, row - 1), min(CELLS, row + 2)):
            for j in range(max(0, column - 1), min(CELLS, column + 2)):
                rest[:, i, j] = (x - RULER[j]) / CELL, (y - RULER[i]) / CELL, np.log(size / UNIT)
                known[i, j] = 1
    return Target(heat, rest, known)


class Scenes:
    """Draws pictures with no, one or several faces."""

    def __init__(self) -> None:
        originals = congress() + staff()
        self.whole = [(face.rgb, face.mesh[list(MESH), :2]) for face in originals]
        self.made: Stock = stock(taught=False)
        self.backgrounds = faceless() + suits(congress())

    def face(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Floats]:
        """An original picture or a made face, with its points."""
        if rng.random() < 0.55:
            return self.whole[int(rng.integers(len(self.whole)))]
        places = self.made.places[int(rng.choice(KINDS))]
        file, row, index = places[int(rng.integers(len(places)))]
        return np.ascontiguousarray(self.made.crops[file][row]), self.made.points[index].astype(np.float64)

    def one(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Target]:
        """A picture and its maps."""
        canvas = self._empty(rng)
        faces: list[tuple[float, float, float]] = []
        wanted = int(rng.choice(5, p=[0.15, 0.6, 0.15, 0.07, 0.03]))
        for _ in range(wanted):
            canvas = self._with_face(canvas, faces, wanted > 1, rng)
        if rng.random() < 0.3:
            _letterbox(canvas, faces, rng)
        if rng.random() < 0.5:
            canvas = canvas[:, ::-1]
            faces = [(SIZE - 1 - x, y, size) for x, y, size in faces]
        return worn(canvas, rng), target(faces)

    def _empty(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        canvas = background(self.backgrounds, SIZE, rng).copy()
        for _ in range(int(rng.integers(0, 3))):
            left, top = (int(v) for v in rng.integers(0, SIZE - 20, 2))
            width, height = (int(v) for v in rng.integers(20, SIZE, 2))
            other = background(self.backgrounds, SIZE, rng)
            canvas[top : top + height, left : left + width] = other[top : top + height, left : left + width]
        return canvas

    def _with_face(
        self, canvas: NDArray[np.uint8], faces: list[tuple[float, float, float]], small: bool, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        picture, points = self.face(rng)
        height = np.exp(rng.uniform(np.log(14), np.log(90 if small else 215)))
        scale = height / np.ptp(points, axis=0).max()
        angle = np.deg2rad(rng.normal(0, 12) if rng.random() < 0.8 else rng.uniform(-50, 50))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
        edge = min(0.4 * height - 8, SIZE / 2 - 10)
        at = np.clip(rng.uniform(edge, SIZE - edge, 2), 10, SIZE - 10)
        to_canvas = np.column_stack([turn, at - turn @ points.mean(0)])
        placed = forth(points, to_canvas)
        size = spread(placed)
        if any(np.hypot(at[0] - x, at[1] - y) < 2.2 * (size + other) for x, y, other in faces):
            return canvas
        faces.append((float(at[0]), float(at[1]), size))
        return _pasted(canvas, picture, placed, to_canvas, rng)

    def batch(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pictures, heat, rest, known."""
        pictures, targets = zip(*(self.one(rng) for _ in range(count)), strict=True)
        heat, rest, known = (
            torch.from_numpy(np.array([getattr(t, f) for t in targets])) for f in ("heat", "rest", "known")
        )
        return to_tensor(np.array(pictures)), heat, rest, known


def _pasted(
    canvas: NDArray[np.uint8], picture: NDArray[np.uint8], points: Floats, to_canvas: Floats, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The whole picture, or the head cut out of it with a soft edge, on the canvas."""
    scale = np.sqrt(np.linalg.det(to_canvas[:, :2]))
    if scale < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale)
    shown = cv2.warpAffine(picture, to_canvas, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
    solid = np.full(picture.shape[:2], 255, np.uint8)
    mask = cv2.warpAffine(solid, to_canvas, (SIZE, SIZE), flags=cv2.INTER_NEAREST)
    if rng.random() < 0.5:
        centre, size = points.mean(0), np.ptp(points, axis=0).max()
        factor = rng.uniform(1.1, 1.9)
        hull = centre + (cv2.convexHull(points.astype(np.float32))[:, 0] - centre) * factor
        hull[:, 1] -= 0.1 * size * (factor - 1)
        head = np.zeros((SIZE, SIZE), np.uint8)
        cv2.fillPoly(head, [hull.astype(np.int32)], 255)
        mask = cv2.min(mask, cv2.GaussianBlur(head, (0, 0), max(1.0, 0.04 * size * rng.uniform(0, 2))))
    if rng.random() < 0.5:
        light = rng.uniform(0.5, 1.4)
        shown = np.clip(shown * np.float32(light) + rng.normal(0, 10, 3).astype(np.float32), 0, 255).astype(np.uint8)
    share = mask[..., None].astype(np.float32) / 255
    return (canvas * (1 - share) + shown * share).astype(np.uint8)


def _letterbox(canvas: NDArray[np.uint8], faces: list[tuple[float, float, float]], rng: np.random.Generator) -> None:
    """Grey bars where a wide or tall picture would end, never over the middle of a face."""
    axis = int(rng.integers(2))
    places = [face[axis] for face in faces]
    low = int(rng.uniform(0, min([80.0, *(p - 12 for p in places)]))) if min([80.0, *places]) > 13 else 0
    high = (
        int(rng.uniform(max([SIZE - 80.0, *(p + 12 for p in places)]), SIZE))
        if max([0.0, *places]) < SIZE - 13
        else SIZE
    )
    bars = (slice(0, low), slice(high, SIZE))
    for bar in bars:
        canvas[(slice(None), bar) if axis == 0 else bar] = GREY


def misses(maps: Tensor, heat: Tensor, rest: Tensor, known: Tensor) -> Tensor:
    """Focal loss of the heat, absolute error of offset and size where a face is."""
    chance = maps[:, 0].sigmoid().clamp(1e-4, 1 - 1e-4)
    peak = (heat == 1).float()
    hit = peak * (1 - chance) ** 2 * chance.log()
    miss = (1 - peak) * (1 - heat) ** 4 * chance**2 * (1 - chance).log()
    focal = -(hit + miss).sum() / peak.sum().clamp(min=1)
    weight = torch.tensor([0.5, 0.5, 2.0]).view(1, 3, 1, 1)
    off = ((maps[:, 1:] - rest).abs() * known[:, None] * weight).sum() / known.sum().clamp(min=1)
    return focal + 2 * off


def main() -> None:
    """Train to the end, from the last checkpoint if there is one."""
    torch.manual_seed(4)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    scenes = Scenes()
    net = CentreNet().train()
    torch.nn.init.normal_(net.out.weight, 0, 1e-3)
    torch.nn.init.zeros_(net.out.bias)
    with torch.no_grad():
        net.out.bias[0] = -4.0

    def loss(rng: np.random.Generator) -> Tensor:
        pictures, heat, rest, known = scenes.batch(PLAN.batch, rng)
        with torch.autocast("cpu", torch.bfloat16):
            maps = net(pictures)
        return misses(maps.float(), heat, rest, known)

    Loop(net, PLAN).run(loss)


if __name__ == "__main__":
    main()
