"""Mouths that the portraits do not show: a random new lip shape, and something to see between the lips."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.face_mesh import IN_LOW, IN_UP, JAW, LIPS, STILL, Floats, spline

MIDDLE = slice(3, 8)
DEPTH = (0.0, 0.4, 0.7, 1.0)
"""How far each of the four lines of a lip is from its outer edge to its inner one."""


@dataclass(frozen=True)
class Shape:
    """How a mouth is held, in IOD; 0 everywhere is the neutral closed mouth."""

    open: float = 0.0
    wide: float = 0.0
    round: float = 0.0
    up: float = 0.0
    low: float = 0.0
    press: float = 0.0
    smile: float = 0.0


def ramp(start: float, end: float, x: Floats | float) -> Floats:
    """Smooth step from 0 at ``start`` to 1 at ``end``."""
    t = np.clip((np.asarray(x) - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)


def gap(lips: Floats) -> Floats:
    """(11,) opening between the inner edges, corner to corner."""
    return lips[IN_LOW[3], 1] - lips[IN_UP[3], 1]


def closed(lips: Floats, share: float = 0.4) -> Floats:
    """The same lips closed: the upper one comes down by ``share`` of the gap, the lower one up by the rest."""
    lips = lips.copy()
    opening = np.maximum(gap(lips), 0)
    for k in range(4):
        upper, lower = IN_UP[k], IN_LOW[k]
        part = 0.55 + 0.15 * k
        lips[upper[1:-1], 1] += share * opening[1:-1] * part
        lips[lower[1:-1], 1] -= (1 - share * part if k == 3 else 1 - share) * opening[1:-1]
    middle = (lips[IN_UP[3], 1] + lips[IN_LOW[3], 1]) / 2
    lips[IN_UP[3], 1] = lips[IN_LOW[3], 1] = middle
    return lips


def random_shape(rng: np.random.Generator) -> tuple[Shape, float]:
    """A shape of speech, rest or smile, and how far the jaw drops with it (IOD)."""
    u = rng.uniform
    kinds = (
        lambda: Shape(),
        lambda: Shape(open=u(0.02, 0.18)),
        lambda: Shape(open=u(0.15, 0.42), wide=rng.normal(0, 0.03)),
        lambda: Shape(open=u(0, 0.2), round=u(0.03, 0.12)),
        lambda: Shape(open=u(0.01, 0.12), wide=u(0.02, 0.09), up=u(0, 0.05), low=u(0, 0.05)),
        lambda: Shape(press=u(0.01, 0.04)),
        lambda: Shape(smile=u(0.02, 0.10), wide=u(0, 0.05), up=u(0, 0.06), low=u(0, 0.06), open=u(0, 0.2)),
        lambda: Shape(up=u(0, 0.05), low=u(0, 0.05), open=u(0, 0.06), smile=u(-0.05, 0.03)),
    )
    shape = kinds[rng.choice(8, p=[0.12, 0.24, 0.16, 0.12, 0.1, 0.08, 0.1, 0.08])]()
    return shape, max(0.0, shape.open * u(0.35, 0.75) + rng.normal(0, 0.006))


def wide_shape(rng: np.random.Generator) -> tuple[Shape, float]:
    """A mouth wide open: singing, shouting, laughing, yawning; and how far the jaw drops with it (IOD)."""
    u = rng.uniform
    kinds = (
        lambda: Shape(open=u(0.2, 0.6), wide=rng.normal(0, 0.04)),
        lambda: Shape(open=u(0.2, 0.5), wide=u(0, 0.06), smile=u(0.03, 0.12), up=u(0, 0.05)),
        lambda: Shape(open=u(0.2, 0.5), round=u(0.03, 0.14)),
        lambda: Shape(open=u(0.18, 0.45), up=u(0.01, 0.07), low=u(0, 0.07), wide=rng.normal(0, 0.03)),
    )
    shape = kinds[rng.choice(4, p=[0.4, 0.25, 0.15, 0.2])]()
    return shape, max(0.0, shape.open * u(0.5, 0.85) + rng.normal(0, 0.01))


def borrowed(lips: Floats, donor: Floats, rng: np.random.Generator) -> tuple[Floats, float]:
    """Lips (80, 3) held like those of another person, and how far the jaw drops with them (IOD)."""
    own, other = np.ptp(lips[IN_UP[0], 0]), np.ptp(donor[IN_UP[0], 0])
    size = (own / other) ** rng.uniform(0, 0.7)
    middle = closed(lips)[IN_UP[3, 3:8]].mean(0) - closed(donor)[IN_UP[3, 3:8]].mean(0) * size
    held = donor * size + middle
    held[:, 2] = lips[:, 2] + 0.5 * (held - lips)[:, 2]
    share = rng.uniform(0.8, 1.5)
    opening = gap(held)
    for k in range(4):
        held[IN_LOW[k][1:-1], 1] += (share - 1) * opening[1:-1]
    held = untangled(held)
    return held, max(0.0, float(gap(held)[MIDDLE].mean()) * rng.uniform(0.35, 0.8) + rng.normal(0, 0.006))


def articulate(neutral: Floats, shape: Shape) -> Floats:
    """(80, 3) closed lips -> the same lips held in ``shape``."""
    lips = neutral.copy()
    middle = neutral[:, 0].mean()
    half = np.ptp(neutral[IN_UP[0], 0]) / 2
    u = (lips[:, 0] - middle) / half
    bow, deep_bow = np.clip(1 - np.abs(u) ** 2.2, 0, 1), np.clip(1 - np.abs(u) ** 2.6, 0, 1)
    upper, lower, depth = np.zeros(len(lips)), np.zeros(len(lips)), np.zeros(len(lips))
    for k in range(4):
        upper[IN_UP[k]], lower[IN_LOW[k]] = 1, 1
        depth[IN_UP[k]] = depth[IN_LOW[k]] = DEPTH[k]
    corner = (upper > 0) & (lower > 0)
    upper[corner] = lower[corner] = 0.5
    dy = shape.open * (lower * (0.3 + 0.7 * deep_bow) * (0.9 + 0.1 * depth) - upper * bow * 0.06 * depth)
    dy = np.where(corner, shape.open * 0.32, dy)
    dx = (-0.24 * shape.open * half + shape.wide - shape.round + 0.8 * shape.smile) * u
    thicker = (0.25 * shape.round) * (1 - depth)
    dy += bow * (lower - upper) * thicker + bow * (shape.low * lower - shape.up * upper)
    dy += shape.press * bow * (upper - lower) * (1 - depth) - shape.smile * u**2
    lips[:, 0] += dx
    lips[:, 1] += dy
    return untangled(lips)


def untangled(lips: Floats) -> Floats:
    """Where the inner edges have crossed they meet instead."""
    lips = lips.copy()
    crossed = gap(lips) < 0
    middle = (lips[IN_LOW[3], 1] + lips[IN_UP[3], 1]) / 2
    for edge in (IN_UP[3], IN_LOW[3]):
        lips[edge, 1] = np.where(crossed, middle, lips[edge, 1])
    return lips


def varied(lips: Floats, shape: Shape, rng: np.random.Generator) -> Floats:
    """Lips of another person: skewed, shifted, thicker or thinner, further out where they are rounded."""
    lips = lips.copy()
    u = (lips[:, 0] - lips[:, 0].mean()) / (np.ptp(lips[:, 0]) / 2)
    lips[:, 1] += rng.normal(0, 0.012) * u + rng.normal(0, 0.010) * u**2
    lips[:, 0] += rng.normal(0, 0.012)
    if rng.random() < 0.5:
        bow = np.clip(1 - np.abs(u) ** 2.2, 0, 1)
        above, below = rng.normal(0, 0.016), rng.normal(0, 0.02)
        for k in range(3):
            lips[IN_UP[k], 1] -= above * (1 - k / 3) * bow[IN_UP[k]]
            lips[IN_LOW[k], 1] += below * (1 - k / 3) * bow[IN_LOW[k]]
    lips[:, 2] -= 0.8 * shape.round * np.clip(1 - u**2, 0, 1)
    return untangled(lips)


def bend(head: Floats, lips: Floats, jaw: float) -> Floats:
    """The (478, 3) head with these lips and the jaw dropped by ``jaw``; what is above the nose stays."""
    drop = jaw - max(0.0, float(gap(head[LIPS])[MIDDLE].mean()) - 0.02) * 0.45
    outer = np.r_[IN_UP[0], IN_LOW[0][1:-1]]
    jaws, falls = np.array(list(JAW)), np.array(list(JAW.values())) * drop
    places = np.r_[LIPS[outer], jaws, STILL]
    moves = np.zeros((len(places), 2))
    moves[: len(outer)] = (lips - head[LIPS])[outer, :2]
    moves[len(outer) : len(outer) + len(jaws), 1] = falls
    bent = head.copy()
    below = np.clip((head[:, 1] + 0.15) / 0.15, 0, 1)[:, None]
    bent[:, :2] += spline(head[places, :2], moves, head[:, :2]) * below
    bent[LIPS] = lips
    bent[jaws] = head[jaws]
    bent[jaws, 1] += falls
    return bent


def paint(
    picture: NDArray[np.uint8], hole: NDArray[np.bool_], x: Floats, y: Floats, head: Floats, skin: float,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:  # fmt: skip
    """Fill ``hole`` with tongue and teeth.

    Args:
        picture: (S, S, 3) RGB.
        hole: (S, S), the opening between the lips.
        x: Head-frame place of each pixel of the hole, in the order of ``picture[hole]``.
        y: Likewise.
        head: (478, 3) the face this is, in the head frame.
        skin: Brightness of the cheeks, 0–255.
        rng: Chooses what is seen.
    """
    upper, lower = head[LIPS[IN_UP[3]]], head[LIPS[IN_LOW[3]]]
    rest = closed(head[LIPS])[IN_UP[3], 1].mean()
    light = max(30.0, skin)
    above = y - np.interp(x, *upper[np.argsort(upper[:, 0]), :2].T)
    below = np.interp(x, *lower[np.argsort(lower[:, 0]), :2].T) - y
    x = x - upper[:, 0].mean()
    colour = np.ones((len(x), 3)) * np.array([0.16, 0.08, 0.10]) * light * rng.uniform(0.3, 1.6)
    colour = _tongue(colour, x, y, lower, light, rng)
    tooth = np.array([1.03, 0.99, 0.92]) * light * rng.uniform(0.8, 1.35)
    gaps = np.abs((x / rng.uniform(0.055, 0.09) + rng.uniform()) % 1 - 0.5)
    tooth = tooth * (1 - 0.18 * np.exp(-((gaps / 0.1) ** 2)))[:, None]
    if rng.random() < 0.55:
        edge = lower[MIDDLE, 1].mean() - rng.uniform(-0.02, 0.05) + 0.3 * x**2
        cover = (ramp(-0.008, 0.012, y - edge) * (np.abs(x) < 0.22))[:, None]
        colour = colour * (1 - cover) + cover * tooth * rng.uniform(0.5, 0.9)
    if rng.random() < 0.8:
        edge = rest + rng.uniform(-0.01, 0.07) + (upper[:, 1].mean() - rest) * 0.5 - 0.3 * x**2
        cover = (ramp(-0.01, 0.01, edge - y) * (1 - 0.75 * ramp(0.14, 0.26, np.abs(x))))[:, None]
        colour = colour * (1 - cover) + cover * tooth
    shade = (0.5 + 0.5 * ramp(-0.004, rng.uniform(0.01, 0.05), above)) * (0.7 + 0.3 * ramp(-0.004, 0.02, below))
    return _blended(picture, hole, colour * shade[:, None])


def _tongue(colour: Floats, x: Floats, y: Floats, lower: Floats, light: float, rng: np.random.Generator) -> Floats:
    if rng.random() > 0.7:
        return colour
    deep = y - (lower[:, 1].max() - rng.uniform(0.03, 0.14) + 0.4 * x**2)
    cover = ramp(-0.02, 0.04, deep)[:, None]
    tongue = (
        np.array([0.95, 0.5, 0.55]) * light * rng.uniform(0.35, 0.95) * (0.6 + 0.4 * ramp(-0.02, 0.1, deep))[:, None]
    )
    return colour * (1 - cover) + cover * tongue


def _blended(picture: NDArray[np.uint8], hole: NDArray[np.bool_], colour: Floats) -> NDArray[np.uint8]:
    filled = picture.astype(np.float32)
    filled[hole] = colour
    filled = cv2.GaussianBlur(filled, (0, 0), 0.8)
    cover = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 0.7)[..., None]
    return np.clip(picture * (1 - cover) + filled * cover, 0, 255).astype(np.uint8)
