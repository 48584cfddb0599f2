"""The engine that draws nothing: the frames pass through, the speech is muxed. For tests and for timing."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from lipsync.ear import Ear, deaf
from lipsync.label import label_for, remarks
from lipsync.media import open_face, timeline, write_video
from lipsync.passes import told
from lipsync.take import EngineFacts, Options, Render, Report, Take


class NullEngine:
    """Needs no weights and finds no face; every frame counts as not driven."""

    def __init__(self, options: Options) -> None:
        self.ear = Ear(options.limits, deaf)
        self._options = options

    @property
    def facts(self) -> EngineFacts:
        """Name and version; there are no weights."""
        return EngineFacts(name="null", version=version("lipsyncd"))

    def render(self, take: Take, video: Path, report: Report) -> Render:
        """Write the face's own frames with the speech under them.

        Raises:
            MediaError: Face or speech cannot be read, or the video cannot be written.
        """
        heard = self.ear.hear(take.speech)
        source = open_face(take.face, self._options)
        line = timeline(source, heard.seconds, self._options.fps)
        frames = told(source.play(line.indices.tolist()), len(line.indices), report)
        size = source.width, source.height
        label = label_for(self._options.marks, size)
        if label:
            frames = label.over(frames, line.times)
        write_video(video, source, line, frames, take.speech, self._options)
        return Render(
            video=video,
            duration=float(line.seconds),
            width=source.width,
            height=source.height,
            fps=line.fps,
            frames=len(line.indices),
            driven=0,
            poster_at=float(line.seconds) / 2,
            engine=self.facts,
            warnings=remarks(label, size),
            label_at=label.place if label else "",
        )
