"""What the daemon and the render process say to each other: one JSON object a line.

::

    to the render process   {"op": "render", "face": …, "speech": …, "pick": …, "video": …, "poster": …, "options": {},
                             "who": … where there is a photo of the one who is meant}
    back, many times        {"progress": {"stage": "draw", "frame": 12, "frames": 250}}
    back, once              {"done": {facts}, "speeches_heard": 1}, with "gpu": {bytes} where one is used
                        or  {"failed": {"type": …, "message": …, "hint": …, "passing": …}, "speeches_heard": 1}
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from daemon.job import Made, MadeLabel, MadeWith
from lipsync import GpuMemory, Limits, LipsyncError, Marks, Options, Program, Progress, Render

MOVED = 75
"""Exit code of a render process that cannot see the share any more, because it was mounted anew."""


@dataclass(frozen=True)
class Request:
    """One take to render, and where its files shall appear."""

    face: Path
    speech: Path
    pick: str | int
    video: Path
    poster: Path
    options: Options
    who: Path | None = None

    def line(self) -> str:
        """Give the request as one line of text."""
        paths = {name: str(getattr(self, name)) for name in ("face", "speech", "video", "poster")}
        weights = str(self.options.weights) if self.options.weights else None
        options = asdict(self.options) | {"fps": str(self.options.fps), "weights": weights}
        who = {"who": str(self.who)} if self.who else {}
        return json.dumps({"op": "render", "pick": self.pick, "options": options, **paths, **who}) + "\n"

    @classmethod
    def of(cls, line: str) -> Request:
        """Read the line again.

        Raises:
            ValueError: It is none of ours.
        """
        data = json.loads(line)
        options = dict(data["options"])
        options |= {"fps": Fraction(options["fps"]), "limits": Limits(**options["limits"])}
        program = Program(tuple(options["program"]["argv"]), options["program"]["timeout_s"])
        options |= {"marks": Marks(**options["marks"]), "program": program}
        options |= {"weights": Path(options["weights"]) if options["weights"] else None}
        paths = {name: Path(data[name]) for name in ("face", "speech", "video", "poster")}
        who = Path(data["who"]) if "who" in data else None
        return cls(pick=data["pick"], options=Options(**options), who=who, **paths)


@dataclass(frozen=True)
class Failure:
    """Why the renderer did not make a take, in its own words; ``type`` is the name of the error's class."""

    type: str
    message: str
    hint: str
    passing: bool

    @classmethod
    def of(cls, error: LipsyncError) -> Failure:
        """Describe an error."""
        return cls(type(error).__name__, error.message, error.hint, error.passing)


@dataclass(frozen=True)
class Gpu:
    """Bytes of the GPU's memory: what the render process holds there, what is free, and all there is."""

    held: int
    free: int
    total: int

    @classmethod
    def together(cls, said: Collection[tuple[str, Gpu]]) -> Gpu:
        """Add up what several processes say, each with the name of its GPU: they may share one."""
        cards = dict(said).values()
        return cls(sum(gpu.held for _, gpu in said), sum(one.free for one in cards), sum(one.total for one in cards))

    @classmethod
    def of(cls, memory: GpuMemory | None) -> Gpu | None:
        """Take over what lipsync says."""
        return None if memory is None else cls(memory.held, memory.free, memory.total)


@dataclass(frozen=True)
class Answer:
    """One line from the render process: exactly one of the first three is there."""

    progress: Progress | None = None
    done: Made | None = None
    failed: Failure | None = None
    speeches_heard: int = 0
    gpu: Gpu | None = None

    def line(self) -> str:
        """Give the answer as one line of text."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps(said) + "\n"

    @classmethod
    def of(cls, line: bytes) -> Answer:
        """Read the line again.

        Raises:
            ValueError: It is none of ours.
        """
        data: Any = json.loads(line)
        try:
            return _adapter().validate_python(data)
        except ValidationError as error:
            raise ValueError(str(error)) from error


def made(render: Render, speech_seconds: float) -> Made:
    """Give the facts of a render that are kept."""
    marks = render.marks
    return Made(
        seconds=render.duration,
        speech_seconds=speech_seconds,
        width=render.width,
        height=render.height,
        fps=str(render.fps),
        frames=render.frames,
        driven=render.driven,
        engine=render.engine.name,
        version=render.engine.version,
        weights=tuple(MadeWith(w.name, w.sha256, w.licence) for w in render.engine.weights),
        warnings=render.warnings,
        label=MadeLabel(*((marks.words, marks.style) if marks.visible else ("", "")), marks.kinds),
    )


@cache
def _adapter() -> TypeAdapter[Answer]:
    return TypeAdapter(Answer)
