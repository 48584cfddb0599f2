"""Engines and trackers, found by entry point: one that is unknown or broken is named, the others go on."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from lipsync.errors import EngineError

BROKEN = (ImportError, AttributeError, NameError, SyntaxError, TypeError, ValueError, OSError, RuntimeError)
"""What importing somebody else's module can end in."""


def names(group: str) -> list[str]:
    """Give the names of everything installed in an entry point group, sorted, without importing any of it."""
    return sorted({point.name for point in entry_points(group=group)})


def find(group: str, name: str) -> Any:
    """Import what an entry point stands for.

    Args:
        group: "lipsyncd.engines" or "lipsyncd.trackers".
        name: The entry point in it.

    Returns:
        The object it names: a class or a function, to be called by someone who knows its signature.

    Raises:
        EngineError: Nothing has that name (the known ones are listed), or its module cannot be imported.
    """
    kind = group.rpartition(".")[2].removesuffix("s")
    point = _point(group, name)
    if point is None:
        known = ", ".join(names(group)) or "none"
        raise EngineError(f"there is no {kind} called {name!r}", f"Installed: {known}.")
    try:
        return point.load()
    except BROKEN as error:
        hint = f"Mend or remove the package that brings {point.value}."
        raise EngineError(
            f"the {kind} {name!r} is broken ({type(error).__name__}: {first_line(error)})", hint
        ) from error


def _point(group: str, name: str) -> EntryPoint | None:
    return next(iter(entry_points(group=group, name=name)), None)


def first_line(error: BaseException) -> str:
    """Give the beginning of what a library said: some say a page, and a person reads a line."""
    return str(error).strip().partition("\n")[0][:200]
