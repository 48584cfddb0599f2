"""Paper: what a run of ``lipsyncd render`` has made, as a manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from daemon.name import shown
from lipsync import Marks, Render, Take
from publishers import (
    Artifact,
    Credentials,
    Directory,
    Engine,
    Face,
    Failure,
    Label,
    Manifest,
    Poster,
    Speech,
    Tool,
    Video,
    Weights,
    identify,
)


class Paper:
    """Collects results and failures of one speech."""

    def __init__(self, speech: Path, profile: str) -> None:
        self._path = speech
        self._profile = profile
        self._speech: Speech | None = None
        self._artifacts: list[Artifact] = []
        self._videos: list[Video] = []
        self.failures: list[Failure] = []

    def add(
        self, take: Take, render: Render, poster: Path, seconds: float, credentials: Credentials | None = None
    ) -> None:
        """Enter a finished video and its poster, signed or not; ``seconds`` is how long the speech lasts."""
        if self._speech is None:
            speech = identify(self._path, profile=self._profile)
            self._speech = Speech(speech.name, speech.sha256, speech.bytes, seconds)
        video, still = (identify(path, profile=self._profile) for path in (render.video, poster))
        self._artifacts += [video, still]
        face, who = self._face(take.face), self._face(take.who) if take.who else None
        described = replace(_video(face, render, video, still), who=who, credentials=credentials)
        self._videos.append(replace(described, poster=Poster.of(still, (), credentials)))

    def _face(self, path: Path) -> Face:
        seen = identify(path, profile=self._profile)
        return Face(seen.name, seen.sha256, seen.bytes)

    def miss(self, face: Path, error: str, hint: str) -> None:
        """Enter a face that became no video."""
        self.failures.append(Failure(shown(face.name), error, hint))

    def manifest(self) -> Manifest | None:
        """Give the manifest; None while there is no video."""
        if self._speech is None:
            return None
        return Manifest(
            title=shown(self._path.stem),
            created=datetime.now(UTC),
            tool=Tool("lipsyncd", version("lipsyncd")),
            speech=self._speech,
            videos=tuple(self._videos),
            failures=tuple(self.failures),
            directory=Directory.of(self._artifacts, self._profile),
        )

    def document(self, manifest: Manifest | None) -> dict[str, Any]:
        """Give the document of the manifest that was written; only the failures where there is no video."""
        if manifest:
            document: dict[str, Any] = json.loads(manifest.to_json())
            return document
        failures = [{"face": miss.face, "error": miss.error, "hint": miss.hint} for miss in self.failures]
        return {"videos": [], "failures": failures}


def _video(face: Face, render: Render, video: Artifact, poster: Artifact) -> Video:
    engine = render.engine
    weights = tuple(Weights(one.name, one.sha256, one.licence) for one in engine.weights)
    return Video(
        file=video.name,
        sha256=video.sha256,
        bytes=video.bytes,
        cid=video.cid,
        media_type=video.media_type,
        duration=render.duration,
        width=render.width,
        height=render.height,
        fps=render.fps,
        frames=render.frames,
        face=face,
        coverage=render.coverage,
        engine=Engine(engine.name, engine.version, weights),
        poster=Poster.of(poster),
        warnings=render.warnings,
        label=_label(render.marks),
    )


def _label(marks: Marks) -> Label | None:
    if not marks.visible and not marks.metadata:
        return None
    return Label(*((marks.words, marks.style) if marks.visible else ("", "")), marks.kinds)
