"""Live: what is in hand at this moment, as a small file in the state folder for other processes: ``live.json``.

The daemon writes it, once a second at most; whoever reads it need ask nobody, and can hold nobody up. It says nothing
that is not in the folders, too, or is not over a second later: it may be lost.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.plain import read_plain
from daemon.vitals import born

FILE_NAME = "live.json"
_LARGEST = 8 * 1024 * 1024
_LATE = 15.0
"""Seconds after which a daemon that lives should have said something again."""


@dataclass(frozen=True)
class Device:
    """What the renderer draws with.

    Attributes:
        name: "cpu", or "cuda" where the renderer has said that it uses a GPU; "" before it has said anything.
        held: Bytes of the GPU's memory that the renderer holds; 0 without one, like the others.
        free: Bytes that nobody holds.
        total: All there are.
    """

    name: str = ""
    held: int = 0
    free: int = 0
    total: int = 0


@dataclass(frozen=True)
class Memory:
    """Resident bytes of the daemon and of all its render processes together."""

    daemon: int = 0
    renderer: int = 0


@dataclass(frozen=True)
class AtWork:
    """A take that is being made.

    Attributes:
        job: Its job's id.
        folder: The name of the job's folder in working/.
        take: What the video will be called, without ".mp4".
        number: Which of the job's takes it is, from 1.
        of: How many the job has.
        stage: "look" or "draw"; "" before the first word of the renderer.
        share: How far it is, 0-1.
        left_s: Seconds that the take still needs; None while nobody can know.
        preview: A JPEG of the frame being written, relative to the root; "" where there is none (yet).
        preview_at: When that was drawn, seconds since 1970: another picture has another time.
        job_left_s: Seconds that all takes of the job still need, if no other job comes in between; None likewise.
    """

    job: str
    folder: str
    take: str
    number: int
    of: int
    stage: str = ""
    share: float = 0.0
    left_s: float | None = None
    preview: str = ""
    preview_at: float = 0.0
    job_left_s: float | None = None


@dataclass(frozen=True)
class Queued:
    """A folder in hand, or one in the inbox that is ready to be taken.

    Attributes:
        place: "working" or "inbox".
        folder: Its name there.
        job: The job's id; "" in the inbox.
        position: 1 is begun next, or is being made; 0 where it does not wait for the renderer.
        waiting: Videos that are still to be made.
        state: Of the job, such as "QUEUED"; "" in the inbox.
        status: The line of its STATUS.txt.
        priority: "high", "normal" or "low".
        title: What the drop calls itself; "" where it does not.
    """

    place: str
    folder: str
    job: str = ""
    position: int = 0
    waiting: int = 0
    state: str = ""
    status: str = ""
    priority: str = "normal"
    title: str = ""


@dataclass(frozen=True)
class Arriving:
    """A folder, or a file, in the inbox that is not ready, and why."""

    folder: str
    reason: str


@dataclass(frozen=True)
class Live:
    """What is in hand. All text is valid text: bytes of a name that are none are shown as U+FFFD; act by job ids.

    Attributes:
        at: When this was said, seconds since 1970.
        pid: The daemon.
        born: Its start, in the kernel's ticks since boot: another process may have its number by now.
        space: The kernel's name of the set of process ids that ``pid`` is one of; another container has another.
        paused: Somebody asked that no take be begun.
        opens: When takes may be begun again by render.hours, such as "22:00"; "" where that is not what is waited for.
        summary: What is going on, in a few words.
        trouble: Why nothing is done; "" where all is well.
        device: What the renderer draws with.
        memory: What the processes hold.
        takes: The takes that are being made.
        queue: Jobs in hand and drops that are ready: those at work, then those that wait for the renderer in the order
            in which they come, then all others.
        arriving: What in the inbox is not ready.
        unlisted: How many more there are of the last two, that are not named here.
    """

    at: float
    pid: int
    born: int = 0
    space: str = ""
    paused: bool = False
    opens: str = ""
    summary: str = ""
    trouble: str = ""
    device: Device = Device()
    memory: Memory = Memory()
    takes: tuple[AtWork, ...] = ()
    queue: tuple[Queued, ...] = ()
    arriving: tuple[Arriving, ...] = ()
    unlisted: int = 0

    @property
    def late(self) -> bool:
        """Whether a take is being made and yet nothing was said for a while: a disk does not answer, or it hangs.

        While there is nothing to do nothing is written either, so that disks may sleep.
        """
        return bool(self.takes) and not -_LATE < time.time() - self.at < _LATE


def read(state: Path) -> Live | None:
    """Give what the daemon said last; None where none runs, or none says anything.

    Args:
        state: The folder of the service's own files.
    """
    try:
        said = read_plain(state / FILE_NAME, _LARGEST)
        live = _live(json.loads(said))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # none, or of another version
        return None
    return live if _lives(live) else None


def _live(data: dict[str, Any]) -> Live:
    parts = {
        "device": Device(**data["device"]),
        "memory": Memory(**data["memory"]),
        "takes": tuple(AtWork(**one) for one in data["takes"]),
        "queue": tuple(Queued(**one) for one in data["queue"]),
        "arriving": tuple(Arriving(**one) for one in data["arriving"]),
    }
    return Live(**{**data, **parts})


def _lives(live: Live) -> bool:
    """Say whether the daemon that said this is there; one in another container cannot be seen, and may be."""
    return live.space != space() or born(live.pid) == live.born


def space() -> str:
    """Give the kernel's name of our set of process ids; "" where it does not say."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
