"""``lipsyncd notify test``: whether those who shall be told of jobs can be told anything."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from daemon import audience
from daemon.commands.arguments import Commands, Parser, add_command, add_common, settings_of
from daemon.commands.console import Console
from daemon.commands.errors import UsageError
from daemon.places import CREDENTIAL, wanted


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(commands, "notify", "who is told of jobs: try whether they can be")
    acts = parser.add_subparsers(title="acts", required=True, parser_class=Parser)
    trial = acts.add_parser("test", help="send a test message to every place; 1 where one did not take it")
    add_common(trial)
    trial.set_defaults(run=run_test)


def run_test(args: Namespace, console: Console) -> int:
    """Send a test message to every place, and say of each whether it took it.

    Raises:
        UsageError: There is no place.
    """
    settings = settings_of(args)
    if not wanted(settings.notify.urls):
        raise UsageError("nobody is to be told", f"Set notify.urls, or hand over the credential {CREDENTIAL}.")
    answers = audience.trial(settings)
    places = [{name: value for name, value in asdict(answer).items() if name != "id"} for answer in answers]
    width = max(len(answer.place) for answer in answers) if answers else 0
    lines = [f"{answer.place.ljust(width)}  {'sent' if answer.ok else answer.why}" for answer in answers]
    well = bool(answers) and all(answer.ok for answer in answers)
    console.facts({"ok": well, "places": places}, lines or ["No place is named in the files."])
    return 0 if well else 1
