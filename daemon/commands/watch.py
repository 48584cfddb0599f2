"""``lipsyncd watch``: the daemon."""

from __future__ import annotations

from argparse import Namespace

from daemon.commands.arguments import Commands, add_command, settings_of
from daemon.commands.console import Console


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "watch", "turn what is dropped into the inbox into videos, until stopped")
    parser.add_argument("--once", action="store_true", help="work the inbox off and exit; 1 where some work failed")
    parser.set_defaults(run=run)


def run(args: Namespace, console: Console) -> int:
    """Run the daemon, or work the inbox off once."""
    settings = settings_of(args)
    from daemon import app

    return app.run(settings, args.once)
