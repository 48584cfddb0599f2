"""One frame with another mouth: bend what is above and below the lips' line apart, draw what shows between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lipsync.bared import bared
from lipsync.controls import around, both, inset
from lipsync.exemplar import Exemplar
from lipsync.exemplar_patch import Patch
from lipsync.face import CHIN, NOSE, OVAL, PHILTRUM
from lipsync.harvest import harvested
from lipsync.head import Array
from lipsync.interior import Interior
from lipsync.media import Frame
from lipsync.mouth import N, Shape, gap
from lipsync.opening import Lips, Seat
from lipsync.paint import painted
from lipsync.palette import Palette
from lipsync.plate import AROUND, Plate, plate
from lipsync.sketch import Bending, Between, Picture, Sketch
from lipsync.smear import smeared
from lipsync.stretch import softening
from lipsync.subject import Anatomy, Subject, teeth_place
from lipsync.view import View
from lipsync.warp import Grid, Image, Sheet

FINE = 1 / 26
"""Step of the grid, in IOD."""
BESIDE, ABOVE, BELOW = 0.86, 0.30, 0.38
"""The region: beside the mouth's middle, above the nose's base, below the chin; IOD."""
TOOTH_DEPTH = 0.05
"""How far teeth lie behind the lips' middle."""
PARTED = 0.02, 0.04
"""Lips that are nearer show no teeth; lips that are farther apart, all that reach beyond their edges."""
JAW_TURN = 1.0
"""How far the lower teeth move for each IOD that the chin does."""
NOTHING = 3e-4
"""A move that nobody sees, in IOD."""


class Composer:
    """Gives one subject's frames another mouth. What it keeps from frame to frame changes no picture."""

    def __init__(self, subject: Subject, known: Anatomy, colours: Palette, stock: Sequence[Exemplar] = ()) -> None:
        """Prepare.

        Args:
            subject: Whose frames.
            known: What is known of heads in general.
            colours: Of the subject.
            stock: Mouths that the subject has shown.
        """
        self._subject = subject
        self._jaw = known.jaw
        face = np.nanmedian(subject.seen, axis=0).astype(np.float64)
        self._grid = _region(face, subject.mouth.chin)
        self._sheet = Sheet(_pins(face, self._grid), self._grid)
        self._colours = colours
        self._last: tuple[int, Array, Plate | None] = -1, np.zeros((2, N)), None
        self._interior = Interior(colours, float(np.nanmedian(subject.poses.scale)))
        self._patch = Patch(subject, stock)

    def draw(
        self, frame: Frame, number: int, shape: Shape, strength: float, lent: tuple[Exemplar, float] | None = None
    ) -> None:
        """Change the mouth in a frame, in place; arguments as for :meth:`sketch`."""
        sketch = self.sketch(frame, number, shape, strength, lent)
        if sketch is not None:
            paste(frame, sketch, *painted(sketch), strength)

    def sketch(
        self, frame: Frame, number: int, shape: Shape, strength: float, lent: tuple[Exemplar, float] | None = None
    ) -> Sketch | None:
        """Say what is to be painted over a frame; None where nothing is.

        Args:
            frame: The picture; outside the region around the mouth it is to keep its exact bytes.
            number: Which source frame it is.
            shape: What the mouth shall look like.
            strength: 0 leaves the frame alone, 1 makes the shape; between, part of the way.
            lent: A mouth that the subject has shown, and how much of it is to be seen, 0–1; the rest is drawn.
        """
        if strength <= 0:
            return None
        lips, lowered = self._wanted(number, shape, strength)
        if lent is None or lent[1] < 1:
            made = self._made(frame, number, lips, lowered, shape)
        else:
            made = self._covered(frame, number, lips, lowered)
        if made is None:
            return None
        view, whole, between = made
        here = number, lips.wanted, lowered
        laid = self._patch.sketch(view, whole.source, here, *lent) if lent else None
        return Sketch(view.box, whole, between, laid)

    def _made(
        self, frame: Frame, number: int, lips: Lips, lowered: Array, shape: Shape
    ) -> tuple[View, Bending, Between | None] | None:
        """Bend the frame's own lips to the wanted ones and draw what shows between them."""
        teeth, own = self._source(frame, number)
        above, below = self._moves(number, lips, lowered, None if own else teeth)
        split = lips.split(*_columns(self._grid), 0.0)[..., None]
        whole = above + (below - above) * split
        view = self._view(frame, number, whole, lips)
        if view is None:
            return None
        rgb = frame.rgb(view.box)
        layers = own.laid(rgb, view.box) if own and own.shows(lips.gap) else (rgb, rgb)
        between = self._between(layers, view, lips, (above, below), self._light(number, shape), shape.blur)
        return view, Bending(rgb, view.field(whole)), between

    def _covered(self, frame: Frame, number: int, lips: Lips, lowered: Array) -> tuple[View, Bending, None] | None:
        """Bend only what is around lips that will not be seen."""
        face = self._subject.seen[number].astype(np.float64)
        whole = self._sheet.moves(around(lips.own, face), around(lips.wanted, lowered))
        view = self._view(frame, number, whole, lips)
        return None if view is None else (view, Bending(frame.rgb(view.box), view.field(whole)), None)

    def _view(self, frame: Frame, number: int, moves: Image, lips: Lips) -> View | None:
        corners, reach = _touched(moves, lips, self._grid), self._patch.reach(lips.wanted)
        joined = np.array([np.minimum(corners[0], reach[0]), np.maximum(corners[1], reach[1])])
        return View.of(frame, self._subject.planes, number, self._grid, joined)

    def _source(self, frame: Frame, number: int) -> tuple[Array, Plate | None]:
        """Measure how far teeth reach; a photo, which stands still, is measured once, and its lips are carried on."""
        known, teeth, own = self._last
        if known != number:
            teeth, own = self._teeth(frame, number)
            self._last = number, teeth, own
        return teeth, own

    def _teeth(self, frame: Frame, number: int) -> tuple[Array, Plate | None]:
        """(2, 11) how far the frame's own teeth reach beyond the tracked edges of its lips, and a photo's plate."""
        lips = self._subject.own_lips(number)
        shown = float(_step((gap(lips) - PARTED[0]) / (PARTED[1] - PARTED[0])))
        still = len(self._subject.poses) == 1
        if shown == 0 and not still:
            return np.zeros((2, N)), None
        corners = np.array([lips.min((0, 1)) - AROUND, lips.max((0, 1)) + AROUND])
        view = View.of(frame, self._subject.planes, number, self._grid, corners)
        if view is None:
            return np.zeros((2, N)), None
        rgb = frame.rgb(view.box)
        teeth = shown * bared(rgb, view, lips, self._colours)
        if not still:
            return teeth, None
        row = harvested(rgb, view, lips, self._light(number, Shape(lips, 0.0)).x, self._colours) if shown else None
        if row is not None:
            self._interior = Interior(self._colours, view.scale, row)
        return teeth, plate(rgb, view.box, self._subject.planes.to_frame(number, lips), teeth, view.scale)

    def _wanted(self, number: int, shape: Shape, strength: float) -> tuple[Lips, Array]:
        """Own and wanted lips in the mouth's plane, and the face with its jaw where it shall be."""
        subject = self._subject
        own = subject.own_lips(number)
        lowered = subject.seen[number].astype(np.float64)
        lowered[:, 1] += strength * self._jaw * (shape.drop - subject.drops[number])
        return Lips(own, own + strength * (subject.apparent(number, shape.lips) - own)), lowered

    def _moves(self, number: int, lips: Lips, lowered: Array, teeth: Array | None) -> tuple[Image, Image]:
        """The backward moves above and below the lips' line."""
        edges = lips.own if teeth is None else inset(lips.own, lips.wanted, teeth)
        from_upper, from_lower = both(edges, self._subject.seen[number].astype(np.float64))
        to_upper, to_lower = both(lips.wanted, lowered)
        return self._sheet.moves(from_upper, to_upper), self._sheet.moves(from_lower, to_lower)

    def _light(self, number: int, shape: Shape) -> Seat:
        """Where the teeth sit in this frame."""
        subject = self._subject
        depth = np.array([subject.depths[PHILTRUM] + TOOTH_DEPTH])
        place = np.array(teeth_place(subject.mouth)) + subject.planes.parallax(number, depth)[0]
        shift = float(place[1]) - subject.mouth.teeth
        low = subject.mouth.bite + shift + JAW_TURN * shape.drop
        return Seat(x=float(place[0]), y=float(place[1]), low=low, tongue=shape.tongue, pout=shape.pout)

    def _between(
        self,
        layers: tuple[Picture, Picture],
        view: View,
        lips: Lips,
        moves: tuple[Image, Image],
        seat: Seat,
        blur: float,
    ) -> Between | None:
        """What is around the lips' line: both sides bent apart, sharp between them, and what shows there."""
        part = view.part(lips.bounds)
        if part is None:
            return None
        x, y = part.places
        dark, opening = lips.seam(x, y), lips.opening(x, y, view.scale)
        keep, add, floor = None, None, None if dark is None else np.minimum(20 * dark, 1)
        if opening is not None:
            cover = opening.cover
            keep = (1 - opening.rim) * (1 - cover)
            add = self._interior.draw(seat.light(x, y, lips, opening)) * cover[..., None]
            add, keep = smeared((add, keep), opening, blur * view.scale)
            floor = np.minimum(4 * cover, 1) if floor is None else np.maximum(floor, np.minimum(4 * cover, 1))
        above, below = (Bending(rgb, part.field(move)) for rgb, move in zip(layers, moves, strict=True))
        return Between(
            area=part.area,
            sides=(above, below),
            soft=(softening(moves[0], part), softening(moves[1], part)),
            split=lips.split(x, y, 1.4 / view.scale),
            dark=dark,
            keep=keep,
            add=add,
            floor=floor,
        )


def paste(frame: Frame, sketch: Sketch, picture: Image, mask: Image, strength: float) -> None:
    """Lay what was painted of a sketch over the frame that it was made for, in place.

    Args:
        frame: The picture.
        sketch: Says where.
        picture: (h, w, 3) RGB 0–255.
        mask: (h, w) 0–1, what has changed.
        strength: How much of it is seen, 0–1.
    """
    if mask.any():
        frame.paste(sketch.box, picture, mask * np.float32(strength))


def _region(face: Array, chin: float) -> Grid:
    middle = float(face[NOSE[7], 0] + face[CHIN, 0]) / 2
    top = float(face[NOSE[7], 1]) - ABOVE
    columns = round(2 * BESIDE / FINE) + 1
    lines = round((chin + BELOW - top) / FINE) + 1
    return Grid(left=middle - BESIDE, top=top, step=FINE, columns=columns, rows=lines)


def _pins(face: Array, grid: Grid) -> Array:
    """What never moves: nose, ears, cheeks, neck, and the rim of the region."""
    wings, ears, angles = face[NOSE[[10, 11]]], face[OVAL[[14, 4]]], face[OVAL[[13, 5]]]
    cheeks = np.concatenate([wings * 0.5 + ears * 0.5, wings * 0.45 + angles * 0.55])
    x, y = np.linspace(grid.left, grid.right, 6), np.linspace(grid.top, grid.bottom, 6)[1:-1]
    rim = np.array([(a, b) for a in x for b in (grid.top, grid.bottom)] + [(a, b) for b in y for a in (x[0], x[-1])])
    neck = np.array([(x.mean() + a, grid.bottom - 0.12) for a in (-0.35, -0.15, 0.15, 0.35)])
    return np.concatenate([face[NOSE[7:]], ears, cheeks, rim, neck])


def _columns(grid: Grid) -> tuple[Image, Image]:
    """X and y of the grid's places, each (rows, columns)."""
    places = grid.places.reshape(grid.rows, grid.columns, 2).astype(np.float32)
    return places[..., 0], places[..., 1]


def _touched(moves: Image, lips: Lips, grid: Grid) -> Array:
    """Corners (2, 2), low and high, of the part of the grid in which something changes."""
    changed = np.abs(moves).max(-1) > NOTHING
    x, y = _columns(grid)
    inside = (x >= lips.bounds[0, 0]) & (x <= lips.bounds[1, 0]) & (y >= lips.bounds[0, 1]) & (y <= lips.bounds[1, 1])
    changed |= inside
    rim = grid.step
    return np.array(
        [(x[changed].min() - rim, y[changed].min() - rim), (x[changed].max() + rim, y[changed].max() + rim)]
    )


def _step(share: NDArray[np.floating]) -> Image:
    held = np.clip(share, 0, 1)
    risen: Image = (held * held * (3 - 2 * held)).astype(np.float32)
    return risen
