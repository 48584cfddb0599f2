"""A mouth of the subject's own laid over another frame: bent to the wanted lips, in that frame's light and sharpness.

Lips and the skin around them come along; teeth stay on the skull and on the jaw, and the lips slide over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.controls import both, inset
from lipsync.exemplar import Exemplar, usual_lip
from lipsync.face import NOSE, OVAL, PHILTRUM
from lipsync.head import Array
from lipsync.mouth import LOW_IN, UP_IN, UP_OUT
from lipsync.opening import Curve, Lips, Opening
from lipsync.sharpness import far_from, sharpness, softening
from lipsync.sketch import Bending, Inside, Lent
from lipsync.subject import Subject
from lipsync.view import View
from lipsync.warp import Grid, Image, Sheet

FINE = 1 / 24
"""Step of the grid, in IOD."""
WHOLE, GONE = 0.07, 0.20
"""How far from the lips the exemplar is all that is seen, and from where nothing of it is; IOD."""
ASIDE, UPWARD, DOWNWARD = 0.66, 0.08, 0.62
"""The grid around the middle of the lips at rest."""
RING = 0.035, 0.17
"""How far from the lips skin is compared."""
TOOTH_DEPTH = 0.05
"""How far teeth lie behind the lips' middle."""
TINT, EVEN = (0.7, 1.4), 0.7
"""How far lips may be tinted, and how much of their difference is evened out (as a power)."""
RIGID = 0.35, 0.55
"""Share of the opening that must be filmed for teeth to stay on the bone, not on the lips; fully from the second."""


class Patch:
    """Lays exemplars of one subject. It keeps nothing from frame to frame."""

    def __init__(self, subject: Subject, stock: Sequence[Exemplar] = ()) -> None:
        """Prepare.

        Args:
            subject: Whose.
            stock: All that may be laid: they say what colour its lips have and how sharp its frames are.
        """
        self._lip = usual_lip(stock)
        self._sharp = {one.number: one.sharp for one in stock}
        self._subject = subject
        rest = subject.mouth.rest
        middle, top = float(rest[..., 0].mean()), float(rest[UP_OUT, :, 1].min()) - GONE - UPWARD
        columns = round(2 * ASIDE / FINE) + 1
        lines = round((GONE + UPWARD + DOWNWARD) / FINE) + 1
        self._grid = Grid(left=middle - ASIDE, top=top, step=FINE, columns=columns, rows=lines)
        self._sheet = Sheet(np.zeros((0, 2)), self._grid, held=False)
        self._teeth = np.array([subject.depths[PHILTRUM] + TOOTH_DEPTH])

    def reach(self, wanted: Array) -> Array:
        """Give (2, 2) the low and the high corner of what is changed around wanted lips."""
        return np.array([wanted.min((0, 1)) - GONE, wanted.max((0, 1)) + GONE])

    def sketch(
        self, view: View, rgb: NDArray[np.uint8], here: tuple[int, Array, Array], mouth: Exemplar, share: float
    ) -> Lent | None:
        """Say how one is laid over a bent picture; None where nothing of it is seen.

        Args:
            view: Where the picture is.
            rgb: (h, w, 3) it, as filmed.
            here: Number of the source frame, (4, 11, 2) wanted lips in its plane, (99, 2) the face with the jaw moved.
            mouth: What to lay.
            share: How much of it is seen, 0–1.
        """
        number, wanted, face = here
        part = view.part(self.reach(wanted))
        if part is None:
            return None
        part = replace(part, grid=self._grid)
        lips = Lips(self._subject.own_lips(mouth.number), wanted)
        x, y = part.places
        far = far_from(_pixels(part, wanted), x.shape, part.scale)
        gain = 1.0 if self._lip is None else np.clip((self._lip + 8) / (mouth.lip + 8), *TINT) ** EVEN
        return Lent(
            area=part.area,
            sides=self._sides(part, mouth, lips, face),
            split=lips.split(x, y, 1.4 / part.scale),
            dark=lips.seam(x, y),
            inside=self._inside(part, mouth, lips, here),
            blur=self._blur(view, rgb, number, mouth),
            ring=((far > RING[0]) & (far < RING[1])).astype(np.float32),
            scale=part.scale,
            red=None if self._lip is None else _red(far, part.scale),
            tint=(np.ones(3) * gain - 1).astype(np.float32),
            cover=_fall(far) * _below(part, face) * np.float32(share),
        )

    def _blur(self, view: View, rgb: NDArray[np.uint8], number: int, mouth: Exemplar) -> float:
        """How far the exemplar is to be softened to be no sharper than the frame is and its neighbours are."""
        beside = [self._sharp[k] for k in (number - 1, number, number + 1) if k in self._sharp]
        if beside:
            known = tuple(np.median(beside, axis=0).tolist())
        else:
            known = sharpness(rgb, _pixels(view, self._subject.own_lips(number)), view.scale)
        lips = _pixels(mouth.view, self._subject.own_lips(mouth.number))
        return softening(mouth.rgb, lips, mouth.view.scale, known)

    def _sides(self, part: View, mouth: Exemplar, lips: Lips, face: Array) -> tuple[Bending, Bending]:
        """The exemplar with its lips as they are wanted, and nothing right between them."""
        shown = self._subject.seen[mouth.number].astype(np.float64)
        from_both = both(inset(lips.own, lips.wanted, mouth.teeth), shown)
        to_both = both(lips.wanted, face)
        above, below = (
            self._sheet.moves(np.concatenate([source, shown[_STILL]]), np.concatenate([target, face[_STILL]]))
            for source, target in zip(from_both, to_both, strict=True)
        )
        field_above, field_below = (part.field_in(mouth.view, moves) for moves in (above, below))
        return Bending(mouth.rgb, field_above), Bending(mouth.rgb, field_below)

    def _inside(self, part: View, mouth: Exemplar, lips: Lips, here: tuple[int, Array, Array]) -> Inside | None:
        """Show what is between the exemplar's lips between the wanted ones."""
        inner = lips.wanted[UP_IN:].reshape(-1, 2)
        hole = View(part.box, part.box[:2], part.across, part.zero, part.grid).part(
            np.array([inner.min(0) - 0.02, inner.max(0) + 0.02])
        )
        if hole is None:
            return None
        x, y = hole.places
        opening = lips.opening(x, y, hole.scale)
        if opening is None:
            return None
        planes = self._subject.planes
        shift = (planes.parallax(mouth.number, self._teeth) - planes.parallax(here[0], self._teeth))[0]
        there = _behind((x, y), opening, (lips.wanted, lips.own), shift, self._lowered(here, mouth))
        across, zero = mouth.view.across, mouth.view.zero - mouth.view.box[:2]
        across_x, down_y = (
            (there[0] * across[k, 0] + there[1] * across[k, 1] + zero[k]).astype(np.float32) for k in (0, 1)
        )
        return Inside(hole.area, across_x, down_y, opening.cover)

    def _lowered(self, here: tuple[int, Array, Array], mouth: Exemplar) -> float:
        """How much lower the jaw is wanted than the exemplar has it."""
        number, _, face = here
        subject = self._subject
        moved = float(face[_CHIN, 1] - subject.seen[number, _CHIN, 1])
        return float(subject.drops[number]) + moved - float(subject.drops[mouth.number])


_CHIN = int(OVAL[9])
_STILL = np.r_[NOSE[7:], OVAL[[5, 13]]]
"""What holds the skin around the mouth in its place: the base of the nose, the angles of the jaw."""


def _behind(
    places: tuple[Image, Image], opening: Opening, lips: tuple[Array, Array], shift: Array, lowered: float
) -> tuple[Image, Image]:
    """Where in the exemplar's plane what lies between the wanted lips is to be taken from."""
    (x, y), (wanted, own) = places, lips
    up, low = Curve(own[UP_IN]), Curve(own[LOW_IN])
    middle = float(wanted[UP_IN, [0, -1], 0].mean())
    narrow = min(1.0, (up.right - up.left - 0.02) / max(float(np.ptp(wanted[UP_IN, :, 0])), 1e-3))
    there = np.clip((x - np.float32(middle)) * np.float32(narrow) + np.float32(middle + shift[0]), up.left, up.right)
    top, bottom = y - opening.under, y + opening.over
    tall = np.maximum(bottom - top, 1e-4)
    above, below = up(there), low(there)
    highest = np.maximum(top + np.float32(shift[1]), above)
    lowest = np.minimum(bottom + np.float32(shift[1] - lowered), below)
    bone = _step(((lowest - highest) / tall - RIGID[0]) / (RIGID[1] - RIGID[0]))
    highest, lowest = above + (highest - above) * bone, below + (lowest - below) * bone
    return there, highest + opening.under / tall * (lowest - highest)


def _pixels(view: View, lips: Array) -> Array:
    """(4, 11, 2) rows of the plane in pixels of a view."""
    return np.asarray(lips @ view.across.T + view.zero - view.box[:2])


def _red(far: Image, scale: float) -> Image:
    """(h, w) where lips are: all get nearly the same colour, since it differs with the moment, and jumps would show."""
    return np.asarray(cv2.GaussianBlur((far <= 0).astype(np.float32), (0, 0), max(0.6, 0.02 * scale)), np.float32)


def _fall(far: Image) -> Image:
    return 1 - _step((far - WHOLE) / (GONE - WHOLE))


def _below(part: View, face: Array) -> Image:
    """(h, w) 1 below the nose, 0 on it."""
    base = float(face[NOSE[7], 1])
    return _step((part.places[1] - np.float32(base - 0.03)) / np.float32(0.05))


def _step(share: NDArray[np.floating]) -> Image:
    held = np.clip(share, 0, 1)
    risen: Image = (held * held * (3 - 2 * held)).astype(np.float32)
    return risen
