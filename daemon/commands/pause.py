"""``lipsyncd pause`` and ``lipsyncd resume``: whether videos are begun."""

from __future__ import annotations

from argparse import Namespace

from daemon import pause
from daemon.commands.arguments import Commands, add_command, settings_of
from daemon.commands.console import Console
from daemon.commands.errors import LackError
from daemon.errors import JobError


def add(commands: Commands) -> None:
    """Describe the commands."""
    add_command(
        commands, "pause", "begin no video until `lipsyncd resume`; what is being made is finished"
    ).set_defaults(run=run_pause)
    add_command(commands, "resume", "begin videos again after `lipsyncd pause`").set_defaults(run=run_resume)


def run_pause(args: Namespace, console: Console) -> int:
    """Ask for a pause; a running daemon sees it within a second, another at its start.

    Raises:
        LackError: The root is not there.
    """
    settings = settings_of(args)
    root = settings.paths.root
    try:
        new = pause.pause(root, guarded=settings.inbox.mount_guard)
    except JobError as error:
        raise LackError(error.message, error.hint) from error
    said = "What is being made is finished, and published; no video is begun until `lipsyncd resume`."
    console.facts({"root": str(root), "paused": True, "new": new}, [said if new else f"It is paused already. {said}"])
    return 0


def run_resume(args: Namespace, console: Console) -> int:
    """End the pause."""
    root = settings_of(args).paths.root
    new = pause.resume(root)
    said = "Videos are begun again." if new else "There was no pause."
    console.facts({"root": str(root), "paused": False, "new": new}, [said])
    return 0
