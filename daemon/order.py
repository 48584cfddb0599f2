"""Order: what a person asks for in a drop's ``job.toml``. Anything in it that we do not know is a fault."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daemon.errors import DropError
from daemon.name import key, shown
from daemon.plain import read_plain
from lipsync import PHOTO_SUFFIXES

LARGEST = 64 * 1024
_MOST_FAULTS = 8
_MOST_FACES = 1000
_CHAIN = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){50}""")
"""Dotted names of many parts: reading one takes time by the square of them."""
_PICKS = ("largest", "left", "right")
PRIORITIES = ("high", "normal", "low")
_KEYS = ("title", "description", "publish", "review", "engine", "priority", "who", "faces")
_WISHES = ("pick", "who")
_EMPTY: Mapping[str, object] = {}


@dataclass(frozen=True)
class Choices:
    """What a job.toml may choose from.

    Attributes:
        engines: Names of the engines that are installed.
        publishers: Names of the publishers that are.
        lacking: What an engine lacks that is installed and cannot be used, by its name.
    """

    engines: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """What a person asks for; None where they leave it to the settings.

    Attributes:
        priority: Whose takes come first: one of PRIORITIES.
        picks: Which face in a file with several, by file name.
        who: File name of a photo of the person who is meant in every file that says nothing else, or "".
        whos: Likewise for one file, by its name.
    """

    title: str = ""
    description: str = ""
    publish: tuple[str, ...] | None = None
    review: bool | None = None
    engine: str | None = None
    priority: str = "normal"
    picks: Mapping[str, str | int] = field(default_factory=dict)
    who: str = ""
    whos: Mapping[str, str] = field(default_factory=dict)

    @property
    def photos(self) -> frozenset[str]:
        """Photos that only show who is meant: they become no videos."""
        return frozenset({self.who, *self.whos.values()} - {""})

    def who_of(self, face: str) -> str:
        """Give the photo that shows who is meant in a file, or ""."""
        return self.whos.get(face) or ("" if face in self.picks else self.who)


def read_order(path: Path, faces: Iterable[str], choices: Choices) -> Order:
    """Read a job.toml.

    Args:
        path: The file.
        faces: Names of the photos and videos in the drop.
        choices: What may be chosen.

    Raises:
        DropError: It is no TOML, or says something we do not know; all faults are named at once. ``lacking`` where
            only a photo is missing that may still come.
    """
    table = _table(path)
    faults: list[str] = []
    missing: list[str] = []
    present = tuple(faces)
    who = _photo(table, "who", present, faults, missing)
    picks, whos = _wishes(table, present, faults, missing)
    order = Order(
        title=_text(table, "title", faults),
        description=_text(table, "description", faults),
        publish=_publish(table, choices.publishers, faults),
        review=_truth(table, "review", faults),
        engine=_engine(table, choices, faults),
        priority=_priority(table, faults),
        picks=picks,
        who=who,
        whos=whos,
    )
    faults += [f"{_shown(key)} is not known{_meant(key, _KEYS)}" for key in table if key not in _KEYS]
    faults += [
        f"faces names {_shown(face)}, which only shows who is meant and becomes no video"
        for face in sorted(order.photos & {*picks, *whos})
    ]
    if faults or missing:
        said = [*faults, *missing]
        more = [f"and {len(said) - _MOST_FAULTS} more"] if len(said) > _MOST_FAULTS else []
        message = f"job.toml: {'; '.join(said[:_MOST_FAULTS] + more)}"
        raise DropError(message, "Mend job.toml, or leave it out: it is not needed.", lacking=not faults)
    return order


def _table(path: Path) -> Mapping[str, object]:
    try:
        data = read_plain(path, LARGEST + 1)
        if len(data) > LARGEST:
            raise DropError("job.toml is too large to be one", "It holds a few lines at most.")
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        if _CHAIN.search(text):
            raise DropError("job.toml has names of more than fifty parts", 'A line looks like: title = "Weekly report"')
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise DropError("job.toml is not UTF-8 text", "Save it as UTF-8.") from error
    except RecursionError as error:
        raise DropError("job.toml is nested too deeply", "It holds a few lines at most.") from error
    except ValueError as error:  # of the syntax, or a number of thousands of digits
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


def _engine(table: Mapping[str, object], choices: Choices, faults: list[str]) -> str | None:
    value, known = table.get("engine"), choices.engines
    if value is None:
        return None
    if isinstance(value, str) and value in choices.lacking:
        faults.append(f"engine is {_shown(value)}, which cannot be used here: {choices.lacking[value]}")
        return None
    if isinstance(value, str) and value in known:
        return value
    faults.append(f"engine is {_shown(value)}; it should be one of: {', '.join(known)}{_meant(value, known)}")
    return None


def _priority(table: Mapping[str, object], faults: list[str]) -> str:
    value = table.get("priority", "normal")
    if isinstance(value, str) and value in PRIORITIES:
        return value
    meant = _meant(value.strip().lower() if isinstance(value, str) else value, PRIORITIES)
    faults.append(f"priority is {_shown(value)}; it should be one of: {', '.join(PRIORITIES)}{meant}")
    return "normal"


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


def _photo(
    table: Mapping[str, object], where: str, faces: tuple[str, ...], faults: list[str], missing: list[str]
) -> str:
    """Give the name, as it is in the folder, of the photo that ``table`` calls who; "" where it calls none."""
    value = table.get("who")
    if value is None:
        return ""
    if not isinstance(value, str) or not value or "/" in value:
        faults.append(f'{where} should be the name of a photo in this folder, such as "who.jpg"')
        return ""
    alike = [face for face in faces if key(face) == key(value)]
    found = value if value in alike else next(iter(alike), "")
    photos = [face for face in faces if is_photo(face)]
    if not is_photo(value):
        faults.append(f"{where} names {_shown(value)}; it should be a photo (jpg, png, webp or bmp)")
    elif not found:
        missing.append(f"{where} names {_shown(value)}, which is not in this folder{_meant(value, photos)}")
    return found


def is_photo(name: str) -> bool:
    """Say whether a dropped face is a photo, by its name."""
    return f".{name.rpartition('.')[2].lower()}" in PHOTO_SUFFIXES


def _wishes(
    table: Mapping[str, object], faces: tuple[str, ...], faults: list[str], missing: list[str]
) -> tuple[dict[str, str | int], dict[str, str]]:
    """Give pick and who by file, where they are said."""
    value = table.get("faces", _EMPTY)
    picks: dict[str, str | int] = {}
    whos: dict[str, str] = {}
    if not isinstance(value, Mapping):
        faults.append('faces should be tables, such as [faces."bob.mp4"]')
        return picks, whos
    for face, wishes in value.items():
        where = f"faces.{_shown(face)}"
        if face not in faces:
            faults.append(f"faces names {_shown(face)}, which is not a face in this folder{_meant(face, faces)}")
        if not isinstance(wishes, Mapping):
            faults.append(f"{where} should be a table with pick or who in it")
            continue
        faults += [f"{where}.{_shown(key)} is not known{_meant(key, _WISHES)}" for key in wishes if key not in _WISHES]
        if all(wish in wishes for wish in _WISHES):
            faults.append(f"{where} says both pick and who; one of them is enough")
        if photo := _photo(wishes, f"{where}.who", faces, faults, missing):
            whos[face] = photo
        if "pick" in wishes:
            picks[face] = _pick(wishes["pick"], f"{where}.pick", faults)
    return picks, whos


def _pick(pick: object, where: str, faults: list[str]) -> str | int:
    if isinstance(pick, str) and pick in _PICKS:
        return pick
    if isinstance(pick, int) and not isinstance(pick, bool) and 0 <= pick < _MOST_FACES:
        return pick
    faults.append(f"{where} should be largest, left, right or a number counting from the left, from 0")
    return "largest"


def _shown(value: object) -> str:
    text = shown(value[:200] if isinstance(value, str) else repr(value)[:200])
    return f'"{text[:80]}…"' if len(text) > 80 else f'"{text}"'


def _meant(value: object, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(value)[:200], list(known), n=1, cutoff=0.6)
    return f" (did you mean {shown(near[0])}?)" if near else ""
