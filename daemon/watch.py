"""Watch: waking up when something may have changed. Events only wake; the listing is the truth.

Where the kernel sees all changes we let it tell us; on shares it does not, and where its watches are used up it
cannot. There the interval alone wakes us.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
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

from daemon.mount import mount_of

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
_LULL = 0.1
"""Seconds that a storm of events is given to pass before it wakes us."""

Mode = Literal["auto", "events", "poll"]


class Alarm(FileSystemEventHandler):
    """Wakes on any event."""

    def __init__(self) -> None:
        self.rung = threading.Event()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Wake up, whatever it was."""
        self.rung.set()


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
    ) -> None:
        """Start watching.

        Args:
            folder: The inbox, watched with all that is in it.
            beside: Another folder, of which only the names in it count: working/, where `retry` puts jobs.
            mode: "events", "poll", or "auto": by the file system the folder is on.
            log: Told what was chosen and why.
            observer: Makes the watcher of events.
        """
        self._alarm = Alarm()
        self._hurried = threading.Event()
        self._observer: BaseObserver | None = None
        mount = mount_of(folder)
        if mode == "events" or (mode == "auto" and not mount.remote):
            self._observer = self._listening(folder, beside, log, observer)
        self.mode = "events" if self._observer else "poll"
        log.info("watching", mode=self.mode, file_system=mount.type or "unknown")

    def wait(self, seconds: float) -> bool:
        """Wait for a change, but no longer than this; say whether one came."""
        woken = self._alarm.rung.wait(seconds)
        if woken:
            if not self._hurried.is_set():
                time.sleep(min(_LULL, seconds))
            self._hurried.clear()
            self._alarm.rung.clear()
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

    def _listening(
        self, folder: Path, beside: Path | None, log: FilteringBoundLogger, observer: Callable[[], BaseObserver]
    ) -> BaseObserver | None:
        """Start listening to events, or give None where that is not possible: then we poll."""
        watcher = observer()
        try:
            watcher.schedule(self._alarm, str(folder), recursive=True, event_filter=_CHANGES)
            if beside is not None:
                watcher.schedule(self._alarm, str(beside), recursive=False, event_filter=_CHANGES)
            watcher.start()
        except OSError as error:
            # ENOSPC: all inotify watches of the machine are used up (fs.inotify.max_user_watches)
            log.warning("events are not available, so the inbox is polled", reason=error.strerror)
            return None
        return watcher
