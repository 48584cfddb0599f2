"""The settings of this run, from the command line, the environment, one file and the defaults.

A wrong configuration is told whole: every fault at once, by dotted name, with where it was said and what was
probably meant.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from daemon.environment import PREFIX, EnvironmentSource
from daemon.section import Section
from daemon.settings import LAYERS, Settings
from lipsync import program_faults

__all__ = ["SYSTEM_FILE", "ConfigError", "Fault", "Section", "Settings", "load_settings", "setting_names"]

SYSTEM_FILE = Path("/etc/lipsyncd/config.toml")
FOLDERS = (
    ("paths", "root"),
    ("paths", "state"),
    ("paths", "weights"),
    ("publish", "folder", "path"),
    ("label", "font"),
    ("credentials", "certificate"),
)


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the configuration.

    Attributes:
        name: Dotted name of the setting, or the name of the file.
        problem: What is wrong with it, and what would be right.
        source: Where it was said: "command line", "environment", the file's name, or "".
    """

    name: str
    problem: str
    source: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.problem}" + (f" ({self.source})" if self.source else "")


class ConfigError(Exception):
    """The configuration cannot be used, and these are all the reasons.

    Attributes:
        faults: Every fault found, in the order of the settings.
        message: All of them, one a line.
        hint: What to do about it.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        self.message = "\n".join(str(fault) for fault in faults)
        self.hint = "Mend the settings named; `lipsyncd config show` prints those in use and config.toml explains each."
        super().__init__(self.message)


def load_settings(file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Give the settings of this run.

    Args:
        file: What ``--config`` names; None for /etc/lipsyncd/config.toml, where there is one.
        overrides: What the command line says, nested: ``{"render": {"engine": "null"}}``.

    Raises:
        ConfigError: Anything is wrong, with all the faults.
    """
    layer, faults = _read_file(file)
    layers = {
        "command line": dict(overrides or {}),
        "environment": EnvironmentSource(Settings)(),
        (file or SYSTEM_FILE).name: layer,
    }
    try:
        settings = _built(layers)
    except ValidationError as error:
        details = error.errors(include_url=False)
        faults += [_fault(detail, layers) for detail in details]
        settings = _built({label: _without(layer, details) for label, layer in layers.items()})
    said = [fault.name for fault in faults]
    for name, problem in _unusable(settings):
        if not any(one.startswith(f"{name}.") for one in said):  # what lies in it was faulty, and taken out
            faults.append(Fault(name, problem, _source(name.split("."), layers)))
    if faults:
        raise ConfigError(tuple(faults))
    return settings


def _built(layers: Mapping[str, Mapping[str, Any]]) -> Settings:
    first, *lower = layers.values()
    token = LAYERS.set(tuple(lower))
    try:
        return Settings(**first)
    finally:
        LAYERS.reset(token)


def _without(layer: Mapping[str, Any], details: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Copy a layer without what was found faulty, so that the rest can still be looked at."""
    kept: dict[str, Any] = deepcopy(dict(layer))
    for detail in details:
        table: Any = kept
        *sections, key = detail["loc"]
        for section in sections:
            inner = table.get(section)
            if not isinstance(inner, dict):
                key = section
                break
            table = inner
        table.pop(key, None)
    return kept


def setting_names(model: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    """Give the dotted name of every setting, in the order of config.toml."""
    names = []
    for key, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            names += setting_names(kind, f"{prefix}{key}.")
        else:
            names.append(f"{prefix}{key}")
    return names


def _read_file(file: Path | None) -> tuple[dict[str, Any], list[Fault]]:
    """Read the file; folders in it are relative to the file. An absent /etc/lipsyncd/config.toml is no fault."""
    path = (file or SYSTEM_FILE).expanduser()
    try:
        layer = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors put an invisible mark before it
    except FileNotFoundError:
        return {}, [] if file is None else [Fault(str(path), "there is no such file")]
    except OSError as error:
        return {}, [Fault(str(path), f"the file cannot be read: {error.strerror or error}")]
    except UnicodeDecodeError:
        return {}, [Fault(str(path), "the file is not text in UTF-8")]
    except tomllib.TOMLDecodeError as error:
        return {}, [Fault(str(path), f"this is not TOML: {error}")]
    for *sections, key in FOLDERS:
        table: Any = layer
        for section in sections:
            table = table.get(section) if isinstance(table, dict) else None
        value = table.get(key) if isinstance(table, dict) else None
        if isinstance(value, str) and value and not value.startswith(("~", "/")):
            table[key] = str(path.absolute().parent / value)
    return layer, []


def _fault(detail: Mapping[str, Any], layers: Mapping[str, Mapping[str, Any]]) -> Fault:
    """Put one finding of pydantic into words; the value itself is repeated only where it cannot be a secret."""
    loc, kind, message = [str(part) for part in detail["loc"]], detail["type"], str(detail["msg"])
    name = ".".join(loc)
    if kind == "extra_forbidden":
        problem = f"there is no such setting{_meant(name)}"
    elif kind in ("value_error", "missing"):
        problem = "it is missing" if kind == "missing" else message.removeprefix("Value error, ")
    elif kind in ("model_type", "model_attributes_type"):
        problem = "it should be a table of settings"
    elif kind == "path_type":
        problem = "it should be a path in quotes"
    else:
        problem = f"{message.replace('Input should', 'it should', 1)}, not {detail['input']!r:.60}"
    return Fault(name, problem, _source(loc, layers))


def _meant(name: str) -> str:
    """Say which setting was probably meant, by its whole name or its last part."""
    known = setting_names()
    table, _, last = name.rpartition(".")
    if table.rpartition(".")[2].isdigit():  # one of several tables of a kind
        return ""
    same = [full for full in known if full.rpartition(".")[2] == last]
    tables = sorted({full.rpartition(".")[0] for full in known} - {""})
    if table in tables:  # the table is right, so only what comes after it counts
        near = get_close_matches(last, [full.removeprefix(f"{table}.") for full in known], n=1, cutoff=0.6)
        close = same or [full for full in known if near and full == f"{table}.{near[0]}"]
    else:
        close = same or get_close_matches(name, [*known, *tables], n=1, cutoff=0.6)
    if not close:
        parts = {full.rpartition(".")[2]: full for full in known}
        close = [parts[part] for part in get_close_matches(last, parts, n=1, cutoff=0.75)]
    return f"; did you mean {close[0]}?" if close else ""


def _source(loc: list[str], layers: Mapping[str, Mapping[str, Any]]) -> str:
    """Find the first layer that speaks of a setting."""
    for label, layer in layers.items():
        table: Any = layer
        for part in loc:
            if isinstance(table, Mapping) and part in table:
                table = table[part]
            elif not isinstance(table, list):
                break
        else:
            start = PREFIX + "__".join(loc).upper()
            variables = sorted(name for name in os.environ if name.upper().startswith(start))
            return variables[0] if label == "environment" and variables else label
    return ""


def _unusable(settings: Settings) -> Iterator[tuple[str, str]]:
    """Find settings that are sound in themselves but ask for what is not here."""
    for name, group, value in (
        ("render.engine", "lipsyncd.engines", settings.render.engine),
        ("render.tracker", "lipsyncd.trackers", settings.render.tracker),
    ):
        if not (name == "render.tracker" and value == "auto"):
            yield from _absent(name, group, value)
    for place in settings.publish.to:
        yield from _absent("publish.to", "lipsyncd.publishers", place)
    yield from _incomplete(settings)


def _incomplete(settings: Settings) -> Iterator[tuple[str, str]]:
    """Find settings that lack another one."""
    publish, credentials = settings.publish, settings.credentials
    if "folder" in publish.to and publish.folder.path is None:
        yield "publish.folder.path", "publish.to names the folder publisher; say here which folder it is"
    if "pinning" in publish.to and not publish.pinning:
        yield "publish.pinning", "publish.to names pinning; add a table [[publish.pinning]] for each service"
    names = [service.name for service in publish.pinning]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield "publish.pinning", f"two services are called {name!r}; give each a name of its own"
    if "arweave" in publish.to and publish.arweave.max_ar == 0:
        yield "publish.arweave.max_ar", "it is 0, so nothing could ever be paid; raise it, or leave arweave out"
    yield from _program(settings)
    if credentials.key and credentials.certificate is None:
        yield "credentials.certificate", "credentials.key is set; say here which certificate it belongs to"


def _program(settings: Settings) -> Iterator[tuple[str, str]]:
    """Find what is wrong with the program behind the engine "command"."""
    if settings.render.command.argv:
        for problem in program_faults(settings.render.command.argv):
            yield "render.command.argv", problem
    elif settings.render.engine == "command":
        yield "render.command.argv", 'render.engine is "command"; say here which program that is (docs/engines.md)'


def _absent(name: str, group: str, value: str) -> Iterator[tuple[str, str]]:
    """Complain of a name that no installed package provides."""
    known = sorted({point.name for point in entry_points(group=group)})
    if value not in known:
        close = get_close_matches(value, known, n=1)
        meant = f"; did you mean {close[0]}?" if close else ""
        yield name, f"there is no {value!r} here; installed: {', '.join(known) or 'none'}{meant}"
