"""A finished result to hold against its manifest."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from publishers import (
    Artifact,
    Directory,
    Engine,
    Face,
    Failure,
    Manifest,
    Poster,
    Receipt,
    Speech,
    Tool,
    Video,
    Weights,
    identify,
    write_manifest,
)

CREATED = datetime(2026, 11, 21, 1, 46, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Result:
    """A folder of done/ and the manifest in it."""

    folder: Path
    manifest: Manifest

    def edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Let somebody meddle with the manifest on disk."""
        path = self.folder / "manifest.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        change(document)
        path.write_text(json.dumps(document), encoding="utf-8")


class Maker:
    """Writes files of random bytes, always the same ones, and describes them."""

    def __init__(self, folder: Path, profile: str) -> None:
        self.folder = folder
        self.profile = profile
        self.random = random.Random(5)
        (folder / "inputs").mkdir(parents=True)

    def file(self, name: str, size: int) -> Artifact:
        path = self.folder / name
        path.write_bytes(self.random.randbytes(size))
        return identify(path, profile=self.profile)

    def speech(self, name: str) -> Speech:
        made = self.file(f"inputs/{name}", 2000)
        return Speech(made.name, made.sha256, made.bytes, 12.345678901)

    def video(self, stem: str, face: str, speech: Speech | None = None, receipts: bool = False) -> Video:
        made, poster, dropped = (
            self.file(f"{stem}.mp4", 1_300_000),
            self.file(f"{stem}.jpg", 900),
            self.file(f"inputs/{face}", 700),
        )
        address = f"ipfs://{made.cid}"
        receipt = Receipt("ipfs", made.name, made.sha256, address, f"https://example.org/{made.cid}", "read back")
        return Video(
            file=made.name,
            sha256=made.sha256,
            bytes=made.bytes,
            cid=made.cid,
            media_type=made.media_type,
            duration=12.36,
            width=1280,
            height=720,
            fps=Fraction(30000, 1001),
            frames=370,
            face=Face(dropped.name, dropped.sha256, dropped.bytes),
            coverage=0.985,
            engine=Engine("reshape", "1", (Weights("mouth", "0" * 64, "MIT"), Weights("face", "1" * 64, "MIT"))),
            poster=Poster.of(poster),
            receipts=(receipt,) if receipts else (),
            speech=speech,
        )

    def result(self, title: str = "周报 2026-11") -> Result:
        first, second = self.speech("旁白.mp3"), self.speech("carol.wav")
        videos = (self.video("alice", "alice.png", receipts=True), self.video("卡萝", "carol.mp4", second))
        published = [
            identify(self.folder / name, profile=self.profile) for v in videos for name in (v.file, v.poster.file)
        ]
        failures = (Failure("no-face.jpg", "no face in no-face.jpg", "Drop a photo in which a person looks at you."),)
        directory = Directory.of(published, self.profile)
        manifest = Manifest(
            title, CREATED, Tool("lipsyncd", "0.1.0"), first, videos, failures, directory, "Erste Zeile.\n\nZweite."
        )
        write_manifest(manifest, self.folder)
        return Result(self.folder, manifest)


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "done", "unixfs-v1-2025")


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return Maker(tmp_path_factory.mktemp("pristine") / "done", "unixfs-v1-2025").result()


@pytest.fixture
def result(pristine: Result, tmp_path: Path) -> Result:
    """Two videos with posters, two speeches, a failure, all files there and in order; a copy to meddle with."""
    shutil.copytree(pristine.folder, tmp_path / "done")
    return Result(tmp_path / "done", pristine.manifest)
