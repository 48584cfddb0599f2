"""Publishers by name: entry points of the group ``lipsyncd.publishers``.

An entry point names a class with ``from_settings(settings, state)``. Only the one that is asked for is loaded, so
a broken plug-in harms nobody else; asked for, it is an error that names it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol, cast

from publishers.base import Announcer, Publisher
from publishers.errors import PublisherError

GROUP = "lipsyncd.publishers"

_BROKEN = (
    ImportError,
    AttributeError,
    NameError,
    SyntaxError,
    TypeError,
    ValueError,
    LookupError,
    OSError,
    RuntimeError,
)
"""What a module that is not sound raises when it is imported."""


class Factory(Protocol):
    """What an entry point leads to."""

    def from_settings(self, settings: Mapping[str, object], state: Path) -> Publisher | Announcer:
        """Return a publisher that is ready, or raise ``PublisherError`` with what to mend in the settings.

        ``state`` is a directory of the service's own files that outlives jobs; all publishers share it.
        """
        ...


def names() -> list[str]:
    """Return the names of all publishers that are installed, sound or not."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def broken(which: Collection[str]) -> dict[str, str]:
    """Load the publishers of these names and return those that cannot be, with what is wrong; nothing is contacted."""
    faults = {}
    for point in (point for point in entry_points(group=GROUP) if point.name in which):
        try:
            _load(point)
        except PublisherError as error:
            faults[point.name] = error.message
    return faults


def build(name: str, settings: Mapping[str, object], state: Path) -> Publisher | Announcer:
    """Return the publisher of that name, set up.

    Args:
        name: One of ``names()``.
        settings: What its own section of the configuration says, by key.
        state: Directory of the service's own files; the ledger is in it.

    Raises:
        PublisherError: It is unknown, broken, or the settings are not right.
    """
    found = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        raise PublisherError(f"there is no publisher {name!r}", f"Installed are: {', '.join(names()) or 'none'}.")
    return _load(found[0]).from_settings(settings, state)


def _load(point: EntryPoint) -> Factory:
    try:
        factory = point.load()
    except _BROKEN as error:
        raise _fault(point, f"{type(error).__name__}: {error}") from error
    if not callable(getattr(factory, "from_settings", None)):
        raise _fault(point, "it has no from_settings")
    return cast("Factory", factory)


def _fault(point: EntryPoint, what: str) -> PublisherError:
    source = point.dist.name if point.dist else point.value
    return PublisherError(
        f"the publisher {point.name!r} is broken ({what})", f"Reinstall {source}, or take it out of publish.to."
    )
