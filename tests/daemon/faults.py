"""Faults of a disk, put between the daemon and the system: what is opened, made, moved or removed may be refused.

A file beside the root says what is refused at this moment; without it everything is as usual. The refusals are those
of the interpreter's audit events, raised before the call is made: nothing of the daemon is replaced.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True)
class Fault:
    """What is refused, and how.

    Attributes:
        event: Of the interpreter: "open", "read" (an open for reading), "os.rename", "os.mkdir", …
        path: A regular expression that the path ends with; of a move, where it goes.
        number: The errno.
        skip: How many such calls are let through first.
        all_small: Nothing small can be written either, as on a disk that is full or read-only.
    """

    event: str
    path: str
    number: int
    skip: int = 0
    all_small: bool = True


class Gate:
    """Refuses while it is shut; the daemon has to be started after it is shut for the first time."""

    def __init__(self, place: Path) -> None:
        self._file = place / "gate"
        self._hits = place / "hits"

    def shut(self, fault: Fault) -> None:
        self._file.write_text(json.dumps(fault.__dict__))

    def open(self) -> None:
        self._file.unlink()

    @property
    def hits(self) -> int:
        """How often something was refused."""
        return self._hits.stat().st_size if self._hits.exists() else 0

    def stand(self) -> None:
        """Stand between this process and the system, from now on and until its end."""
        fault = Fault(**json.loads(self._file.read_text()))
        gate, hits, skipped = self._file, self._hits, 0
        wanted, small = re.compile(f"{fault.path}$"), re.compile(r"/\.room$")

        def look(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal skipped
            name = _called(event, arguments)
            if name is None or not gate.exists():
                return
            kind, path = name
            if fault.all_small and kind == "open" and small.search(path):
                raise OSError(fault.number, os.strerror(fault.number), path)
            if kind != fault.event or not wanted.search(path):
                return
            if skipped < fault.skip:
                skipped += 1
                return
            handle = os.open(hits, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(handle, b".")
            os.close(handle)
            raise OSError(fault.number, os.strerror(fault.number), path)

        sys.addaudithook(look)


def _called(event: str, arguments: tuple[object, ...]) -> tuple[str, str] | None:
    """Give what is done, and with which path."""
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, str | bytes | os.PathLike) and isinstance(flags, int):
            return "open" if flags & _WRITES else "read", os.fsdecode(path)
    elif event in ("os.rename", "os.link") and isinstance(arguments[1], str | bytes | os.PathLike):
        return event, os.fsdecode(arguments[1])
    elif event in ("os.mkdir", "os.scandir", "os.listdir") and isinstance(arguments[0], str | bytes | os.PathLike):
        return event, os.fsdecode(arguments[0])
    return None
