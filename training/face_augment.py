"""What happens to a crop between the camera and us: blur, noise, light, compression, something in front of it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
_GRAIN = np.random.default_rng(0).normal(0, 1, 1 << 20).astype(np.float32)


def worn(picture: Picture, rng: np.random.Generator) -> Picture:
    """(S, S, 3) RGB as a worse camera in another light would have given it."""
    out = _blurred(np.ascontiguousarray(picture), rng)
    if rng.random() < 0.3:
        out = _packed(out, int(rng.integers(15, 80)))
    if rng.random() < 0.2:
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    out = _lit(out, rng)
    if rng.random() < 0.35:
        out = _shaded(out, rng)
    if rng.random() < 0.35:
        start = int(rng.integers(0, len(_GRAIN) - out.size))
        grain = _GRAIN[start : start + out.size].reshape(out.shape) * np.float32(rng.uniform(2, 16))
        out = np.clip(out + grain, 0, 255).astype(np.uint8)
    return _covered(out, rng) if rng.random() < 0.35 else out


def _blurred(picture: Picture, rng: np.random.Generator) -> Picture:
    size = picture.shape[0]
    if rng.random() < 0.2:
        picture = _moved(picture, rng)
    if rng.random() < 0.35:
        scale = rng.uniform(0.25, 0.8)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:  # a small video, enlarged: its blocks are larger than ours
            small = _packed(small, int(rng.integers(12, 70)))
        picture = cv2.resize(small, (size, size))
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 1.8)) if rng.random() < 0.1 else picture


def _packed(picture: Picture, quality: int) -> Picture:
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def _moved(picture: Picture, rng: np.random.Generator) -> Picture:
    """Blurred along a straight line, as a head or a jaw is that moves while the shutter is open."""
    length, angle = int(rng.integers(3, 10)), rng.uniform(0, np.pi)
    line = np.zeros((11, 11), np.float32)
    way = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = [tuple(int(v) for v in np.round((5 + side * way) * 16)) for side in (-1, 1)]
    cv2.line(line, *ends, 1.0, 1, cv2.LINE_AA, 4)
    return cv2.filter2D(picture, -1, line / line.sum())


def _lit(picture: Picture, rng: np.random.Generator) -> Picture:
    levels = np.arange(256, dtype=np.float32)[:, None]
    mean = float(picture.mean())
    gain = rng.uniform(0.5, 1.5) * rng.uniform(0.85, 1.18, 3)
    table = ((levels - mean) * rng.uniform(0.6, 1.4) + mean) * gain + rng.normal(0, 14) + rng.normal(0, 6, 3)
    table = np.clip(table, 0, 255)
    if rng.random() < 0.5:
        table = 255 * (table / 255) ** rng.uniform(0.6, 1.7)
    return cv2.LUT(picture, table.astype(np.uint8)[None])


def _shaded(picture: Picture, rng: np.random.Generator) -> Picture:
    angle, ruler = rng.uniform(0, 2 * np.pi), np.linspace(-1, 1, picture.shape[0])
    slope = np.cos(angle) * ruler[None] + np.sin(angle) * ruler[:, None]
    if rng.random() < 0.4:
        slope = np.tanh((slope - rng.uniform(-0.4, 0.4)) * 6) * 0.8
    light = (1 + rng.uniform(0, 0.65) * slope)[..., None].astype(np.float32)
    return np.clip(picture * light, 0, 255).astype(np.uint8)


def _covered(picture: Picture, rng: np.random.Generator) -> Picture:
    """A patch of one colour, or of the picture itself, somewhere."""
    size, out = picture.shape[0], picture.copy()
    width, height = (int(v) for v in rng.integers(size // 12, int(size / 2.6), 2))
    left, top = (int(v) for v in rng.integers(0, size - 8, 2))
    patch = out[top : top + height, left : left + width]
    if rng.random() < 0.5:
        patch[:] = rng.integers(0, 255, 3)
        return out
    height, width = patch.shape[:2]
    row, column = int(rng.integers(0, size - height + 1)), int(rng.integers(0, size - width + 1))
    patch[:] = picture[row : row + height, column : column + width]
    return out


def texture(size: int, rng: np.random.Generator) -> Picture:
    """A picture of nothing: noise of some scale, one colour, or both with shapes on it."""
    kind = rng.integers(3)
    if kind == 0:
        coarse = rng.integers(0, 255, (int(rng.integers(2, 12)), int(rng.integers(2, 12)), 3)).astype(np.uint8)
        out = cv2.resize(coarse, (size, size), interpolation=int(rng.choice([0, 1, 2])))
    elif kind == 1:
        out = np.full((size, size, 3), rng.integers(0, 255, 3), np.uint8)
    else:
        waves = [
            cv2.resize(rng.normal(0, 120 / np.sqrt(n), (n, n, 3)).astype(np.float32), (size, size), interpolation=2)
            for n in (4, 16, 64)
        ]
        out = np.clip(sum(waves) + rng.uniform(60, 200, 3), 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(1, 12)) if rng.random() < 0.4 else 0):
        colour = [int(v) for v in rng.integers(0, 255, 3)]
        if rng.random() < 0.5:
            at = tuple(int(v) for v in rng.integers(0, size, 2))
            cv2.circle(out, at, int(rng.integers(4, max(6, size // 4))), colour, -1, cv2.LINE_AA)
        else:
            cv2.fillPoly(out, [rng.integers(0, size, (4, 2)).astype(np.int32)], colour)
    return out


def background(pictures: list[Picture], size: int, rng: np.random.Generator) -> Picture:
    """A square piece of one of the pictures, or a texture."""
    if not pictures or rng.random() < 0.3:
        return texture(size, rng)
    picture = pictures[int(rng.integers(len(pictures)))]
    height, width = picture.shape[:2]
    side = int(min(height, width) * rng.uniform(0.3, 1))
    top, left = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
    return cv2.resize(picture[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_LINEAR)
