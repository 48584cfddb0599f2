"""Watch: waking up when something may have changed. Events only wake; the listing is the truth.

Where the kernel sees all changes we let it tell us; on shares it does not, and where its watches are used up it
cannot. There the interval alone wakes us.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from structlog.typing import FilteringBoundLogger
from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from daemon.inotify import lacking
from daemon.mount import Mount, mount_of

_CHANGES: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
"""Not the opening and reading of files: our own looking around would wake us for ever."""
_LULL, _LONGEST_LULL = 0.1, 0.5
"""Seconds that events are given to pass before they wake us; longer while they come as a storm."""
_GROUND_EVERY = 5.0
"""Seconds between two looks at the file system we are on: a share may be mounted, and gone again, at any time."""
_TRIAL_EVERY = 60.0
"""Seconds between two trials whether the kernel still has events for us, or has some again."""
_WORN = 200
"""Folders that may leave the inbox before we begin to listen anew: the kernel goes on watching each, wherever it is."""

Mode = Literal["auto", "events", "poll"]


class Alarm(FileSystemEventHandler):
    """Wakes on any event.

    Attributes:
        left: Folders that were moved away or removed.
    """

    def __init__(self) -> None:
        self.rung = threading.Event()
        self.left = 0

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Wake up, whatever it was."""
        self.left += isinstance(event, DirDeletedEvent | DirMovedEvent)
        self.rung.set()


@dataclass(frozen=True)
class _Ground:
    """What a folder lies on: another mount, or another folder of the same name, is another ground."""

    mount: Mount
    folder: tuple[int, int] | None
    """Device and inode, or None while the folder is not there."""


class Watch:
    """Wakes when a folder has changed, where the kernel can tell, and after a time anyway."""

    def __init__(
        self,
        folder: Path,
        mode: Mode,
        log: FilteringBoundLogger,
        *,
        beside: Path | None = None,
        observer: Callable[[], BaseObserver] = Observer,
        trial: Callable[[Path], str] = lacking,
        where: Callable[[Path], Mount] = mount_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start watching.

        Args:
            folder: The inbox, watched with all that is in it.
            beside: Another folder, of which only the names in it count: working/, where `retry` puts jobs.
            mode: "events", "poll", or "auto": by the file system the folder is on.
            log: Told what was chosen and why.
            observer: Makes the watcher of events.
            trial: Tries to watch one more folder, and gives the reason where that is not possible.
            where: Tells which mount a folder lies on.
            clock: Monotonic seconds.
        """
        self._folder, self._beside, self._wanted = folder, beside, mode
        self._log, self._make, self._trial, self._where, self._clock = log, observer, trial, where, clock
        self._alarm = Alarm()
        self._hurried = threading.Event()
        self._observer: BaseObserver | None = None
        self._said: tuple[str, ...] = ()
        self._lull = _LULL
        self._woken = -math.inf
        self._ground = self._look()
        self._looked = self._tried = clock()
        self._choose()

    @property
    def mode(self) -> Literal["events", "poll"]:
        """What wakes us now, besides time."""
        return "events" if self._observer else "poll"

    def wait(self, seconds: float) -> bool:
        """Wait for a change, but no longer than this; say whether one came."""
        if self._reconsider():
            return True
        woken = self._alarm.rung.wait(seconds)
        if woken:
            storm = self._clock() - self._woken < 2 * _LONGEST_LULL
            self._lull = min(2 * self._lull, _LONGEST_LULL) if storm else _LULL
            self._hurried.wait(min(self._lull, seconds))
            self._hurried.clear()
            self._alarm.rung.clear()
            self._woken = self._clock()
        return woken

    def wake(self) -> None:
        """Wake who waits, at once; from any thread."""
        self._hurried.set()
        self._alarm.rung.set()

    def close(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            # an event that arrives while it stops is no error to it alone, and would be a raw line in our log
            logging.getLogger("watchdog").setLevel(logging.CRITICAL)
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def _reconsider(self) -> bool:
        """Choose anew where the ground has changed, or the kernel has run out of events, or has some again."""
        now = self._clock()
        if now - self._looked < _GROUND_EVERY:
            return False
        self._looked = now
        ground = self._look()
        moved = ground != self._ground
        afresh = moved or (self._observer is not None and self._alarm.left >= _WORN)
        if not afresh and (now - self._tried < _TRIAL_EVERY or not self._eligible(ground)):
            return False
        self._tried = now
        if not afresh and (self._observer is not None) == (not self._trial(self._folder.parent)):
            return False
        self._ground = ground
        self.close()
        self._choose()
        return afresh

    def _look(self) -> _Ground:
        try:
            status = self._folder.stat()
        except OSError:
            return _Ground(self._where(self._folder), None)
        return _Ground(self._where(self._folder), (status.st_dev, status.st_ino))

    def _eligible(self, ground: _Ground) -> bool:
        """Say whether events are wanted there, and can be."""
        there = ground.folder is not None
        return there and (self._wanted == "events" or (self._wanted == "auto" and not ground.mount.remote))

    def _choose(self) -> None:
        """Listen to events where that is possible; else we poll. Either way say so, once."""
        reason = ""
        if self._ground.folder is None:
            reason = "the inbox is not there"
        elif self._eligible(self._ground):
            reason = self._listen()
        said = (self.mode, self._ground.mount.type or "unknown", reason)
        if said == self._said:
            return
        self._said = said
        if reason and self._ground.folder is not None:
            self._log.warning("events are not available, so the inbox is polled", reason=reason)
        self._log.info("watching", mode=said[0], file_system=said[1], **({"reason": reason} if reason else {}))

    def _listen(self) -> str:
        """Start to listen to events; give the reason where that is not possible, or ""."""
        if reason := self._trial(self._folder.parent):
            return reason
        self._alarm.left = 0
        watcher = self._make()
        try:
            watcher.schedule(self._alarm, str(self._folder), recursive=True, event_filter=_CHANGES)
            if self._beside is not None and self._beside.is_dir():
                watcher.schedule(self._alarm, str(self._beside), recursive=False, event_filter=_CHANGES)
            watcher.start()
        except OSError as error:
            return error.strerror or str(error)
        self._observer = watcher
        if reason := self._trial(self._folder.parent):  # then the folders in it have not got one each, either
            self.close()
        return reason
