"""The options that every command knows, before and after its name, and the settings they lead to."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from daemon.commands.errors import UsageError
from daemon.config import Settings, load_settings

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


class Parser(ArgumentParser):
    """A parser whose complaints are two plain lines; options must be written out."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how | {"allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageError: Always.
        """
        raise UsageError(message, f"`{self.prog} --help` says how.")


def add_common(parser: ArgumentParser, *, first: bool = False) -> None:
    """Add the options that every command knows.

    Args:
        parser: Of the whole command line or of one command.
        first: It is the one of the whole: only that one has defaults, or it would forget what came before the command.
    """

    def default(value: object) -> object:
        return value if first else argparse.SUPPRESS

    group = parser.add_argument_group("options of every command")
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=default(None),
        help="settings (default: /etc/lipsyncd/config.toml)",
    )
    group.add_argument("--root", type=Path, metavar="DIR", default=default(None), help="folder with inbox/ and done/")
    group.add_argument("--state", type=Path, metavar="DIR", default=default(None), help="the service's own files")
    group.add_argument("--json", action="store_true", default=default(False), help="print one JSON document")


def add_command(commands: Commands, name: str, summary: str) -> Parser:
    """Add a command and give its parser."""
    parser = commands.add_parser(name, help=summary, description=f"{summary[:1].upper()}{summary[1:]}.")
    add_common(parser)
    return parser


def overrides(args: Namespace) -> dict[str, dict[str, Any]]:
    """Give what the command line says about settings, nested by section."""
    said = {
        "paths": {"root": args.root, "state": args.state},
        "render": {"engine": getattr(args, "engine", None), "device": getattr(args, "device", None)},
    }
    layers = {name: {key: value for key, value in table.items() if value is not None} for name, table in said.items()}
    return {name: table for name, table in layers.items() if table}


def settings_of(args: Namespace) -> Settings:
    """Give the settings of this run.

    Raises:
        ConfigError: They are not right, with all faults.
    """
    return load_settings(args.config, overrides(args))
