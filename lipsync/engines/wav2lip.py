"""The engine for brought weights: Wav2Lip's generator draws the lower face, this puts it back where it belongs.

Two passes over the face: the first keeps geometry only, the second cuts out, draws, pastes and writes, all at once.
Frames are never collected, so memory does not grow with the length.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np

from lipsync.articulation import Articulation
from lipsync.ear import Ear
from lipsync.label import label_for, remarks
from lipsync.label_place import heads
from lipsync.media import Source, Timeline, open_face, timeline, write_video
from lipsync.part import Part, part_of
from lipsync.passes import looked, told
from lipsync.subject import Subject, anatomy, strength_of, subject_of
from lipsync.take import EngineFacts, Options, Render, Report, Take
from lipsync.threads import settle_torch
from lipsync.tracker import load_tracker
from lipsync.wav2lip.boxes import SIDE, boxes_of
from lipsync.wav2lip.checkpoint import find
from lipsync.wav2lip.dubbing import Dubbing, Script
from lipsync.wav2lip.generator import Generator
from lipsync.wav2lip.gpu_patch import overlay_on
from lipsync.wav2lip.rest import wakeful
from lipsync.wav2lip.voice import listener

TURNED = np.array([(0.70, 0.90), (0.55, 0.75)])
"""Yaw and pitch, in radians, from which the drawing fades and at which it is gone: a generator copes with more turn
than bending the lips does."""
SMALL = 40
"""Pixels between the eyes below which a person should know that the mouth cannot be fine."""
LARGE = 4
"""How many times higher than the generator's picture a face may be before a person should know that it looks soft."""
COVERED = 0.9
REMEMBERED = 4
"""Speeches kept; what is heard of half an hour takes 46 MB here."""


class Wav2LipEngine:
    """Stays warm: generator, tracker and articulation are loaded once."""

    def __init__(self, options: Options) -> None:
        """Load everything.

        Raises:
            WeightsError: There is no checkpoint, or weights are damaged.
            EngineError: The tracker is unknown or broken.
        """
        settle_torch()
        self._options = options
        self._generator = Generator(find(options.weights, options.checkpoint), options.device)
        self._overlay = overlay_on(options.device)
        self._articulation = Articulation(options.device)
        self._tracker = load_tracker(options.tracker, options.device, options.weights)
        self._known = anatomy()
        self.ear = Ear(options.limits, listener(self._articulation), REMEMBERED)

    @property
    def facts(self) -> EngineFacts:
        """Name, version, and the weights of generator, tracker, articulation and anatomy."""
        ours = (*self._tracker.weights, self._articulation.weights, self._known.facts)
        return EngineFacts(name="wav2lip", version=version("lipsyncd"), weights=(self._generator.weights, *ours))

    def render(self, take: Take, video: Path, report: Report) -> Render:
        """Look at the face, then let the generator draw its mouth.

        Raises:
            MediaError: Face or speech cannot be read, or the video cannot be written.
            NoFaceError: There is no face to drive.
        """
        voice, seconds = (heard := self.ear.hear(take.speech)).motion, heard.seconds
        source = open_face(take.face, self._options)
        line = timeline(source, seconds, self._options.fps)
        used = int(line.indices.max()) + 1
        track = looked(self._tracker, islice(source.frames(), used), used, take, self._options, report)
        subject = subject_of(track, self._known)
        subject = replace(subject, strength=strength_of(track, subject.poses, TURNED))
        part = part_of(subject, voice.motion, line)
        boxes = boxes_of(track, subject, source.times)
        script = Script(line, part.strength * wakeful(subject, voice.motion, line), voice)
        dubbing = Dubbing(source, track, boxes, script, self._generator, self._overlay)
        size = source.width, source.height
        label = label_for(self._options.marks, size, heads(track))
        with closing(dubbing.frames()) as drawn:
            frames = told(drawn, len(line), report)
            if label:
                frames = label.over(frames, line.times)
            write_video(video, source, line, frames, take.speech, self._options)
        render = self._render(video, source, line, part)
        said = (*_warnings(part, subject, boxes.height), *track.remarks, *remarks(label, size))
        return replace(render, warnings=said, label_at=label.place if label else "")

    def _render(self, video: Path, source: Source, line: Timeline, part: Part) -> Render:
        return Render(
            video=video,
            duration=float(line.seconds),
            width=source.width,
            height=source.height,
            fps=line.fps,
            frames=len(line),
            driven=part.driven,
            poster_at=float(line.mid_times[part.poster]),
            engine=self.facts,
        )


def _warnings(part: Part, subject: Subject, height: float) -> tuple[str, ...]:
    said = []
    apart = float(np.nanmedian(subject.poses.scale))
    if apart < SMALL:
        said.append(f"the face is small ({apart:.0f} px between the eyes), so the mouth cannot be fine")
    if height > LARGE * SIDE:
        said.append(
            f"the face is large ({height:.0f} px high) and these weights draw {SIDE} px, so the mouth looks soft; "
            "the engine reshape keeps it sharp"
        )
    share = part.driven / max(1, len(part.numbers))
    if share < COVERED:
        said.append(f"the mouth moves in {share:.0%} of the frames; in the others the face is hidden or turned away")
    return tuple(said)
