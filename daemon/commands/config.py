"""``lipsyncd config check`` and ``lipsyncd config show``: the settings of this run."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any

from daemon import audience
from daemon.commands.arguments import Commands, Parser, add_command, add_common, settings_of
from daemon.commands.console import Console
from daemon.config import SYSTEM_FILE, ConfigError, Fault, Settings
from daemon.page import checkup
from lipsync import LabelError, check_marks


def add(commands: Commands) -> None:
    """Describe the commands."""
    parser = add_command(commands, "config", "check or show the settings of this run")
    acts = parser.add_subparsers(title="acts", required=True, parser_class=Parser)
    for name, act, summary in (("check", check, "name every fault in the settings"), ("show", show, "print them all")):
        one = acts.add_parser(name, help=summary)
        add_common(one)
        one.set_defaults(run=act)


def check(args: Namespace, console: Console) -> int:
    """Say that the settings are right; if not, loading them has said all faults.

    Raises:
        ConfigError: What they ask for cannot be done on this machine: a label, a page that others can reach, a
            place for notices that Apprise does not understand.
    """
    settings = settings_of(args)
    if faults := tuple(_beyond(settings)):
        raise ConfigError(faults)
    file = str(args.config or (SYSTEM_FILE if SYSTEM_FILE.exists() else ""))
    console.facts({"ok": True, "file": file, "faults": []}, [f"The configuration is right ({file or 'all defaults'})."])
    return 0


def _beyond(settings: Settings) -> Iterator[Fault]:
    """Find what is sound in itself and cannot be done on this machine."""
    try:
        check_marks(settings.options().marks)
    except LabelError as error:
        yield Fault("label", f"{error.message}. {error.hint}")
    if fault := checkup.lacking(settings):
        yield Fault("page.listen", f"{fault}. {checkup.ADVICE}")
    for place, why in audience.faults(settings).items():
        yield Fault("notify.urls", f"{place}: {why}")


def show(args: Namespace, console: Console) -> int:
    """Print all settings as they hold for this run, as TOML or JSON, with secrets masked."""
    document = masked(settings_of(args))
    console.facts(document, _toml(document))
    return 0


def masked(settings: Settings) -> dict[str, Any]:
    """Give all settings as plain values; passwords and queries in addresses are masked."""
    document: dict[str, Any] = _masked(settings.model_dump(mode="json"))
    return document


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    if isinstance(value, str) and "://" in value:
        return re.sub(r"\?.*", "?***", re.sub(r"//[^/@]*@", "//***@", value))
    return value


def _toml(table: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """Write a table as config.toml has it: plain values first, then the tables in it."""
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    if plain:
        yield f"[{name}]"
        yield from (f"{key} = {_value(value)}" for key, value in plain.items())
        yield ""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _toml(value, f"{name}.{key}".lstrip("."))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
