"""``lipsyncd verify``: whether a result still is what its manifest says, and who signed it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from daemon.commands.arguments import Commands, add_command, settings_of
from daemon.commands.console import Console
from daemon.commands.errors import CommandError, UsageError
from daemon.inquiry import ask, receipts_of
from lipsync import LipsyncError, marks_of
from publishers import (
    Finding,
    Manifest,
    ManifestError,
    Poster,
    Provenance,
    PublishError,
    Standing,
    Video,
    credentials_of,
    read_manifest,
    unchecked,
    verify,
)

_HOLDS = (Standing.VALID, Standing.TRUSTED)


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "verify", "recompute everything a manifest says; 1 where something differs")
    parser.add_argument("path", type=Path, metavar="DIR|manifest.json", help="a folder of done/, or its manifest")
    parser.add_argument("--online", action="store_true", help="ask the publishers in the receipts too")
    parser.add_argument("--trust", type=Path, metavar="FILE", help="certificates (PEM) of authorities whom you trust")
    parser.set_defaults(run=run)


def run(args: Namespace, console: Console) -> int:
    """Check one result."""
    settings = settings_of(args)
    if not args.path.exists():
        raise UsageError(f"there is no {args.path}", "Give a folder of done/, or its manifest.json.")
    try:
        findings, passed, manifest = verify(args.path), unchecked(args.path), read_manifest(args.path)
    except ManifestError as error:
        raise CommandError(error.message, error.hint) from error
    folder = args.path if args.path.is_dir() else args.path.parent
    signed = _provenance(folder, manifest, args.trust)
    known = {finding.file for finding in findings}  # a file with other bytes is wrong already, whatever it says
    unsigned = _unsigned([one for one in signed if one.file not in known], manifest)
    findings += [*unsigned, *_unlabelled(folder, manifest, known)]
    receipts = receipts_of(manifest) if args.online else []
    findings += [
        Finding(one.receipt.name or "all of them", one.problem) for one in ask(receipts, settings) if one.problem
    ]
    document = {
        "ok": not findings,
        "findings": [{"file": finding.file, "problem": finding.problem} for finding in findings],
        "unchecked": passed,
        "credentials": [asdict(one) for one in signed],
        "receipts_checked": len(receipts),
    }
    lines = [str(finding) for finding in findings] or [f"Everything in {args.path} is as the manifest says."]
    lines += [f"{one}." for one in signed if one.state in _HOLDS]
    lines += [f"{name}: not here, so it was not checked" for name in passed]
    if args.online:
        lines.append(f"{len(receipts)} receipts were checked." if receipts else _NOBODY)
    console.facts(document, lines)
    return 1 if findings else 0


_PEM = "--trust takes a text file with certificates, each after a line -----BEGIN CERTIFICATE-----."
_NOBODY = "The manifest has no receipts: nothing was published, so nobody was asked."


def _files(manifest: Manifest) -> list[Video | Poster]:
    return [file for video in manifest.videos for file in (video, video.poster)]


def _provenance(folder: Path, manifest: Manifest, trust: Path | None) -> tuple[Provenance, ...]:
    """Look who signed the files that are here; a link is not followed."""
    here = [folder / one.file for one in _files(manifest) if _is_file(folder / one.file)]
    certificates = {one.credentials.certificate for one in _files(manifest) if one.credentials}
    anchors = _anchors(trust) if trust else ""
    try:
        return credentials_of(here, anchors, sorted(certificates - {""})) if here else ()
    except PublishError as error:
        raise CommandError(error.message, error.hint) from error


def _anchors(file: Path) -> str:
    """Read the certificates of those who are trusted; a file without any would make everybody a stranger silently."""
    try:
        text = file.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror or error})", _PEM) from error
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UsageError(f"there is no certificate in {file}", _PEM)
    return text


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _unsigned(signed: Sequence[Provenance], manifest: Manifest) -> Iterator[Finding]:
    """Yield the files whose credentials are not what the manifest says, or do not hold."""
    said = {one.file: one.credentials for one in _files(manifest)}
    for one in signed:
        claimed = said.get(one.file)
        if one.state is Standing.NONE and claimed:
            yield Finding(one.file, "has no content credentials; the manifest says that it has")
        elif one.state is Standing.TAMPERED or (one.state is Standing.INVALID and claimed):
            yield Finding(one.file, str(one).removeprefix(f"{one.file} "))
        elif claimed and claimed.certificate and not one.expected:
            yield Finding(one.file, f"was signed by another certificate than the manifest says ({one.issuer})")


def _unlabelled(folder: Path, manifest: Manifest, known: Container[str]) -> Iterator[Finding]:
    """Yield files, besides those ``known`` to be wrong, that do not say what the manifest says: a machine made them."""
    for video in manifest.videos:
        for name in (video.file, video.poster.file) if video.label and video.label.metadata else ():
            if name in known or not _is_file(folder / name):
                continue
            try:
                said = marks_of(folder / name)
            except LipsyncError as error:
                yield Finding(name, f"cannot be read: {error}")
                continue
            if not said.labelled:
                yield Finding(name, "does not say that a machine made it; the manifest says that it does")
            elif said.fits is False:
                yield Finding(name, "has a label (AIGC) that was written for other pictures or another sound")
