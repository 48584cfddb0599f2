"""Inbox: which dropped folders are complete, by listing them. Events only wake us; the listing is the truth."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.casting import cast
from daemon.ending import short
from daemon.errors import DropError
from daemon.job import JobTake
from daemon.listing import ORDER, Kind, Listing, listing, lying
from daemon.mount import mount_of
from daemon.name import results, shown, valid
from daemon.order import Choices, Order, read_order
from daemon.writer import written

_LACKING_SETTLES = 6
_LACKING_LEAST = 10.0
_UNREAD_HINT = "Save pictures as jpg or png, videos as mp4, audio as wav or mp3."
_EMPTY_FACTOR = 10
"""How much longer than for a missing file we wait for one that is empty or ends too early: its upload may be slow, or
have broken off and go on soon."""
_BUSY = 0.5
"""Seconds at least between two looks whether a file is still open."""


class EmptyFileError(DropError):
    """A file has no content, or none so far."""


@dataclass(frozen=True)
class Drop:
    """The files that belong together, settled, still where the person put them.

    Attributes:
        folder: In the inbox.
        listing: What was in it when it had settled.
        takes: One for each face; empty where the drop is refused.
        order: What its job.toml asks for.
        fault: Why it is refused, or None.
    """

    folder: Path
    listing: Listing
    takes: tuple[JobTake, ...]
    order: Order
    fault: DropError | None = None


@dataclass(frozen=True)
class Look:
    """What one look at the inbox found.

    Attributes:
        drops: Ready to be taken, in order of arrival.
        waiting: Folders that are not ready, with the reason.
        due: Seconds after which something may be ready that is not now; infinite where only a change can help.
    """

    drops: tuple[Drop, ...]
    waiting: tuple[tuple[str, str], ...]
    due: float


@dataclass
class _Seen:
    """A folder in the inbox: what it looks like, since when, and when it arrived.

    Attributes:
        arrived: By our clock, and by the file system's among those that arrived between two looks.
        judged: The drop that it is, once that is known; what comes of it then stays so until something changes.
        open: What to say while a file of it is open for writing somewhere; "" if none was.
    """

    listing: Listing
    since: float
    arrived: tuple[float, int]
    judged: Drop | None = None
    open: str = ""


class Inbox:
    """Looks at the inbox and remembers since when nothing has changed in each folder.

    A clock of our own decides, never the files' times: those are of another machine, or of last year.
    """

    def __init__(
        self,
        folder: Path,
        settle: float,
        choices: Choices,
        *,
        patient: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch a folder by listing.

        Args:
            folder: The inbox.
            settle: Seconds without any change after which a drop counts.
            choices: What a job.toml may choose from.
            patient: Wait for what is lacking; otherwise a settled drop that lacks something is refused at once.
            clock: Monotonic seconds.
        """
        self._folder = folder
        self._settle = settle
        self._choices = choices
        self._patient = patient
        self._patience = max(_LACKING_SETTLES * settle, _LACKING_LEAST) if patient else settle
        self._placeholder = self._patience * (_EMPTY_FACTOR if patient else 1)
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._mount = mount_of(folder)

    def look(self) -> Look:
        """List the inbox once and say what is ready.

        Raises:
            OSError: The inbox itself cannot be listed.
        """
        now = self._clock()
        self._mount = mount_of(self._folder)
        names, waiting = lying(self._folder)
        seen = {name: self._glance(name, now) for name in names}
        self._seen = {name: entry for name, entry in seen.items() if entry is not None}
        waiting += [(name, "it cannot be read") for name, entry in seen.items() if entry is None]
        drops: list[tuple[tuple[float, int], Drop]] = []
        due = math.inf
        for name, entry in self._seen.items():
            found = self._judge(self._folder / name, entry, now)
            if isinstance(found, Drop):
                drops.append((entry.arrived, found))
            else:
                reason, left = found
                waiting.append((name, reason))
                due = min(due, left)
        drops.sort(key=lambda pair: pair[0])
        return Look(tuple(drop for _, drop in drops), tuple(waiting), due)

    def _glance(self, name: str, now: float) -> _Seen | None:
        """List one folder; None where it cannot be listed just now (gone, or not ours to read yet)."""
        before = self._seen.get(name)
        try:
            found = listing(self._folder / name)
        except OSError:
            return None
        if before is None:
            return _Seen(found, now, (now, self._changed(name)))
        return before if before.listing == found else _Seen(found, now, before.arrived)

    def _judge(self, folder: Path, seen: _Seen, now: float) -> Drop | tuple[str, float]:
        """Give the drop if it is ready (or refused), else why it is not and how long that may last."""
        quiet = now - seen.since
        found = seen.listing
        if not found.entries:
            return "it is empty", math.inf
        if found.partial:
            return f"{shown(found.partial[0])} is still being copied", math.inf
        if quiet < self._settle:
            return seen.open or "it is still changing", self._settle - quiet
        drop = seen.judged or self._cast(folder, found, quiet)
        if not isinstance(drop, Drop) or (seen.judged and self._mount.remote):  # opening files there takes its time
            return drop
        if name := in_use(folder, found, self._mount.leases):
            seen.since = now  # we have not seen yet what is written last settle
            seen.open = f"{shown(name)} is still open in another program"
            return seen.open, max(self._settle, _BUSY) if self._patient else math.inf
        seen.judged = drop
        return drop

    def _cast(self, folder: Path, found: Listing, quiet: float) -> Drop | tuple[str, float]:
        """Say what is to be made of a settled folder, or what is still waited for and how long that may last."""
        try:
            drop = Drop(folder, found, *cast_drop(folder, found, self._choices))
        except DropError as fault:
            patience = self._patience_for(fault)
            return (fault.message, patience - quiet) if quiet < patience else Drop(folder, found, (), Order(), fault)
        except OSError as error:
            return f"it cannot be read ({error.strerror})", self._settle
        if quiet < self._placeholder and (name := _cut_off(drop)):
            return f"{shown(name)} is not all there yet", self._placeholder - quiet
        if self._patient and os.access(self._folder, os.W_OK) and not os.access(folder, os.W_OK):
            return "the service may not take it: let its group write into the folder", self._settle
        return drop

    def _changed(self, name: str) -> int:
        """Give the file system's own time of a folder's last change: it only sorts those of one look."""
        try:
            return (self._folder / name).lstat().st_ctime_ns
        except OSError:
            return 0

    def _patience_for(self, fault: DropError) -> float:
        if isinstance(fault, EmptyFileError):
            return self._placeholder
        return self._patience if fault.lacking else self._settle


def in_use(folder: Path, found: Listing, leases: bool) -> str:
    """Give the first file of a folder that somebody still has open for writing, or ""."""
    odd = {path for path, _ in found.odd}
    return written(folder, (entry.path for entry in found.entries if entry.path not in odd), leases)


def _cut_off(drop: Drop) -> str:
    """Give the first photo, video or audio of a drop whose end is missing, or ""."""
    if drop.fault is not None:
        return ""
    names = (*drop.listing.names(Kind.AUDIO), *drop.listing.names(Kind.FACE))
    return next((name for name in names if short(drop.folder / name)), "")


def cast_drop(folder: Path, found: Listing, choices: Choices) -> tuple[tuple[JobTake, ...], Order]:
    """Decide what is to be made of a folder.

    Raises:
        DropError: It is refused.
        OSError: Its job.toml cannot be read just now.
    """
    decided = cast_listing(folder, found, choices)
    _check_readable(folder, (*found.names(Kind.AUDIO), *found.names(Kind.FACE)))
    return decided


def cast_listing(folder: Path, found: Listing, choices: Choices) -> tuple[tuple[JobTake, ...], Order]:
    """Decide what is to be made of a folder by its listing; of its files only job.toml is looked at.

    Raises:
        DropError: It is refused.
        OSError: Its job.toml cannot be read just now.
    """
    if found.finished:
        raise DropError(
            "this is a finished folder of done/, with the dropped files in its inputs/",
            "To make something of them anew, drop a copy of inputs/; or move this folder back to done/",
        )
    if found.odd:
        path, reason = found.odd[0]
        raise DropError(f"{shown(path)} is {reason}", "Put the files themselves into the folder, side by side.")
    _check_filled(found)
    audios, seen = found.names(Kind.AUDIO), found.names(Kind.FACE)
    unread = found.names(Kind.UNREAD)
    if unread and not (audios and seen):
        raise DropError(f"{shown(unread[0])} is of a kind that is not read", _UNREAD_HINT, lacking=True)
    told = audios and seen and ORDER in found.names(Kind.ORDER)
    order = read_order(folder / ORDER, seen, choices) if told else Order()
    faces = tuple(name for name in seen if name not in order.photos)
    if seen and not faces:
        message = f"there is no face in it but {shown(seen[0])}, which only shows who is meant"
        raise DropError(message, "Add a video or a photo that shall speak.", lacking=True)
    pairs = cast(audios, faces)
    stems = results(faces)
    takes = (_take(face, speech, stems[face], order) for face, speech in pairs.items())
    return (*takes, *map(_unread, unread)), order


def _check_filled(found: Listing) -> None:
    for entry in found.entries:
        if not entry.size and entry.kind is not Kind.OTHER:
            raise EmptyFileError(f"{shown(entry.path)} is empty", "Copy it once more.", lacking=True)


def _check_readable(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if not os.access(folder / name, os.R_OK):
            raise DropError(f"{shown(name)} may not be read by the service", "Give everybody the right to read it.")


def _take(face: str, speech: str, stem: str, order: Order) -> JobTake:
    if not valid(speech):
        raise DropError(f"the name of {shown(speech)} is not valid text", "Rename the file.")
    if not valid(face):
        return JobTake(stem, shown(face), "").failed(f"the name of {shown(face)} is not valid text", "Rename the file.")
    return JobTake(stem, face, speech, order.picks.get(face, "largest"), who=order.who_of(face))


def _unread(name: str) -> JobTake:
    return JobTake(shown(name), shown(name), "").failed(f"{shown(name)} is of a kind that is not read", _UNREAD_HINT)
