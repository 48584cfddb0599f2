"""The whole engine without a codec: frames come from memory, and what it draws stays there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from unittest import mock

import numpy as np

from lipsync.engines import reshape
from lipsync.media import Frame, Source
from lipsync.take import Options, Progress, Take


@dataclass(frozen=True)
class HeldSource(Source):
    """A source whose frames have been decoded already; each is given as a copy."""

    held: Sequence[Frame] = field(default=(), repr=False, compare=False)

    @classmethod
    def of(cls, source: Source, frames: Sequence[Frame]) -> HeldSource:
        """Hold the first frames of a source and forget that there are more."""
        ends = (*source.times[1:], source.duration)
        known = {one.name: getattr(source, one.name) for one in fields(Source)}
        known |= {"times": source.times[: len(frames)], "duration": ends[len(frames) - 1]}
        return cls(**known, held=frames)

    def frames(self) -> Iterator[Frame]:
        """Give all frames."""
        return (frame.copy() for frame in self.held)

    def play(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Give the frames numbered ``indices``."""
        return (self.held[number].copy() for number in indices)


@dataclass(frozen=True)
class Drawn:
    """What came of a take.

    Attributes:
        frames: As they would have been encoded.
        numbers: Which source frame each was drawn on.
        look: Seconds from the first frame to the last mark of the first pass.
        draw: Seconds from there to the last drawn frame.
        busy: Seconds of processor time in all: what the machine's other work disturbs less.
    """

    frames: Sequence[Frame]
    numbers: Sequence[int]
    look: float
    draw: float
    busy: float


class Uncoded:
    """A warm engine."""

    def __init__(self, options: Options) -> None:
        self._engine = reshape.ReshapeEngine(options)

    def apart(self, source: HeldSource) -> float:
        """Pixels between the eyes, median over the frames."""
        track = self._engine._tracker.track(source.frames(), "largest", lambda number: None)
        return float(np.nanmedian(track.iod))

    def draw(self, source: HeldSource, speech: Path, pick: str = "largest") -> Drawn:
        """Let the face speak; the speech is listened to before the clock starts."""
        self._engine.ear.hear(speech)
        frames: list[Frame] = []
        numbers: list[int] = []
        looked = [0.0]

        def keep(path: Path, source: Source, line: object, drawn: Iterator[Frame], *rest: object) -> None:
            numbers.extend(line.indices.tolist())  # type: ignore[attr-defined]
            frames.extend(drawn)

        def report(progress: Progress) -> None:
            if progress.stage == "look":
                looked[0] = time.perf_counter()

        take = Take(source.path, speech, pick)
        with (
            mock.patch.object(reshape, "open_face", return_value=source),
            mock.patch.object(reshape, "write_video", keep),
        ):
            begin, busy = time.perf_counter(), time.process_time()
            self._engine.render(take, Path("nowhere.mp4"), report)
        end = time.perf_counter()
        return Drawn(frames, numbers, looked[0] - begin, end - looked[0], time.process_time() - busy)
