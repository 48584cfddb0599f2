"""Make the weights "head": the mean head that poses are fitted to, and how lips follow the mouth's parameters.

    python training/head.py [--data ../shared/data]

Mean head: 879 portraits of members of Congress (public domain) with MediaPipe's 478 points in three dimensions, laid
on each other by similarity. Lips: 585 sentences of GRID speaker s1 (CC BY 4.0), lip contours less the closed mouth
of the same sentence, by least squares on the named parameters, made symmetrical. Takes 10 s on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from lipsync.face import LIPS, MESH
from lipsync.weights import enter

EYES, UNDER_NOSE, BROW = (33, 263), 2, 9
MIRROR_UP = np.arange(10, -1, -1)
MIRROR_LOW = np.arange(8, -1, -1)
FLIP = np.r_[MIRROR_UP, 11 + MIRROR_LOW, 20 + MIRROR_UP, 31 + MIRROR_LOW]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    data = parser.parse_args().data
    shape = mean_head(np.load(data / "portraits_pd.npz")["points"].astype(np.float64))
    lips, jaw, left = lips_by_parameters(np.load(data / "grid_s1_tracks.npz"))
    tensors = {"shape": shape, "lips": lips, "jaw": jaw}
    path = enter(
        "head",
        {name: torch.tensor(value, dtype=torch.float32) for name, value in tensors.items()},
        licence="CC BY 4.0",
        trained_on="879 official portraits of members of Congress (public domain); GRID corpus speaker s1 "
        "(Cooke, Barker, Cunningham, Shao 2006, CC BY 4.0)",
    )
    print(f"{path.name}: lips explained to {left[1]:.2f} % IOD, {left[0]:.2f} % if left alone")


def mean_head(points: np.ndarray) -> np.ndarray:
    """(N, 478, 3) pixels to (99, 3) in the head frame."""
    mean = framed(points[0])
    steady = [33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 9, 8, 10, 151, 127, 356, 98, 327, 2, 55, 285, 46, 276]
    for _ in range(4):
        mean = framed(np.mean([laid_on(mean, face, steady) for face in points], axis=0))
    mirrored = mean * [-1, 1, 1]
    picked, other = mean[list(MESH)], mirrored[list(MESH)]
    return np.asarray((picked + other[mirror_of(picked, other)]) / 2)


def mirror_of(picked: np.ndarray, other: np.ndarray) -> np.ndarray:
    """For each point, which one is its mirror image."""
    apart = np.linalg.norm(picked[:, None] - other[None], axis=-1)
    return np.asarray(apart.argmin(axis=1))


def framed(face: np.ndarray) -> np.ndarray:
    """Points in a frame of their own: origin under the nose, x along the eyes, unit IOD."""
    x = face[EYES[1]] - face[EYES[0]]
    unit = np.linalg.norm(x)
    x = x / unit
    y = face[UNDER_NOSE] - face[BROW]
    y = y - x * (x @ y)
    y = y / np.linalg.norm(y)
    return np.asarray((face - face[UNDER_NOSE]) @ np.stack([x, y, np.cross(x, y)], axis=1) / unit)


def laid_on(mean: np.ndarray, face: np.ndarray, steady: list[int]) -> np.ndarray:
    """The face after the similarity that brings its steady points nearest to the mean's."""
    here, there = face[steady], mean[steady]
    a, b = here - here.mean(0), there - there.mean(0)
    u, size, v = np.linalg.svd(b.T @ a)
    keep = np.diag([1, 1, np.sign(np.linalg.det(u @ v))])
    turn = u @ keep @ v
    scale = (size * np.diag(keep)).sum() / (a**2).sum()
    return np.asarray(scale * (face - here.mean(0)) @ turn.T + there.mean(0))


def lips_by_parameters(tracks: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Basis (5, 40, 2) of open, width, upper, lower, jaw; (9,) how far the jaw line follows the chin."""
    lips, named, start = [], [], 0
    points = tracks["lip"].astype(np.float64)[..., :2] / 8192
    for count in tracks["plen"]:
        face, values = points[start : start + count], tracks["par"][start : start + count, :5].astype(np.float64)
        start += count
        shut = np.argsort(values[:, 0] + 0.3 * np.abs(values[:, 1] - np.median(values[:, 1])))[: max(3, count // 8)]
        lips.append(face - face[shut].mean(0))
        named.append(values - values[shut].mean(0))
    moves, values = np.concatenate(lips), np.concatenate(named)
    basis = np.linalg.lstsq(values, moves.reshape(len(moves), -1), rcond=None)[0].reshape(5, -1, 2)
    mirrored = basis[:, FLIP] * [-1, 1]
    lip_basis = (basis[:, : len(LIPS)] + mirrored) / 2
    left = moves[:, : len(LIPS)] - np.einsum("tk,kpc->tpc", values, lip_basis)
    line = basis[4, len(LIPS) :, 1]  # 152 148 377 176 400 150 379 172 397
    jaw = np.array([1, (line[3] + line[4]) / 2, (line[5] + line[6]) / 2, (line[7] + line[8]) / 2])
    return lip_basis, jaw, (float(rms(moves[:, : len(LIPS)])), float(rms(left)))


def rms(error: np.ndarray) -> float:
    return float(100 * np.sqrt((error**2).sum(-1).mean()))


if __name__ == "__main__":
    main()
