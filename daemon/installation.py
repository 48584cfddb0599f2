"""Installation: what has to be where so that systemd runs lipsyncd, as plain texts and paths; nothing is done here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import daemon

UNIT = "lipsyncd.service"
UNITS = Path("/etc/systemd/system")
DROP_INS = UNITS / f"{UNIT}.d"
OURS = DROP_INS / "10-install.conf"
STATE = Path("/var/lib/lipsyncd")
DEFAULT_ROOT = Path("/srv/lipsyncd")
DEFAULT_USER = "lipsyncd"
EXTRAS = ("gpu", "metrics", "notify", "page", "publish")
"""Drop-ins that one may ask for by name."""
_HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user")))
"""What ``ProtectHome=`` hides."""


@dataclass(frozen=True)
class Installation:
    """One service on this machine.

    Attributes:
        user: Who it runs as.
        root: The folder with inbox/ and done/.
        writes: What else it must be able to write: a folder for publishing, a state of one's own.
        prefix: Of the virtual environment that it runs from.
        reads: Where its program is: the environment, the Python below it, the source.
    """

    user: str
    root: Path
    writes: tuple[Path, ...] = ()
    prefix: Path = Path(sys.prefix)
    reads: tuple[Path, ...] = (Path(sys.prefix), Path(sys.base_prefix), Path(daemon.__file__).parents[1])

    def drop_in(self) -> str:
        """Give what differs on this machine from the unit as shipped."""
        lines = [
            "# Written by `lipsyncd install-service`, anew each time. For your own changes: `systemctl edit lipsyncd`.",
            "[Service]",
            f"User={self.user}",
            "Group=",
            f"Environment={_word(f'PATH={self.prefix}/bin:/usr/local/bin:/usr/bin:/bin')}",
            *self._places(),
        ]
        return "\n".join(lines) + "\n"

    def config(self) -> str:
        """Give the configuration of a new service: where the folders are, the rest at its defaults."""
        root = str(self.root).replace("\\", "\\\\").replace('"', '\\"')
        return (
            "# Every setting is explained in the config.toml beside lipsyncd's source; this is all that must be said.\n"
            f'[paths]\nroot = "{root}"\n'
        )

    @property
    def at_home(self) -> bool:
        """Whether its program is in somebody's home, which the service does not see but for this."""
        return any(map(_hidden, self.reads))

    def _places(self) -> Iterator[str]:
        writes = (self.root, *self.writes)
        if any(map(_hidden, (*writes, *self.reads))):
            yield "ProtectHome=tmpfs"
        for path in dict.fromkeys(writes):
            # "-": a folder that is not there is the daemon's to complain of, in words for people
            yield f"{'BindPaths' if _hidden(path) else 'ReadWritePaths'}={_word(f'-{path}')}"
        for path in dict.fromkeys(filter(_hidden, self.reads)):
            yield f"BindReadOnlyPaths={_word(f'{path}')}"


def shipped() -> Path | None:
    """Give the folder of the unit and its drop-ins as they came with the program; None where it came without."""
    places = (Path(daemon.__file__).parents[1] / "systemd", Path(sys.prefix) / "share" / "lipsyncd" / "systemd")
    return next((place for place in places if (place / UNIT).is_file()), None)


def _hidden(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in _HIDDEN)


def _word(text: str) -> str:
    """Give one word as systemd reads it: no specifier, no end at a blank."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
