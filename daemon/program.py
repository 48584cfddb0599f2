"""Program: whether what the engine "command" runs is there and can be run, for ``lipsyncd doctor``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from daemon.cage import PROGRAMS, cage_of
from daemon.config import Settings
from daemon.confinement import sees
from daemon.doctor import Check

_NAME = "external program"


def program(settings: Settings) -> Iterator[Check]:
    """Look at the program, if one is configured; it is not run."""
    argv = settings.render.command.argv
    if not argv:
        return
    bad: Literal["fail", "warn"] = "fail" if settings.render.engine == PROGRAMS else "warn"
    found = shutil.which(argv[0])
    inside = settings.render.confined and settings.render.command.confined
    if found is None:
        yield Check(_NAME, bad, f"there is no program {argv[0]!r} that can be run", "Install it, or mend its path.")
    elif inside and (hidden := _hidden(settings, [found, *argv[1:]])):
        advice = "Name the folder of its installation in render.readable, or set render.command.confined to false."
        yield Check(_NAME, bad, f"{hidden[0]} cannot be seen from behind the walls", advice)
    else:
        yield Check(_NAME, "ok", f"{found}, {'behind' if inside else 'outside'} the walls")


def _hidden(settings: Settings, words: list[str]) -> list[str]:
    """Give those of the arguments that are files or folders which the walls hide."""
    cage = cage_of(settings, PROGRAMS)
    paths = [word for word in words if word.startswith("/") and Path(word).exists()]
    return [path for path in paths if not (sees(cage, Path(path)) and sees(cage, Path(path).resolve()))]
