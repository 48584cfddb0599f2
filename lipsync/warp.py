"""Bending a picture: a thin-plate spline as backward map, on a coarse grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Image = NDArray[np.float32]

STIFFNESS = 1e-4
MARGIN = 0.12
"""Share of the grid, at each side, over which a bending dies away."""


@dataclass(frozen=True)
class Grid:
    """A regular grid of places.

    Attributes:
        left: x of its first column.
        top: y of its first row.
        step: Distance of columns and of rows.
        columns: How many.
        rows: How many.
    """

    left: float
    top: float
    step: float
    columns: int
    rows: int

    @property
    def right(self) -> float:
        """X of its last column."""
        return self.left + self.step * (self.columns - 1)

    @property
    def bottom(self) -> float:
        """Y of its last row."""
        return self.top + self.step * (self.rows - 1)

    @property
    def places(self) -> Array:
        """(rows * columns, 2) row by row."""
        x = self.left + self.step * np.arange(self.columns)
        y = self.top + self.step * np.arange(self.rows)
        return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)

    @property
    def window(self) -> Image:
        """(rows, columns) 1 inside, 0 on the rim, smooth between."""
        across, down = _ramp(self.columns), _ramp(self.rows)
        return (down[:, None] * across[None]).astype(np.float32)


class Sheet:
    """A thin plate with fixed pins around and moving controls in the middle.

    The plate is the smoothest field that takes the given moves at the controls and 0 at the pins. It is a backward
    map: controls lie where they shall be in the new picture, moves lead to where they are in the old one, so nothing
    has to be inverted and nothing can fold that the moves do not fold. What concerns the pins alone is computed once.
    """

    def __init__(self, pins: Array, grid: Grid, stiffness: float = STIFFNESS, held: bool = True) -> None:
        """Prepare the fixed part.

        Args:
            pins: (n, 2) places that do not move.
            grid: Where the field will be asked for.
            stiffness: 0 meets the moves exactly; more is smoother.
            held: The rim of the grid does not move either.
        """
        self._pins = pins
        self._grid = grid
        self._stiffness = stiffness
        self._pinned = _kernel(pins, pins)
        self._places = grid.places.astype(np.float32)
        self._seen_pins = _kernel(self._places, pins.astype(np.float32))
        self._seen_flat = _flat(self._places)
        self._window = grid.window[..., None] if held else np.float32(1)

    def moves(self, source: Array, target: Array) -> Image:
        """Say where each grid place of the new picture is to be found in the old one.

        Args:
            source: (n, 2) where the controls are.
            target: (n, 2) where they shall be.

        Returns:
            (rows, columns, 2) moves to add to a place of the new picture; 0 on the rim of the grid, where it is held.
        """
        weights = self._weights(target, source - target).astype(np.float32)
        pins, ends = len(self._pins), len(weights) - 3
        field = self._seen_pins @ weights[:pins] + self._seen_flat @ weights[ends:]
        field += _kernel(self._places, target.astype(np.float32)) @ weights[pins:ends]
        shaped = field.reshape(self._grid.rows, self._grid.columns, 2) * self._window
        return shaped.astype(np.float32)

    def _weights(self, controls: Array, moves: Array) -> Array:
        """Solve for the plate: (pins + n + 3, 2)."""
        pins, count = len(self._pins), len(self._pins) + len(controls)
        places = np.concatenate([self._pins, controls])
        system = np.zeros((count + 3, count + 3))
        system[:pins, :pins] = self._pinned
        system[:count, pins:count] = _kernel(places, controls)
        system[pins:count, :pins] = system[:pins, pins:count].T
        system[np.arange(count), np.arange(count)] += self._stiffness
        system[:count, count:] = _flat(places)
        system[count:, :count] = system[:count, count:].T
        wanted = np.zeros((count + 3, 2))
        wanted[pins:count] = moves
        return np.asarray(np.linalg.solve(system, wanted), np.float64)


def _kernel(places: NDArray[np.floating], controls: NDArray[np.floating]) -> NDArray[np.floating]:
    """r² log r for every pair, (m, n), in the precision of its arguments."""
    square = (places[:, None, 0] - controls[None, :, 0]) ** 2
    square += (places[:, None, 1] - controls[None, :, 1]) ** 2
    square += 1e-12
    bent: NDArray[np.floating] = np.log(square)
    bent *= square
    bent *= 0.5
    return bent


def _flat(places: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.hstack([np.ones((len(places), 1), places.dtype), places])


def _ramp(count: int) -> Array:
    rim = np.minimum(np.linspace(0, 1, count), np.linspace(1, 0, count)) / MARGIN
    rise = np.clip(rim, 0, 1)
    smooth: Array = rise * rise * (3 - 2 * rise)
    return smooth
