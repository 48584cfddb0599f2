"""The whole command line in one parser."""

from __future__ import annotations

from importlib.metadata import version

from daemon.commands import (
    config,
    demo,
    doctor,
    jobs,
    models,
    notify,
    page,
    pause,
    publish,
    render,
    service,
    verify,
    watch,
)
from daemon.commands.arguments import Parser, add_common

EPILOG = "Exit codes: 0 done, 1 some work failed, 2 wrong usage or configuration, 3 something needed is missing."


def parser() -> Parser:
    """Give the parser; what it parses has ``run(args, console)``, the command to run."""
    whole = Parser(prog="lipsyncd", description="A folder dropped on a share becomes talking videos.", epilog=EPILOG)
    whole.add_argument("--version", action="version", version=f"lipsyncd {version('lipsyncd')}")
    add_common(whole, first=True)
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for command in (watch, render, jobs, pause, page, notify, publish, verify, doctor, models, config, demo, service):
        command.add(commands)
    return whole
