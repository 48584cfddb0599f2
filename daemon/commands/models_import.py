"""``lipsyncd models import``: weights from a file, once it is clear what they are."""

from __future__ import annotations

import shutil
from argparse import Namespace

from daemon.commands.arguments import settings_of
from daemon.commands.console import Console
from daemon.commands.errors import LackError
from daemon.commands.models_fetch import terms
from daemon.config import Settings
from daemon.room import size
from lipsync import Found, recognise, take_in


def run(args: Namespace, console: Console) -> int:
    """Take over one file."""
    settings = settings_of(args)
    found = recognise(args.file, settings.weights, args.name)
    offer = found.offer
    if args.name and found.known and args.name != offer.name:
        console.note(f"{args.file.name} is the published {offer.name}, and is called so")
    for line in terms(offer):
        console.note(line)
    _room(found, settings)
    path = take_in(args.file, settings.weights, found)
    facts = {"name": offer.name, "file": path.name, "folder": str(path.parent), "bytes": found.bytes}
    facts |= {"sha256": found.sha256, "serves": offer.serves, "licence": offer.licence, "use": offer.use}
    line = f"{offer.name}: imported, {path.name} ({size(found.bytes)}), for {offer.serves}"
    console.facts({"imported": facts | {"known": found.known}}, [line])
    return 0


def _room(found: Found, settings: Settings) -> None:
    """See that there is room for a copy.

    Raises:
        LackError: There is none.
    """
    folder = settings.weights
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    lacking = found.bytes + settings.limits.free_bytes - shutil.disk_usage(there).free
    if lacking > 0 and not (folder / found.offer.file).exists():
        hint = "Make room; limits.free_bytes says how much stays free."
        raise LackError(f"the disk lacks {size(lacking)} for {found.offer.file}", hint)
