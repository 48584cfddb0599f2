"""``lipsyncd watch``: the daemon."""

from __future__ import annotations

import socket
import sys
from argparse import Namespace

from daemon.commands.arguments import Commands, add_command, settings_of
from daemon.commands.console import Console
from daemon.commands.errors import LackError
from daemon.config import Settings
from daemon.log import open_log
from daemon.pause import paused
from lipsync import LabelError, check_marks


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "watch", "turn what is dropped into the inbox into videos, until stopped")
    parser.add_argument("--once", action="store_true", help="work the inbox off and exit; 1 where some work failed")
    parser.set_defaults(run=run)


def run(args: Namespace, console: Console) -> int:
    """Run the daemon, or work the inbox off once.

    Raises:
        LackError: The root is not there and cannot be made, or may not be written; or the label cannot be written.
    """
    settings = settings_of(args)
    try:
        check_marks(settings.options().marks)
    except LabelError as error:
        raise LackError(error.message, error.hint) from error
    _check_network(settings)
    if args.once and paused(settings.paths.root):
        open_log(sys.stderr).warning("there is a pause, which --once does not heed", advice="lipsyncd resume")
    from daemon import app  # not above: the other commands need neither watchers nor workers

    try:
        return app.run(settings, args.once)
    except OSError as error:
        root = settings.paths.root
        message = f"the root {root} cannot be used ({error.strerror or error})"
        raise LackError(message, "Make it, or set paths.root; `lipsyncd doctor` says more.") from error


def _check_network(settings: Settings) -> None:
    """Say so where results are to be published and the unit lets the service reach nobody."""
    if not set(settings.publish.to) - {"folder"}:
        return
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    except OSError:
        advice = "run `lipsyncd install-service --with publish`, and see what that drop-in allows"
        open_log(sys.stderr).warning("the service has no network to publish over", advice=advice)
