"""``lipsyncd models``: the weights, where they come from and what they may be used for."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from daemon.commands.arguments import Commands, Parser, add_command, add_common, settings_of
from daemon.commands.console import Console, table
from daemon.commands.errors import LackError
from lipsync import models


def add(commands: Commands) -> None:
    """Describe the commands."""
    parser = add_command(commands, "models", "weights: name, licence, sha256")
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True, parser_class=Parser)
    listed = acts.add_parser("list", help="those in the package, and whether they are sound")
    fetched = acts.add_parser("fetch", help="get weights that are not in the package")
    fetched.add_argument("name", metavar="NAME", nargs="*", help="which; all without a name")
    imported = acts.add_parser("import", help="take over weights from a file")
    imported.add_argument("file", type=Path, metavar="FILE", help="a checkpoint")
    for act, command in ((listed, run), (fetched, fetch), (imported, import_file)):
        add_common(act)
        act.set_defaults(run=command)


def run(args: Namespace, console: Console) -> int:
    """List the weights; 3 where some are missing or damaged."""
    settings_of(args)
    found = models()
    rows = [(m.name, m.state, f"{m.bytes / 1e3:.0f} kB", m.licence, m.sha256) for m in found]
    lines = table([("NAME", "STATE", "SIZE", "LICENCE", "SHA256"), *rows]) if rows else ["There are no weights here."]
    console.facts({"models": [asdict(model) for model in found]}, lines)
    return 0 if all(model.state == "usable" for model in found) else 3


def fetch(args: Namespace, console: Console) -> int:
    """Say that there is nothing to fetch.

    Raises:
        LackError: Always, until there are weights outside the package.
    """
    settings_of(args)
    known = {model.name for model in models()}
    there = [name for name in args.name if name in known]
    detail = f"; {', '.join(there)} came with the package" if there else ""
    raise LackError(
        f"there is nothing to fetch{detail}: no weights outside the package are known yet",
        "`lipsyncd models list` shows those in the package; if one is damaged, reinstall lipsyncd.",
    )


def import_file(args: Namespace, console: Console) -> int:
    """Say that no engine takes foreign weights yet.

    Raises:
        LackError: Always, until an engine takes foreign weights.
    """
    settings_of(args)
    raise LackError(
        f"{args.file.name} cannot be imported: no engine that takes foreign weights is built yet",
        "The engine `reshape` needs none; its weights came with the package.",
    )
