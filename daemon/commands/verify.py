"""``lipsyncd verify``: whether a result still is what its manifest says."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from daemon.commands.arguments import Commands, add_command, settings_of
from daemon.commands.console import Console
from daemon.commands.errors import CommandError, UsageError
from daemon.config import Settings
from publishers import Finding, ManifestError, Publisher, PublishError, Receipt, build, read_manifest, unchecked, verify


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "verify", "recompute everything a manifest says; 1 where something differs")
    parser.add_argument("path", type=Path, metavar="DIR|manifest.json", help="a folder of done/, or its manifest")
    parser.add_argument("--online", action="store_true", help="ask the publishers in the receipts too")
    parser.set_defaults(run=run)


def run(args: Namespace, console: Console) -> int:
    """Check one result."""
    settings = settings_of(args)
    if not args.path.exists():
        raise UsageError(f"there is no {args.path}", "Give a folder of done/, or its manifest.json.")
    try:
        findings, passed = verify(args.path), unchecked(args.path)
        receipts = _receipts(args.path) if args.online else []
    except ManifestError as error:
        raise CommandError(error.message, error.hint) from error
    for receipt in receipts:
        findings += _ask(receipt, settings)
    document = {
        "ok": not findings,
        "findings": [{"file": finding.file, "problem": finding.problem} for finding in findings],
        "unchecked": passed,
        "receipts_checked": len(receipts),
    }
    lines = [str(finding) for finding in findings] or [f"Everything in {args.path} is as the manifest says."]
    lines += [f"{name}: not here, so it was not checked" for name in passed]
    if args.online and not receipts:
        lines.append("The manifest has no receipts: nothing was published, so nobody was asked.")
    console.facts(document, lines)
    return 1 if findings else 0


def _receipts(path: Path) -> list[Receipt]:
    files = [file for video in read_manifest(path).videos for file in (video, video.poster)]
    return [receipt for file in files for receipt in file.receipts]


def _ask(receipt: Receipt, settings: Settings) -> list[Finding]:
    """Have the publisher fetch what it keeps and compare."""
    try:
        publisher = build(receipt.publisher, settings.publisher(receipt.publisher), settings.paths.state)
        if isinstance(publisher, Publisher):
            publisher.verify(receipt)
    except PublishError as error:
        return [Finding(receipt.name, f"{receipt.publisher}: {error}")]
    return []
