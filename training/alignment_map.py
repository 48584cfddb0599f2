"""Fit the map from 68 points (iBUG, as face-alignment finds them) to our 99: the weights "contour".

    python -m training.alignment_map [--ship]

Needs no picture: the 478-point meshes of the portraits hold both kinds of points. Every head is also turned, and gets
other mouths (``face_made``). Points of a network are never exact, and people who annotate put the points between the
corners of a lip now here and now there along its edge: so the 68 are shaken by ``NOISE``, slid by ``SLIDE``, and the
map is the least squares one. Prints what that costs and gains on people held out. Takes a minute.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from lipsync.alignment_contour import stood, upright
from lipsync.face import (
    BROWS,
    CHIN,
    EYE_L,
    EYE_R,
    INNER_LOW,
    INNER_UP,
    IRIS,
    LIPS,
    MESH,
    NOSE,
    OUTER_LOW,
    OUTER_UP,
    OVAL,
)  # fmt: skip
from lipsync.landmarks import MIRROR
from lipsync.weights import enter
from training import face_mesh as mesh
from training.face_made import BORROWED, MOUTH, WIDE, Heads, placed
from training.face_ship import TRAINED_ON
from training.face_sources import Portrait, congress, speaker, staff

Array = NDArray[np.float64]

# fmt: off
IBUG = np.array([
    127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
])
"""Which point of the mesh each of the 68 is, as far as both schemes say."""
OTHER_SIDE = np.array([
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1),
])
"""Point i of a mirrored face is point OTHER_SIDE[i] of the face."""
# fmt: on
CHOICE = np.array(MESH)
LINES = ((48, 49, 50, 51, 52, 53, 54), (54, 55, 56, 57, 58, 59, 48), (60, 61, 62, 63, 64), (64, 65, 66, 67, 60))
"""Edges of the lips from corner to corner."""
EDGES = (OUTER_UP, np.r_[10, OUTER_LOW, 0], INNER_UP, np.r_[30, INNER_LOW, 20])
"""The same edges in our points."""
FIXED = (51, 57, 62, 66)
"""The middles of the edges: these are easily told."""
NOISE = 0.012
"""Sideways and up or down, in IOD."""
SLIDE = 0.35
"""Along the lip's edge, in steps to the next point."""
COPIES = 4
HELD = 1e-5
"""How strongly the fit is held near none."""
MOUTHS = (None, MOUTH, MOUTH, WIDE, BORROWED)
AXIS = np.array([0.0, -0.2, 0.75])
EVERY = 6
"""One frame of the one speaker in so many: there are many alike."""
GROUPS = {
    "lips": LIPS,
    "outer edge": np.r_[OUTER_UP, OUTER_LOW],
    "inner edge": np.r_[INNER_UP, INNER_LOW],
    "eyes": np.r_[EYE_L, EYE_R],
    "brows": BROWS,
    "nose": NOSE,
    "pupils": IRIS,
    "jaw": OVAL[3:16],
    "chin": np.array([CHIN]),
    "forehead": np.r_[OVAL[:3], OVAL[16:]],
    "all": np.arange(len(MESH)),
}


def views(
    people: list[Portrait], heads: Heads, seed: int, mouths: tuple[int | None, ...] = MOUTHS, turned: bool = True
) -> Array:
    """(N, 478, 2) the meshes of people with these mouths, each turned at random; lengths in IOD of the mean head."""
    rng, found = np.random.default_rng(seed), []
    for one in people:
        own = placed(one, heads.mean).to_head(one.mesh)
        for kind in mouths:
            head = own if kind is None else heads.mouth(own, kind, rng)
            yaw, pitch = np.clip(rng.normal(0, (0.3, 0.18)), (-0.8, -0.5), (0.8, 0.5)) * turned
            found.append(((head - AXIS) @ mesh.turn(float(yaw), float(pitch)).T + AXIS)[:, :2])
    return np.array(found)


def iod(heads: Array) -> Array:
    """(N,) between the outer eye corners."""
    return np.hypot(*(heads[:, IBUG[36]] - heads[:, IBUG[45]]).T)


def shaken(heads: Array, rng: np.random.Generator, noise: float, slide: float) -> Array:
    """(N, 68, 2) as a network might find them."""
    found = heads[:, IBUG]
    for line in LINES:
        for before, here, after in zip(line, line[1:], line[2:], strict=False):
            if here not in FIXED:
                share = rng.uniform(-slide, slide, (len(heads), 1))
                there = np.where(share > 0, heads[:, IBUG[after]], heads[:, IBUG[before]])
                found[:, here] += np.abs(share) * (there - heads[:, IBUG[here]])
    return found + rng.normal(0, noise, found.shape) * iod(heads)[:, None, None]


def middle(found: Array) -> Array:
    """(68, 2) the mean face, symmetrical, 1 from one outer eye corner to the other."""
    mean = found[0]
    for _ in range(4):
        mean = upright(found, *stood(found, mean)).mean(0)
    mean = (mean + mean[OTHER_SIDE] * (-1, 1) + (mean[36, 0] + mean[45, 0], 0)) / 2
    return mean / np.hypot(*(mean[45] - mean[36]))


def fitted(heads: Array, mean: Array, noise: float = NOISE, slide: float = SLIDE) -> Array:
    """(137, 198) the map; the last row is added."""
    rng, squares, products = np.random.default_rng(3), 0.0, 0.0
    for _ in range(COPIES):
        found, wanted = shaken(heads, rng, noise, slide), heads[:, CHOICE]
        for flip in (False, True):
            if flip:
                found, wanted = found[:, OTHER_SIDE] * (-1, 1), wanted[:, MIRROR] * (-1, 1)
            place = stood(found, mean)
            seen = (upright(found, *place) - mean).reshape(len(found), -1)
            seen = np.column_stack([seen, np.ones(len(seen))])
            squares = squares + seen.T @ seen / len(seen)
            products = products + seen.T @ upright(wanted, *place).reshape(len(seen), -1) / len(seen)
    held = HELD * np.eye(len(squares))
    held[-1] = 0
    return np.linalg.solve(squares / COPIES / 2 + held, products / COPIES / 2)


def mapped(found: Array, mean: Array, way: Array) -> Array:
    """(N, 99, 2) what the map makes of (N, 68, 2)."""
    origin, ratio = stood(found, mean)
    seen = (upright(found, origin, ratio) - mean).reshape(len(found), -1)
    flat = (np.column_stack([seen, np.ones(len(seen))]) @ way).reshape(len(seen), -1, 2) @ np.array([1, 1j])
    flat = flat * ratio[:, None] + origin[:, None]
    return np.stack([flat.real, flat.imag], -1)


def along(found: Array, usual: Array) -> Array:
    """(N, 99, 2) the lips alone, read off curves through the points of each edge: what the map competes with.

    Args:
        found: (N, 68, 2).
        usual: (99, 2) a mean face, which tells how far along its edge each of our points lies.
    """
    out = np.full((len(found), len(MESH), 2), np.nan)
    for line, ours in zip(LINES, EDGES, strict=True):
        steps = _way(usual[ours])
        for k, edge in enumerate(found[:, list(line)]):
            out[k, ours] = CubicSpline(_way(edge), edge)(steps)
    return out


def _way(edge: Array) -> Array:
    """How far along the edge each of its points lies, 0-1."""
    way = np.append(0, np.cumsum(np.hypot(*np.diff(edge, axis=0).T) + 1e-9))
    return way / way[-1]


def report(name: str, heads: Array, mean: Array, ways: dict[str, Array]) -> None:
    """Print the mean error of each group in % of the IOD, with exact points and with points that are off."""
    usual = mapped(mean[None], mean, ways["map"])[0]
    for noise, slide in ((0.0, 0.0), (0.0, SLIDE), (0.01, SLIDE), (0.02, SLIDE)):
        found, wanted = shaken(heads, np.random.default_rng(9), noise, slide), heads[:, CHOICE]
        print(f"{name}, off by {noise:.3f}, slid {slide:.2f}")
        for label, got in [(key, mapped(found, mean, way)) for key, way in ways.items()] + [
            ("curves", along(found, usual))
        ]:
            off = 100 * np.hypot(*np.moveaxis(got - wanted, 2, 0)) / iod(heads)[:, None]
            means = {key: float(off[:, group].mean()) for key, group in GROUPS.items()}
            print(f"  {label}:", " ".join(f"{key} {mean:.2f}" for key, mean in means.items() if np.isfinite(mean)))
    odd = np.sqrt(((upright(heads[:, IBUG], *stood(heads[:, IBUG], mean)) - mean) ** 2).sum(-1).mean(1))
    print(f"{name}: from the mean face {np.quantile(odd, [0, 0.5, 1]).round(3).tolist()}")


def main() -> None:
    """Fit, print, and with ``--ship`` put the map into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ship", action="store_true")
    options = parser.parse_args()
    people = congress()
    heads = Heads(people, mesh.template(people))
    known = people + staff()
    heads = Heads(known, heads.mean)
    known = known + speaker()[::EVERY]
    seen = np.concatenate([views(known, heads, 1), views(known, heads, 2, (None,), turned=False)])
    mean = middle(np.concatenate([seen[:, IBUG], seen[:, IBUG][:, OTHER_SIDE] * (-1, 1)]))
    ways = {"map": fitted(seen, mean), "map of exact points": fitted(seen, mean, 0.0, 0.0)}
    unseen = congress(held_out=True) + staff(held_out=True)
    report("held out", views(unseen, heads, 3, (None,), turned=False), mean, ways)
    report("held out, turned", views(unseen, heads, 4, (None,) * 3), mean, ways)
    report("held out, turned, other mouths", views(unseen, heads, 5, (MOUTH, WIDE, BORROWED)), mean, ways)
    if options.ship:
        tensors = {key: torch.from_numpy(value).float() for key, value in (("mean", mean), ("map", ways["map"]))}
        print(enter("contour", tensors, "CC BY 4.0", TRAINED_ON))


if __name__ == "__main__":
    main()
