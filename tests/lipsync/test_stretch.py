"""Bars are softened where a picture is stretched upwards and pressed sideways; elsewhere it stays as it is."""

from __future__ import annotations

import numpy as np

from lipsync.stretch import softening
from lipsync.view import View
from lipsync.warp import Grid

SCALE = 160.0
GRID = Grid(-0.5, -0.25, 0.05, 21, 11)
VIEW = View((0, 0, 160, 80), (0, 0), np.eye(2) * SCALE, np.array([80.0, 40.0]), GRID)


def moves(upwards: float, sideways: float) -> np.ndarray:
    """A bending that takes pictures from places so many times as far apart."""
    places = GRID.places.reshape(GRID.rows, GRID.columns, 2)
    return (places * (sideways - 1, upwards - 1)).astype(np.float32)


def test_where_bars_would_show_they_are_softened() -> None:
    soft = softening(moves(0.3, 1.2), VIEW)
    assert soft is not None
    assert soft.share[20:60, 30:130].min() > 0.7
    assert soft.size > 2


def test_what_is_not_stretched_stays() -> None:
    for upwards, sideways in ((1.0, 1.0), (1.2, 0.5)):
        soft = softening(moves(upwards, sideways), VIEW)
        assert soft is None or soft.share.max() == 0
