"""The engine of others: an external program draws, and what it has made is brought into our form.

It is given clean copies (see ``lipsync.handover``) and run by a keeper that lets nothing of it live on (see
``lipsync.keeper``); its video is distrusted, laid under the times of the take, labelled and encoded by our own writer.
Which frames it drove it does not say: those count in which the picture differs from what it was given.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsync.delivery import Delivery, delivery, found
from lipsync.ear import Ear, deaf
from lipsync.errors import EngineError, StorageError
from lipsync.handover import hand_over
from lipsync.label import label_for, remarks
from lipsync.leash import leash, scratch_root
from lipsync.media import Frame, open_face, timeline, write_video
from lipsync.take import EngineFacts, Options, Program, Progress, Render, Report, Take
from lipsync.template import faults

_SLOW = 10.0
"""Seconds that a program is guessed to need for each second of speech, until one take has shown better."""
_READY, _MADE = 0.06, 0.9
"""Shares of the way at which the program begins and ends."""
_HINT = "Its last words are in the job's log; try it by hand with the same kind of files."


class CommandEngine:
    """Knows the program and how long it took last; everything else is in each take."""

    def __init__(self, options: Options) -> None:
        """Look whether there is a program to run.

        Raises:
            EngineError: None is configured, its template is wrong, or it is not there.
        """
        check_program(options.program)
        self.ear = Ear(options.limits, deaf)
        self._options = options
        self._pace = _SLOW

    @property
    def facts(self) -> EngineFacts:
        """The program by its file's name; the version is a digest of its arguments, for nothing else is known."""
        argv = self._options.program.argv
        digest = hashlib.sha256(json.dumps(argv).encode()).hexdigest()[:12]
        return EngineFacts(name="command", version=f"{Path(argv[0]).name} {digest}")

    def render(self, take: Take, video: Path, report: Report) -> Render:
        """Have the program make a video, and make one of ours of it.

        Raises:
            EngineError: The program failed, or what it made is of no use.
            MediaError: Face or speech cannot be read, or the video cannot be written.
        """
        heard = self.ear.hear(take.speech)
        source = open_face(take.face, self._options)
        line = timeline(source, heard.seconds, self._options.fps)
        gauge = _Gauge(report, len(line))
        with _scratch() as folder:
            face = hand_over(
                folder, source, line, take.speech, self._options, lambda n: gauge.at(_READY * n / len(line))
            )
            self._run(folder, face.name, float(heard.seconds), gauge)
            named = any("{output}" in word for word in self._options.program.argv)
            come = delivery(found(folder, named), face, source, line, self._options)
            return self._written(take, video, come, gauge)

    def _run(self, folder: Path, face: str, seconds: float, gauge: _Gauge) -> None:
        program = self._options.program
        expected = max(1.0, self._pace * seconds)

        def turn(elapsed: float) -> None:
            if program.timeout_s and elapsed > program.timeout_s:
                hint = "Raise render.command.timeout_s, or give it less to do: a shorter speech, a smaller picture."
                raise EngineError(f"the program was not finished after {program.timeout_s:g} s", hint)
            gauge.at(_READY + (_MADE - _READY) * -math.expm1(-1.5 * elapsed / expected))

        begun = time.monotonic()
        turn(0.0)
        with leash(program.argv, folder.parent) as held:
            ended = held.run(folder, face, turn)
        name = Path(program.argv[0]).name
        if ended.refused:
            hint = "Behind the walls it sees only the system and what render.readable names; docs/engines.md says more."
            raise EngineError(f"the program {name} cannot be started: {ended.refused}", hint)
        if ended.code:
            how = f"with exit code {ended.code}" if ended.code > 0 else f"by signal {-ended.code}"
            said = f" and said: {' | '.join(ended.last[-4:])}" if ended.last else " and said nothing"
            raise EngineError(f"the program {name} ended {how}{said}", _HINT)
        self._pace = max(0.1, (time.monotonic() - begun) / max(0.1, seconds))

    def _written(self, take: Take, video: Path, come: Delivery, gauge: _Gauge) -> Render:
        line, made = come.line, come.made
        size = made.width, made.height
        label = label_for(self._options.marks, size)
        frames = _reported(come.frames(), gauge, len(line))
        if label:
            frames = label.over(frames, line.times)
        write_video(video, made, line, frames, take.speech, self._options)
        come.check()
        gauge.at(1.0)
        middle = come.driven[len(come.driven) // 2] if come.driven else len(line) // 2
        return Render(
            video=video,
            duration=float(line.seconds),
            width=made.width,
            height=made.height,
            fps=line.fps,
            frames=len(line),
            driven=len(come.driven),
            poster_at=float(line.mid_times[middle]),
            engine=self.facts,
            warnings=(*_warnings(take, come), *remarks(label, size)),
            label_at=label.place if label else "",
        )


def check_program(program: Program) -> None:
    """See that a program is configured, soundly, and that it is there.

    Raises:
        EngineError: It is not.
    """
    name = program.argv[0] if program.argv else ""
    wrong = faults(program.argv)
    if wrong:
        raise EngineError(f"render.command.argv: {'; '.join(wrong)}", "docs/engines.md has examples.")
    if shutil.which(name) is None:
        raise EngineError(f"render.command.argv: there is no program {name!r} that can be run", "Install it.")


class _Gauge:
    """Says how far a take is, from 0 to 1, in the words of ``Progress``; never less than it has said."""

    def __init__(self, report: Report, frames: int) -> None:
        self._report = report
        self._frames = frames
        self._most = 0.0

    def at(self, share: float) -> None:
        """Say so."""
        self._most = max(self._most, min(1.0, share))
        looked = self._most < 1 / 3
        part = self._most * 3 if looked else (self._most - 1 / 3) * 1.5
        frame = round(part * self._frames) if self._most < 1 else self._frames
        self._report(Progress(stage="look" if looked else "draw", frame=frame, frames=self._frames))


@contextmanager
def _scratch() -> Iterator[Path]:
    """Give a folder of the take's own, with a plain path, for as long as the program needs it."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="lipsyncd-program-", dir=scratch_root()))
    except OSError as error:
        raise StorageError(
            f"there is no folder for the program ({error.strerror})", "Make room on the disk."
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reported(frames: Iterable[Frame], gauge: _Gauge, total: int) -> Iterator[Frame]:
    for number, frame in enumerate(frames, start=1):
        yield frame
        gauge.at(_MADE + (1 - _MADE) * number / (total + 1))


def _warnings(take: Take, come: Delivery) -> tuple[str, ...]:
    said = []
    if take.who or take.pick != "largest":
        said.append("the program chooses the face itself: it cannot be told which one is meant")
    if not come.driven:
        said.append("the program has changed nothing in the picture")
    return tuple(said)
