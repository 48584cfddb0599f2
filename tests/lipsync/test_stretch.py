"""Bars are softened where a picture is stretched upwards and pressed sideways; elsewhere it stays as it is."""

from __future__ import annotations

import numpy as np

from lipsync.stretch import softened
from lipsync.view import View
from lipsync.warp import Grid

SCALE = 160.0
GRID = Grid(-0.5, -0.25, 0.05, 21, 11)
VIEW = View((0, 0, 160, 80), (0, 0), np.eye(2) * SCALE, np.array([80.0, 40.0]), GRID)
BARS = np.repeat(((np.arange(160) // 2 % 2) * 100 + 50)[None, :, None], 80, axis=0).repeat(3, axis=2).astype(np.float32)


def moves(upwards: float, sideways: float) -> np.ndarray:
    """A bending that takes pictures from places so many times as far apart."""
    places = GRID.places.reshape(GRID.rows, GRID.columns, 2)
    return (places * (sideways - 1, upwards - 1)).astype(np.float32)


def contrast(picture: np.ndarray) -> float:
    return float(np.ptp(picture[20:60, 30:130], axis=1).mean())


def test_bars_are_softened() -> None:
    assert contrast(softened(BARS, moves(0.3, 1.2), VIEW)) < 0.3 * contrast(BARS)


def test_what_is_not_stretched_stays() -> None:
    assert (softened(BARS, moves(1.0, 1.0), VIEW) == BARS).all()
    assert (softened(BARS, moves(1.2, 0.5), VIEW) == BARS).all()
