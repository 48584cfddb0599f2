"""Template: the arguments of an external program, with places in them where paths go. No shell ever reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PLACES = ("face", "audio", "output", "folder")
_MARK = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def faults(argv: Sequence[str]) -> list[str]:
    """Say what is wrong with a template, each in a few words; [] where nothing is."""
    if not argv or not argv[0].strip():
        return ["it names no program"]
    found = list(_faults(argv))
    named = {match[1] for word in argv[1:] for match in _MARK.finditer(word) if match[1]}
    found += [f"{{{name}}} is missing" for name in ("face", "audio") if name not in named]
    if not named & {"output", "folder"}:
        found.append("{output} is missing (or {folder}, for a program that chooses the name itself)")
    return found


def _faults(argv: Sequence[str]) -> Iterator[str]:
    for word in argv:
        if "\0" in word:
            yield "an argument has a NUL in it"
        for match in _MARK.finditer(word):
            if match[0] in ("{", "}"):
                yield f"{word!r} has a single {match[0]!r}; write {match[0] * 2!r} for one that is meant as it is"
            elif match[1] is not None and match[1] not in PLACES:
                known = ", ".join(f"{{{name}}}" for name in PLACES)
                yield f"{match[0]} is not known; there are {known}, and {{{{ for a brace that is meant as it is"
    if "{" in argv[0]:
        yield f"the program itself is {argv[0]!r}; it must be the same for every video"
    elif "/" in argv[0] and not Path(argv[0]).is_absolute():
        yield f"the program is {argv[0]!r}; give its whole path, or its name alone"


def filled(argv: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """Give the arguments with every place filled; the template must be without fault."""

    def put(match: re.Match[str]) -> str:
        return match[0][0] if match[1] is None else places[match[1]]

    return [_MARK.sub(put, word) for word in argv]
