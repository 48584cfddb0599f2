"""A source's frames with the mouths that the network draws, streamed: few are held at a time, all stages overlap."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lipsync.face import Track
from lipsync.media import Frame, Source, Timeline
from lipsync.threads import side_by_side
from lipsync.wav2lip.boxes import SIDE, Boxes
from lipsync.wav2lip.gpu_patch import Overlay, Patch
from lipsync.wav2lip.mask import Mask, mask_of
from lipsync.wav2lip.patch import paste
from lipsync.wav2lip.tone import Sharpness
from lipsync.wav2lip.voice import Voice

HELD = 256 * 2**20
"""Bytes of frames that go together at most: a GPU draws many faces at once, and frames may be large."""
Crop = NDArray[np.uint8]
"""(96, 96, 3) RGB."""


class Painter(Protocol):
    """Draws faces: ``generator.Generator``."""

    batch: int
    lanes: int

    def draw(self, mels: NDArray[np.float32], faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(B, 80, 16) heard, (B, 96, 96, 3) RGB faces -> (B, 96, 96, 3) RGB."""
        ...


@dataclass(frozen=True)
class Script:
    """What is drawn in the T frames of an output.

    Attributes:
        line: Which source frame is shown when.
        strength: (T,) 0–1, how much of the drawing is seen; 0 leaves a frame untouched.
        voice: What is heard.
    """

    line: Timeline
    strength: NDArray[np.float64]
    voice: Voice


@dataclass(frozen=True)
class Shot:
    """One frame on its way: cut out, drawn, to be pasted.

    Attributes:
        frame: The picture.
        place: Its number in the output.
        crop: The face cut out; None where the frame passes.
        drawn: What the network made of it.
        mask: Where it goes.
        amount: Of sharpening.
    """

    frame: Frame
    place: int
    crop: Crop | None = None
    drawn: Crop | None = None
    mask: Mask | None = None
    amount: float = 0.0


class Dubbing:
    """One take's drawing."""

    def __init__(
        self,
        source: Source,
        track: Track,
        boxes: Boxes,
        script: Script,
        painter: Painter,
        overlay: Overlay | None = None,
    ) -> None:
        """Get ready.

        Args:
            source: The face's frames.
            track: Its points.
            boxes: Where to cut it out.
            script: What to draw.
            painter: Who draws: ``lanes`` batches of ``batch`` faces side by side.
            overlay: Pastes many drawings at once; None pastes each by itself, on the CPU.
        """
        self._source, self._track, self._boxes = source, track, boxes
        self._script, self._painter, self._overlay = script, painter, overlay
        self._middles = script.line.mid_times

    def frames(self) -> Generator[Frame, None, None]:
        """Give the T frames of the output in order."""
        with (
            closing(side_by_side(self._drawn, self._batches(), self._painter.lanes)) as drawn,
            closing(self._finished(self._measured(drawn))) as pasted,
        ):
            yield from pasted

    def _batches(self) -> Iterator[list[Shot]]:
        """Frames, cut out, as many together as are drawn together."""
        held: list[Shot] = []
        faces = 0
        for place, frame in enumerate(self._source.play(self._script.line.indices.tolist())):
            shot = self._cut(place, frame)
            held.append(shot)
            faces += shot.crop is not None
            most = min(2 * self._painter.batch, max(1, HELD // frame.data.nbytes))
            if faces == self._painter.batch or len(held) >= most:
                yield held
                held, faces = [], 0
        if held:
            yield held

    def _cut(self, place: int, frame: Frame) -> Shot:
        if self._script.strength[place] <= 0:
            return Shot(frame, place)
        number = int(self._script.line.indices[place])
        to_crop = self._boxes.to_crop[number]
        return Shot(frame, place, crop=frame.warp(to_crop, SIDE), mask=mask_of(self._track.points[number], to_crop))

    def _drawn(self, shots: list[Shot]) -> list[Shot]:
        faces = [shot.crop for shot in shots if shot.crop is not None]
        if not faces:
            return shots
        times = self._middles[[shot.place for shot in shots if shot.crop is not None]]
        made = iter(self._painter.draw(self._script.voice.windows(times), np.stack(faces)))
        return [shot if shot.crop is None else replace(shot, drawn=next(made)) for shot in shots]

    def _measured(self, batches: Iterator[list[Shot]]) -> Iterator[Shot]:
        """Say in order how much each is to be sharpened."""
        sharpness, fresh = Sharpness(), True
        last = -1
        for shots in batches:
            for shot in shots:
                number = int(self._script.line.indices[shot.place])
                fresh = fresh or (bool(self._track.cuts[max(number, last)]) and number != last)
                last = number
                if shot.crop is None or shot.drawn is None or shot.mask is None:
                    yield shot
                    continue
                yield replace(shot, amount=sharpness.step(shot.crop, shot.drawn, shot.mask.skin, fresh))
                fresh = False

    def _finished(self, shots: Iterator[Shot]) -> Generator[Frame, None, None]:
        if self._overlay is None:
            return side_by_side(self._pasted, shots)
        return self._in_batches(shots, self._overlay)

    def _pasted(self, shot: Shot) -> Frame:
        if (patch := self._patch(shot)) is not None:
            paste(patch.frame, patch.to_crop, patch.crops, patch.mask, patch.amount, patch.strength)
        return shot.frame

    def _in_batches(self, shots: Iterator[Shot], overlay: Overlay) -> Generator[Frame, None, None]:
        def pasted(few: list[Shot]) -> list[Shot]:
            overlay.paste([patch for shot in few if (patch := self._patch(shot)) is not None])
            return few

        together = iter(lambda: list(islice(shots, overlay.most)), [])
        with closing(side_by_side(pasted, together, overlay.ways)) as done:
            for few in done:
                yield from (shot.frame for shot in few)

    def _patch(self, shot: Shot) -> Patch | None:
        if shot.crop is None or shot.drawn is None or shot.mask is None:
            return None
        to_crop = self._boxes.to_crop[int(self._script.line.indices[shot.place])]
        strength = float(self._script.strength[shot.place])
        return Patch(shot.frame, to_crop, (shot.crop, shot.drawn), shot.mask, shot.amount, strength)
