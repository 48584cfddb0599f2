"""Target: where the video and the poster of a face go; never onto a file that was given as input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon import name


@dataclass(frozen=True)
class Target:
    """A face and the two files it becomes."""

    face: Path
    video: Path
    poster: Path


def targets(faces: Sequence[Path], out: Path, others: Sequence[Path]) -> Iterator[Target]:
    """Yield the target of each face: "alice.mp4" for "alice.png", another name where that is an input or taken.

    Args:
        faces: Photos and videos.
        out: The folder of the results.
        others: What else was given and must not be written over: the speech, the photo of who is meant.
    """
    given = {path.resolve() for path in (*faces, *others)}
    taken: set[str] = set()
    stems = _stems(faces)
    for face, stem in zip(faces, stems, strict=True):
        number = 1
        chosen = stem
        while name.key(chosen) in taken or _hits(out, chosen, given):
            number += 1
            chosen = f"{stem}-{number}"
        taken.add(name.key(chosen))
        yield Target(face, out / f"{chosen}.mp4", out / f"{chosen}.jpg")


def _stems(faces: Sequence[Path]) -> list[str]:
    """Give the stem for each face; the same file name in two folders is left for numbers to tell apart."""
    by_name = name.results(list(dict.fromkeys(face.name for face in faces)))
    return [by_name[face.name] for face in faces]


def _hits(out: Path, stem: str, given: set[Path]) -> bool:
    return any((out / f"{stem}{suffix}").resolve() in given for suffix in (".mp4", ".jpg"))
