"""Vitals: what a process holds, as the kernel tells; and how much room a folder's disk has."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Vitals:
    """What a process holds.

    Attributes:
        resident: Bytes of memory, with files that are mapped.
        cpu: Seconds of all processors, since its start.
        files: Open files; 0 where that is not for us to see.
        threads: Its own and those of its libraries.
    """

    resident: int
    cpu: float
    files: int
    threads: int


def vitals(pid: int) -> Vitals | None:
    """Look at a process; None for one that is gone."""
    place = Path(f"/proc/{pid}")
    after_name = _stat(place)
    if after_name is None:
        return None
    resident = int(after_name[21]) * os.sysconf("SC_PAGE_SIZE")
    cpu = (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
    return Vitals(resident, cpu, _open_files(place), int(after_name[17]))


def born(pid: int) -> int:
    """Give when a process was started, in the kernel's ticks since boot; 0 for one that is gone or dead."""
    after_name = _stat(Path(f"/proc/{pid}"))
    return 0 if after_name is None or after_name[0] in "ZX" else int(after_name[19])


def together(processes: Sequence[Vitals]) -> Vitals:
    """Add up what several processes hold."""
    sums = ((one.resident, one.cpu, one.files, one.threads) for one in processes)
    resident, cpu, files, threads = (sum(column) for column in zip(*sums, strict=True))
    return Vitals(int(resident), cpu, int(files), int(threads))


def free_bytes(folder: Path) -> int | None:
    """Give the bytes that we may still write where a folder is, or is going to be; None where that cannot be told."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def _stat(place: Path) -> list[str] | None:
    """Give what the kernel says of a process, behind its name; None for one that is gone."""
    try:
        return (place / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split() or None
    except OSError:
        return None


def _open_files(place: Path) -> int:
    try:
        return sum(1 for _ in (place / "fd").iterdir())
    except OSError:  # a render process behind its walls shows them to nobody
        return 0
