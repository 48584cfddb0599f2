"""The visible label: drawn into the finished frames, before they are encoded.

Everything outside its plate keeps its exact bytes. It is drawn once; each frame then costs one blended rectangle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from lipsync.label_place import Boxes, bands, corners, free_place
from lipsync.label_plate import Plate, plate
from lipsync.media import Colour, Frame
from lipsync.take import Marks

LETTERS = 0.05
"""Height of the letters by the shorter side of the picture: GB 45438-2025, 5.4, wants no less."""
ROUNDING = 0.75
"""Pixels by which letters are drawn higher, so that blurred edges do not make them lower than that."""
CARD = 1.3
"""How much larger the letters of the opening card are."""
WHOLE, FADING = 2.6, 0.5
"""Seconds for which the opening card stays, and in which it goes; the standard wants 2 at least."""
TINY = 7.0
"""Pixels that letters are high at least, however small the picture is."""
WIDE, TALL = 0.92, 0.4
"""Most of the picture that a plate takes, across and down."""

Planes = tuple[NDArray[np.uint16], NDArray[np.uint16]]
"""How much of a plane stays, and what comes on top; 256 is one."""


class Label:
    """A text at one place of all frames of a video."""

    def __init__(self, drawn: Plate, corner: tuple[int, int], place: str, lasting: bool) -> None:
        self.place = place
        self.plate = drawn
        self.corner = corner
        self._lasting = lasting
        self._inlays: dict[tuple[Colour, float], tuple[Planes, Planes, Planes]] = {}

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1) in the frame, ends exclusive: nothing else is touched."""
        (x, y), (width, height) = self.corner, self.plate.size
        return x, y, x + width, y + height

    def over(self, frames: Iterable[Frame], times: Sequence[Fraction]) -> Iterator[Frame]:
        """Draw it into frames that appear at ``times`` (seconds), in place, and give them on."""
        for frame, time in zip(frames, times, strict=True):
            self.draw(frame, self.strength(float(time)))
            yield frame

    def strength(self, time: float) -> float:
        """How much of it is seen at a time, 0–1."""
        return 1.0 if self._lasting else float(np.clip(1 - (time - WHOLE) / FADING, 0, 1))

    def draw(self, frame: Frame, strength: float = 1.0) -> None:
        """Draw it into one frame, in place."""
        if strength <= 0:
            return
        x, y = self.corner
        for plane, (stays, added), fine in zip(
            frame.planes, self._inlay(frame.colour, strength), (1, 2, 2), strict=True
        ):
            height, width = stays.shape
            part = plane[y // fine : y // fine + height, x // fine : x // fine + width]
            part[:] = (part * stays + added) >> 8

    def _inlay(self, colour: Colour, strength: float) -> tuple[Planes, Planes, Planes]:
        key = (colour, round(strength, 3))
        if key not in self._inlays:
            if len(self._inlays) > 1:
                self._inlays.clear()
            self._inlays[key] = _inlay(self.plate, colour, strength)
        return self._inlays[key]


def _inlay(drawn: Plate, colour: Colour, strength: float) -> tuple[Planes, Planes, Planes]:
    """Prepare what is blended into each plane."""
    yuv = np.asarray(cv2.transform(drawn.rgb, colour.to_yuv), np.float32)
    cover = drawn.cover * np.float32(strength)
    weighted = [np.ascontiguousarray(yuv[:, :, k] * cover) for k in range(3)]
    less = _halved(cover)
    return _planes(cover, weighted[0]), _planes(less, _halved(weighted[1])), _planes(less, _halved(weighted[2]))


def _halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    size = values.shape[1] // 2, values.shape[0] // 2
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _planes(cover: NDArray[np.float32], added: NDArray[np.float32]) -> Planes:
    """Turn shares into whole numbers: where nothing covers, a value times 256 plus a half comes back as it was."""
    stays = np.rint((1 - cover) * 256).astype(np.uint16)
    return stays, np.clip(np.rint(added * 256) + 128, 0, 65535 - 255 * stays.astype(np.int64)).astype(np.uint16)


def label_for(
    marks: Marks, size: tuple[int, int], faces: Sequence[tuple[Boxes, float]] = (), place: str = ""
) -> Label | None:
    """Make the label of a video; None where none is wanted.

    Args:
        marks: What the settings ask for.
        size: Width and height of the frames.
        faces: What is better left free (see ``label_place.heads``).
        place: Where it has been put before; "" chooses.

    Raises:
        LabelError: It cannot be written.
    """
    if not marks.visible:
        return None
    corner = marks.style == "corner"
    letters = max(TINY, LETTERS * min(size) + ROUNDING) * (1 if corner else CARD)
    drawn = plate(marks.words, marks.font, letters, WIDE * size[0], TALL * size[1])
    places = (corners if corner else bands)(size, drawn.size)
    place = place if place in places else free_place(places, drawn.size, faces)
    return Label(drawn, places[place], place, lasting=corner)


def remarks(label: Label | None, size: tuple[int, int]) -> tuple[str, ...]:
    """Give what a person should know about a label that was drawn."""
    if label is None or label.plate.letters >= LETTERS * min(size):
        return ()
    share = label.plate.letters / min(size)
    return (f"the label's text is long: its letters have only {share:.1%} of the shorter side",)
