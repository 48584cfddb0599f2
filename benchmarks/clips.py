"""The talking videos that a benchmark judges by: ../shared/data/clips, or any folder given on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import lipsync
from lipsync.face import Track
from lipsync.media import Frame, Source, open_face
from lipsync.take import VIDEO_SUFFIXES
from lipsync.tracker import Tracker

ROOT = Path(__file__).parents[1]
CLIPS = ROOT.parent / "shared" / "data" / "clips"
TALKERS = (
    "WDA_AlexandriaOcasioCortez_000.mp4",
    "WDA_KatieHill_000.mp4",
    "RD_Radio2_000.mp4",
    "RD_Radio34_000.mp4",
    "4.mp4",
    "uncrop_Obama.mp4",
    "d11.mp4",
)
"""Clips in which one person talks to the camera all the time, the face large enough to judge a mouth by."""
SECONDS = 8
OPTIONS = lipsync.Options(device="cpu")


@dataclass(frozen=True)
class Watched:
    """A clip held in memory with the track of its person.

    Attributes:
        name: Of the file, without suffix.
        source: The file.
        frames: All frames that were looked at.
        track: Of the person through them.
    """

    name: str
    source: Source
    frames: Sequence[Frame]
    track: Track


@dataclass(frozen=True)
class Asked:
    """What the command line asks for: clips to judge by, and a folder for sheets of mouths (None: none wanted)."""

    clips: list[Path]
    sheets: Path | None


def asked(name: str, words: Sequence[str]) -> Asked:
    """Read the command line of a benchmark."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("clips", nargs="*", help="folders and files; default: those of ../shared/data/clips that talk")
    parser.add_argument("--sheets", type=Path, help="folder for sheets: left alone, drawn and true mouths")
    given = parser.parse_args(words)
    if given.sheets:
        given.sheets.mkdir(parents=True, exist_ok=True)
    return Asked(chosen(given.clips), given.sheets)


def chosen(words: Sequence[str], usual: Sequence[str] = TALKERS) -> list[Path]:
    """Give the clips to judge by.

    Args:
        words: Of the command line: folders and files; none takes those of ``usual`` that are at hand.
        usual: Names in ``CLIPS``.
    """
    if not words:
        return [CLIPS / name for name in usual if (CLIPS / name).exists()]
    found: list[Path] = []
    for path in map(Path, words):
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found += [one for one in inside if one.suffix.lower() in VIDEO_SUFFIXES]
    return found


def watch(path: Path, tracker: Tracker, seconds: float = SECONDS) -> Watched:
    """Read a clip's first seconds into memory and follow its largest face.

    Raises:
        LipsyncError: It cannot be read, or nobody is in it.
    """
    source = open_face(path, OPTIONS)
    frames = list(islice(source.frames(), round(seconds * float(source.fps))))
    return Watched(path.stem, source, frames, tracker.track(frames, "largest", lambda number: None))
