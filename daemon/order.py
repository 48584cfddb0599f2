"""Order: what a person asks for in a drop's ``job.toml``. Anything in it that we do not know is a fault."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daemon.errors import DropError
from daemon.name import shown

_LARGEST = 64 * 1024
_PICKS = ("largest", "left", "right")
_KEYS = ("title", "description", "publish", "review", "engine", "faces")
_EMPTY: Mapping[str, object] = {}


@dataclass(frozen=True)
class Choices:
    """What a job.toml may choose from: the names of engines and publishers that are installed."""

    engines: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """What a person asks for; None where they leave it to the settings.

    Attributes:
        picks: Which face in a file with several, by file name.
    """

    title: str = ""
    description: str = ""
    publish: tuple[str, ...] | None = None
    review: bool | None = None
    engine: str | None = None
    picks: Mapping[str, str | int] = field(default_factory=dict)


def read_order(path: Path, faces: Iterable[str], choices: Choices) -> Order:
    """Read a job.toml.

    Args:
        path: The file.
        faces: Names of the faces in the drop.
        choices: What may be chosen.

    Raises:
        DropError: It is no TOML, or says something we do not know; all faults are named at once.
    """
    table = _table(path)
    faults: list[str] = []
    order = Order(
        title=_text(table, "title", faults),
        description=_text(table, "description", faults),
        publish=_publish(table, choices.publishers, faults),
        review=_truth(table, "review", faults),
        engine=_engine(table, choices.engines, faults),
        picks=_picks(table, tuple(faces), faults),
    )
    faults += [f"{_shown(key)} is not known{_meant(key, _KEYS)}" for key in table if key not in _KEYS]
    if faults:
        raise DropError(f"job.toml: {'; '.join(faults)}", "Mend job.toml, or leave it out: it is not needed.")
    return order


def _table(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise DropError("job.toml is too large to be one", "It holds a few lines at most.")
        return tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        raise DropError("job.toml is not UTF-8 text", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise DropError(f"job.toml cannot be read: {error}", 'A line looks like: title = "Weekly report"') from error


def _text(table: Mapping[str, object], key: str, faults: list[str]) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        faults.append(f"{key} should be text in quotes")
        return ""
    return value


def _truth(table: Mapping[str, object], key: str, faults: list[str]) -> bool | None:
    value = table.get(key)
    if value is None or isinstance(value, bool):
        return value
    faults.append(f"{key} should be true or false")
    return None


def _engine(table: Mapping[str, object], known: tuple[str, ...], faults: list[str]) -> str | None:
    value = table.get("engine")
    if value is None:
        return None
    if isinstance(value, str) and value in known:
        return value
    faults.append(f"engine is {_shown(value)}; it should be one of: {', '.join(known)}{_meant(value, known)}")
    return None


def _publish(table: Mapping[str, object], known: tuple[str, ...], faults: list[str]) -> tuple[str, ...] | None:
    value = table.get("publish")
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        faults.append('publish should be a list of names, such as ["folder"], or [] for none')
        return None
    for name in value:
        if name not in known:
            faults.append(f"publish names {_shown(name)}, which is not known here{_meant(name, known)}")
    return tuple(dict.fromkeys(value))


def _picks(table: Mapping[str, object], faces: tuple[str, ...], faults: list[str]) -> dict[str, str | int]:
    value = table.get("faces", _EMPTY)
    if not isinstance(value, Mapping):
        faults.append('faces should be tables, such as [faces."bob.mp4"]')
        return {}
    picks: dict[str, str | int] = {}
    for face, wishes in value.items():
        if face not in faces:
            faults.append(f"faces names {_shown(face)}, which is not a face in this folder{_meant(face, faces)}")
        if not isinstance(wishes, Mapping):
            faults.append(f"faces.{_shown(face)} should be a table with pick in it")
            continue
        faults += [
            f"faces.{_shown(face)}.{_shown(key)} is not known{_meant(key, ('pick',))}"
            for key in wishes
            if key != "pick"
        ]
        pick = wishes.get("pick", "largest")
        if pick in _PICKS or (isinstance(pick, int) and not isinstance(pick, bool) and pick >= 0):
            picks[face] = pick
        else:
            text = "should be largest, left, right or a number counting from the left, from 0"
            faults.append(f"faces.{_shown(face)}.pick {text}")
    return picks


def _shown(value: object) -> str:
    text = shown(value if isinstance(value, str) else repr(value))
    return f'"{text[:80]}…"' if len(text) > 80 else f'"{text}"'


def _meant(value: object, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(value)[:200], list(known), n=1, cutoff=0.6)
    return f" (did you mean {shown(near[0])}?)" if near else ""
