"""Cage: how the render process is to be confined, as the settings say; it goes to the process as one word."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.settings import Settings

PROGRAMS = "command"
"""The engine that runs external programs."""


@dataclass(frozen=True)
class Cage:
    """How the render process is confined.

    Attributes:
        working: The folder of all jobs in hand; "" for none, which leaves files alone.
        closed: Folders that must stay out of reach, whatever else is said: the service's own files.
        readable: Further files and folders that may be read: fonts, weights of other engines.
        memory_bytes: Memory beyond what the warm engine takes; 0 for any.
        output_bytes: Largest file that may be written; 0 for any.
        gpu: An NVIDIA GPU may be used.
        shut: Files and network are closed off; False leaves only the limits.
        scratch: The folder for temporary files of an external program; "" where none is run.
        outside: The external program, where it is run outside the walls; it stands inside otherwise.
    """

    working: str = ""
    closed: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    memory_bytes: int = 0
    output_bytes: int = 0
    gpu: bool = False
    shut: bool = False
    scratch: str = ""
    outside: tuple[str, ...] = ()

    def word(self) -> str:
        """Give it as one word of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, word: str) -> Cage:
        """Read the word again.

        Raises:
            ValueError: It is none of ours.
        """
        data = json.loads(word)
        return cls(**data | {name: tuple(data[name]) for name in ("closed", "readable", "outside")})


def cage_of(settings: Settings, engine: str = "") -> Cage:
    """Give the cage that the settings ask for.

    Args:
        settings: All of them.
        engine: Whose; the one that runs external programs has one of its own, and all others share one.
    """
    render, limits, paths = settings.render, settings.limits, settings.paths
    font = [str(settings.label.font)] if settings.label.font else []
    readable = [Path(place).expanduser().resolve() for place in (*font, str(settings.weights), *render.readable)]
    return Cage(
        working=str((paths.root / "working").resolve()),
        closed=(str(paths.root.resolve()), str(paths.state.resolve())),
        readable=tuple(map(str, readable)),
        memory_bytes=limits.memory_bytes,
        output_bytes=limits.output_bytes,
        gpu=render.device != "cpu" and Path("/dev/nvidiactl").exists(),
        shut=render.confined,
        scratch=str((paths.state / "scratch").resolve()) if engine == PROGRAMS else "",
        outside=render.command.argv if engine == PROGRAMS and not render.command.confined else (),
    )
