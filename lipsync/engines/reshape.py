"""The embedded engine: the subject's own mouth, bent at full resolution to what the speech says.

Two passes over the face: the first keeps geometry only, the second draws and writes. Frames are never collected, so
memory does not grow with the length.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np

from lipsync.articulation import Articulation
from lipsync.drawing import Drawing
from lipsync.ear import Ear
from lipsync.glance import Glances
from lipsync.gpu_paint import painter_on
from lipsync.label import label_for, remarks
from lipsync.label_place import heads
from lipsync.lesson import Lesson
from lipsync.media import Source, Timeline, open_face, timeline, write_video
from lipsync.part import Part, part_of
from lipsync.passes import looked, told
from lipsync.script import Script
from lipsync.subject import Subject, anatomy, subject_of
from lipsync.take import EngineFacts, Options, Render, Report, Take
from lipsync.threads import settle_torch
from lipsync.tracker import load_tracker

SMALL = 40
"""Pixels between the eyes below which a person should know that the mouth cannot be fine."""
COVERED = 0.9


class ReshapeEngine:
    """Stays warm: tracker, articulation and anatomy are loaded once."""

    def __init__(self, options: Options) -> None:
        """Load everything.

        Raises:
            WeightsError: Weights are missing or damaged.
            EngineError: The tracker is unknown or broken.
        """
        settle_torch()
        self._options = options
        self._articulation = Articulation(options.device)
        self._tracker = load_tracker(options.tracker, options.device, options.weights)
        self._known = anatomy()
        self._painter = painter_on(options.device)
        self._lesson = Lesson(self._articulation, options.limits)
        self.ear = Ear(options.limits, self._articulation)

    @property
    def facts(self) -> EngineFacts:
        """Name, version, and the weights of tracker, articulation and anatomy."""
        parts = (*self._tracker.weights, self._articulation.weights, self._known.facts)
        return EngineFacts(name="reshape", version=version("lipsyncd"), weights=parts)

    def render(self, take: Take, video: Path, report: Report) -> Render:
        """Look at the face, then draw it speaking.

        Raises:
            MediaError: Face or speech cannot be read, or the video cannot be written.
            NoFaceError: There is no face to drive.
        """
        heard = self.ear.hear(take.speech)
        source = open_face(take.face, self._options)
        line = timeline(source, heard.seconds, self._options.fps)
        used = int(line.indices.max()) + 1
        glances = Glances(used)
        track = looked(self._tracker, glances.watch(islice(source.frames(), used)), used, take, self._options, report)
        subject = subject_of(track, self._known)
        motion = self._lesson.own(heard.motion, take.speech, source, subject)
        part = part_of(subject, motion, line)
        script = Script(
            part.numbers,
            part.strength,
            lambda place: subject.mouth.shape(part.values[place], float(part.tongue[place]), float(part.blur[place])),
        )
        colours = glances.palette(track)
        drawing = Drawing(source, subject, self._known, colours, script, painter=self._painter)
        size = source.width, source.height
        label = label_for(self._options.marks, size, heads(track))
        with closing(drawing.frames()) as drawn:
            frames = told(drawn, len(line.indices), report)
            if label:
                frames = label.over(frames, line.times)
            write_video(video, source, line, frames, take.speech, self._options)
        render = self._render(video, source, line, part, subject)
        said = (*render.warnings, *track.remarks, *remarks(label, size))
        return replace(render, warnings=said, label_at=label.place if label else "")

    def _render(self, video: Path, source: Source, line: Timeline, part: Part, subject: Subject) -> Render:
        return Render(
            video=video,
            duration=float(line.seconds),
            width=source.width,
            height=source.height,
            fps=line.fps,
            frames=len(line.indices),
            driven=part.driven,
            poster_at=float(line.mid_times[part.poster]),
            engine=self.facts,
            warnings=_warnings(part, subject),
        )


def _warnings(part: Part, subject: Subject) -> tuple[str, ...]:
    said = []
    apart = float(np.nanmedian(subject.poses.scale))
    if apart < SMALL:
        said.append(f"the face is small ({apart:.0f} px between the eyes), so the mouth cannot be fine")
    share = part.driven / max(1, len(part.numbers))
    if share < COVERED:
        said.append(f"the mouth moves in {share:.0%} of the frames; in the others the face is hidden or turned away")
    return tuple(said)
