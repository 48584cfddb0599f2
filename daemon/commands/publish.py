"""``lipsyncd publish``: a finished file, outside any job."""

from __future__ import annotations

import hashlib
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from daemon.commands.arguments import Commands, add_command, overrides
from daemon.commands.console import Console
from daemon.commands.errors import UsageError
from daemon.config import Settings, load_settings
from publishers import Publisher, PublishError, build, identify


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "publish", "publish finished files, outside any job")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what to publish")
    parser.add_argument("--to", required=True, metavar="NAME", help="a publisher, such as folder")
    parser.set_defaults(run=run)


def run(args: Namespace, console: Console) -> int:
    """Publish every file; one that fails does not stop the others."""
    settings = load_settings(args.config, overrides(args) | {"publish": {"to": [args.to]}})
    missing = [path for path in args.files if not path.is_file()]
    if missing:
        raise UsageError(f"there is no file {missing[0]}", "Nothing was published.")
    publisher = build(args.to, settings.publisher(args.to))
    answers = [_publish(path, publisher, settings, console) for path in args.files]
    receipts = [answer for answer in answers if "address" in answer]
    lines = [f"{one['name']}  {one['state']}  {one['gateway'] or one['address']}" for one in receipts]
    failures = [answer for answer in answers if "error" in answer]
    console.facts({"receipts": receipts, "failures": failures}, lines)
    return 1 if failures else 0


def _publish(path: Path, publisher: Publisher, settings: Settings, console: Console) -> dict[str, Any]:
    """Publish one file; the drawer is found again by the file's content, so that a second run continues the first."""
    artifact = identify(path, profile=settings.publish.ipfs.profile)
    key = hashlib.sha256(f"{artifact.name}\0{artifact.sha256}".encode()).hexdigest()[:32]
    drawer = settings.paths.state / "drawers" / "command" / key / publisher.name
    drawer.mkdir(parents=True, exist_ok=True)
    try:
        return asdict(publisher.publish(artifact, drawer)) | {"cid": artifact.cid}
    except PublishError as error:
        console.note(str(error))
        return {"name": artifact.name, "error": error.message, "hint": error.hint}
