"""The thin plate against its textbook definition, and the places where it must not move."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lipsync.warp import Grid, Sheet

GRID = Grid(left=-1.0, top=-0.5, step=0.1, columns=21, rows=16)
RNG = np.random.default_rng(7)
PINS = np.array([(x, y) for x in (-1.0, 0.0, 1.0) for y in (-0.5, 1.0)])
TARGET = RNG.uniform((-0.5, 0.0), (0.5, 0.6), (12, 2))
SOURCE = TARGET + RNG.normal(0, 0.05, (12, 2))


def slow_plate(controls: np.ndarray, moves: np.ndarray, place: np.ndarray, stiffness: float) -> np.ndarray:
    """One place, by the book, in plain loops."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        square = float(((a - b) ** 2).sum()) + 1e-12
        return square * math.log(square) / 2

    count = len(controls)
    system = np.zeros((count + 3, count + 3))
    for i in range(count):
        for j in range(count):
            system[i, j] = kernel(controls[i], controls[j]) + (stiffness if i == j else 0)
        system[i, count:] = system[count:, i] = (1, *controls[i])
    weights = np.linalg.inv(system) @ np.vstack([moves, np.zeros((3, 2))])
    row = np.array([kernel(place, c) for c in controls] + [1, *place])
    return row @ weights


def test_like_the_slow_reference() -> None:
    sheet = Sheet(PINS, GRID, stiffness=1e-4)
    field = sheet.moves(SOURCE, TARGET) / np.maximum(GRID.window[..., None], 1e-9)
    controls = np.vstack([PINS, TARGET])
    moves = np.vstack([np.zeros_like(PINS), SOURCE - TARGET])
    places = GRID.places.reshape(GRID.rows, GRID.columns, 2)
    for row, column in ((4, 5), (8, 10), (10, 14)):
        wanted = slow_plate(controls, moves, places[row, column], 1e-4)
        assert field[row, column] == pytest.approx(wanted, abs=2e-5)


def test_controls_are_met() -> None:
    grid = Grid(left=-1.0, top=-0.5, step=0.02, columns=101, rows=76)
    field = Sheet(PINS, grid, stiffness=0).moves(SOURCE, TARGET) / np.maximum(grid.window[..., None], 1e-9)
    for here, there in zip(TARGET, SOURCE, strict=True):
        column, row = np.round((here - (grid.left, grid.top)) / grid.step).astype(int)
        assert field[row, column] == pytest.approx(there - here, abs=0.02)


def test_no_moves_no_field() -> None:
    assert not np.abs(Sheet(PINS, GRID).moves(TARGET, TARGET)).max() > 1e-6


def test_the_rim_stays() -> None:
    field = Sheet(PINS, GRID).moves(SOURCE, TARGET)
    for rim in (field[0], field[-1], field[:, 0], field[:, -1]):
        assert not rim.any()


def test_a_grid_knows_its_ends() -> None:
    assert (GRID.right, GRID.bottom) == pytest.approx((1.0, 1.0))
    assert GRID.places[0] == pytest.approx((-1, -0.5))
    assert GRID.places[-1] == pytest.approx((1, 1))
