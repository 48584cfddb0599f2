"""Whether a result still is what its manifest says: every listed file is hashed again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from publishers import codec
from publishers.address import permanent
from publishers.base import Artifact
from publishers.cid import directory_cid, measure
from publishers.contenthash import contenthash
from publishers.entry import Face, Paper, Poster, Speech, Video
from publishers.errors import ManifestError, Refused
from publishers.manifest import FILE_NAME, LARGEST, Manifest, read_manifest
from publishers.unixfs import Profile, profile_of
from publishers.whereabouts import astray, directory_astray

INPUTS = "inputs"
"""Folder of the dropped files, beside the results."""


@dataclass(frozen=True)
class Finding:
    """A listed file (or "manifest.json") and what is wrong with it.

    Attributes:
        file: Relative to the manifest's folder: a dropped "inputs/bob.jpg" is not the poster "bob.jpg".
    """

    file: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}"


def verify(path: Path) -> list[Finding]:
    """Recompute everything a manifest says about files, and return what does not hold; empty when all does.

    Videos and posters must lie beside the manifest. If there is a folder ``inputs/``, all dropped files must be in it
    (or beside the manifest), and all metadata beside the manifest. Someone who got the results alone has none: what is
    not there is passed over then, and ``unchecked`` names it.

    Args:
        path: A folder with a manifest.json, or the manifest itself.

    Raises:
        ManifestError: The manifest is missing, torn, not of our schema, or names files outside its folder.
    """
    manifest = read_manifest(path)
    folder = path if path.is_dir() else path.parent
    profile = profile_of(manifest.directory.profile)
    claims = [*_results(manifest), *_present(folder, manifest)]
    findings = [_check(folder, claim, profile) for claim in claims]
    found = [finding for finding in findings if finding]
    wrong = {finding.file for finding in found}
    minted = [video for video in manifest.videos if video.metadata and video.metadata.file not in wrong]
    return [*found, *_minted(folder, manifest, minted), *_contradictions(manifest)]


def unchecked(path: Path) -> list[str]:
    """Return the dropped files and metadata that a manifest lists and ``verify`` passes over, as they are not there.

    Raises:
        ManifestError: As ``verify``.
    """
    manifest = read_manifest(path)
    folder = path if path.is_dir() else path.parent
    present = _present(folder, manifest)
    return [claim.file for claim in _others(manifest) if claim not in present]


@dataclass(frozen=True)
class _Claim:
    """What the manifest says about one file; no CID for dropped files."""

    file: str
    sha256: str
    bytes: int
    cid: str
    places: tuple[str, ...]


def _results(manifest: Manifest) -> Iterator[_Claim]:
    for video in manifest.videos:
        for file in (video, video.poster):
            yield _Claim(file.file, file.sha256, file.bytes, file.cid, (file.file,))


def _inputs(manifest: Manifest) -> list[_Claim]:
    dropped: list[Speech | Face] = [manifest.speech]
    for video in manifest.videos:
        dropped += [video.face, *(one for one in (video.speech, video.who) if one)]
    results = {claim.file for claim in _results(manifest)}  # a dropped alice.mp4 is another file
    claims = (
        _Claim(d.file, d.sha256, d.bytes, "", (f"{INPUTS}/{d.file}", *((d.file,) if d.file not in results else ())))
        for d in dropped
    )
    return list(dict.fromkeys(claims))


def _others(manifest: Manifest) -> list[_Claim]:
    """Return the files that someone who got the results need not have: metadata and dropped files."""
    papers = [video.metadata for video in manifest.videos if video.metadata]
    claims = [_Claim(paper.file, paper.sha256, paper.bytes, paper.cid, (paper.file,)) for paper in papers]
    return claims + _inputs(manifest)


def _present(folder: Path, manifest: Manifest) -> list[_Claim]:
    """Return those of them that can be held to account here."""
    everything = os.path.lexists(folder / INPUTS)
    return [claim for claim in _others(manifest) if everything or _find(folder, claim)]


def _check(folder: Path, claim: _Claim, profile: Profile) -> Finding | None:
    name = _find(folder, claim)
    if name is None:
        return Finding(claim.places[0], "is missing")
    try:
        if not Path(os.path.realpath(folder / name)).is_relative_to(os.path.realpath(folder)):
            return Finding(name, "is a link that leaves the folder; it was not followed")
        problem = _compare(folder / name, claim, profile)
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
    return Finding(name, problem) if problem else None


def _find(folder: Path, claim: _Claim) -> str | None:
    """Return the first of the places where there is something."""
    return next((place for place in claim.places if os.path.lexists(folder / place)), None)


def _compare(place: Path, claim: _Claim, profile: Profile) -> str:
    if place.exists() and not place.is_file():
        return "is not a file"
    size = place.stat().st_size
    if size != claim.bytes:
        return f"has {size} bytes; the manifest says {claim.bytes}"
    found = measure(place, profile)
    if found.sha256 != claim.sha256:
        return f"has other bytes: its sha256 is {found.sha256}; the manifest says {claim.sha256}"
    if claim.cid and found.root.text != claim.cid:
        return f"its CID is {found.root.text} under {profile.name}; the manifest says {claim.cid}"
    return ""


def _contradictions(manifest: Manifest) -> Iterator[Finding]:
    """Yield what the manifest says against itself."""
    profile = manifest.directory.profile
    files: list[Video | Poster] = [file for video in manifest.videos for file in (video, video.poster)]
    artifacts = {f.file: Artifact(Path(f.file), f.file, "", f.bytes, f.sha256, f.cid, profile) for f in files}
    try:
        cid = directory_cid(artifacts, profile)
    except Refused as error:
        yield Finding(FILE_NAME, error.message)
    else:
        if cid != manifest.directory.cid:
            yield Finding(FILE_NAME, f"its directory CID is {manifest.directory.cid}; the listed files give {cid}")
    if manifest.directory.contenthash not in ("", contenthash(manifest.directory.cid)):
        yield Finding(FILE_NAME, f"its contenthash {manifest.directory.contenthash} is not that of the directory")
    yield from _strays(manifest)


def _strays(manifest: Manifest) -> Iterator[Finding]:
    """Yield the receipts that lead to something else than what the hashes say."""
    directory = manifest.directory
    papers = [video.metadata for video in manifest.videos if video.metadata]
    files: list[Video | Poster | Paper] = [*manifest.videos, *(video.poster for video in manifest.videos), *papers]
    for file in files:
        for receipt in file.receipts:
            if problem := astray(receipt, file, directory):
                yield Finding(file.file, f"its receipt of {receipt.publisher} {problem}")
    for receipt in directory.receipts:
        if problem := directory_astray(receipt, directory):
            yield Finding(FILE_NAME, f"the receipt of {receipt.publisher} for the directory {problem}")


def _minted(folder: Path, manifest: Manifest, videos: list[Video]) -> Iterator[Finding]:
    """Yield each metadata.json, its bytes being right, that tells of another video than it belongs to."""
    for video in videos:
        paper = video.metadata
        if paper is None or paper.bytes > LARGEST or not (folder / paper.file).is_file():
            continue
        try:
            document = codec.loads((folder / paper.file).read_bytes())
        except (ManifestError, OSError):
            document = None
        shown = document.get("animation_url") if isinstance(document, dict) else None
        if shown not in permanent(manifest.directory, video):
            yield Finding(paper.file, f"does not lead to {video.file}: its animation_url is {shown!r}")
