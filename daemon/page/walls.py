"""Walls: the page's process gives up what it does not need: it writes below the root and in the state folder alone."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from structlog.typing import FilteringBoundLogger

import daemon
from daemon import landlock
from daemon.landlock import DEVICE, READ, SCRATCH, Rule
from daemon.settings import Settings

_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/opt",
    "/proc",
    "/sys",
    "/run",
    "/nix",
    "/snap",
)
_RENAMES = 2
"""Version of Landlock from which on files may be renamed from one folder into another."""


def confine(settings: Settings, log: FilteringBoundLogger) -> None:
    """Give up all files but those of the system, to read, and our own, to write; for this process and its children.

    Must come before any thread is started. Where the kernel cannot do it, the page does without.
    """
    if not settings.render.confined or landlock.version() < _RENAMES:
        return
    paths = settings.paths
    paths.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    homes = {Path(sys.prefix), Path(sys.base_prefix), Path(daemon.__file__).parents[1], settings.weights}
    kept = str(settings.publisher("folder").get("path") or "")  # read, where somebody asks whether all of it is there
    homes |= {Path(place) for place in sys.path if place}
    homes |= {Path(place).expanduser() for place in (settings.page.password_file, _credentials(), kept) if place}
    rules = [Rule(path.resolve(), READ) for path in (*map(Path, _SYSTEM), *homes)]
    rules += [Rule(path.resolve(), SCRATCH) for path in (paths.root, paths.state, Path(tempfile.gettempdir()))]
    rules += [Rule(Path("/dev"), DEVICE)]
    try:
        landlock.restrict(rules, alone=False)
    except OSError as error:
        log.warning("the page is not confined", reason=error.strerror)


def _credentials() -> str:
    return os.environ.get("CREDENTIALS_DIRECTORY", "")
