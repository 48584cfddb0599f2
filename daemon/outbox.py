"""Outbox: the notices that have not reached everybody yet, in memory and, for the next start, on the disk."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from structlog.typing import FilteringBoundLogger

from daemon import durable
from daemon.notice import Event, Notice
from daemon.plain import read_plain

FOLDER = "notices"
"""In the state folder."""
MOST = 200
"""Notices that are kept; where there are more, the oldest are given up."""
_LARGEST = 256 * 1024


class Outbox:
    """Notices by their names; threads may share it. Nothing that the disk refuses is an error here."""

    def __init__(self, folder: Path, log: FilteringBoundLogger) -> None:
        self._folder = folder
        self._log = log
        self._lock = threading.Lock()
        self._notices: dict[str, Notice] = {}
        self._told = False

    def load(self, working: Path) -> None:
        """Read what an earlier daemon left; what it held back is let go where the job's folder has moved on."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                notice = Notice.read(json.loads(read_plain(path, _LARGEST)))
            except OSError as error:  # it may be readable at the next start
                self._log.warning("a notice cannot be read", file=path.name, reason=error.strerror)
                continue
            except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
                with contextlib.suppress(OSError):
                    path.unlink()
                continue
            if notice.held and not (working / notice.held).exists():
                place = "done" if notice.event is Event.DONE else "failed"
                notice = replace(notice, folder=f"{place}/{notice.held}", held="")
            with self._lock:
                self._notices[notice.id] = notice

    def put(self, notice: Notice) -> None:
        """Keep a notice, in the place of one of its name."""
        with self._lock:
            self._notices[notice.id] = notice
            surplus = sorted(self._notices.values(), key=lambda one: one.at)[: max(0, len(self._notices) - MOST)]
            self._write(notice)
            for one in surplus:
                self._drop(one)
        if surplus:
            self._log.warning("notices given up", count=len(surplus), reason=f"more than {MOST} wait")

    def remove(self, notices: Iterable[Notice]) -> None:
        """Forget notices; one that has become another one meanwhile stays."""
        with self._lock:
            for notice in notices:
                if (now := self._notices.get(notice.id)) is not None and now.at == notice.at:
                    self._drop(notice)

    def put_off(self, before: Notice, after: Notice) -> None:
        """Keep a notice as it is after a try, unless it has become another one meanwhile."""
        with self._lock:
            if self._notices.get(before.id) == before:
                self._notices[after.id] = after
                self._write(after)

    def waiting(self) -> list[Notice]:
        """Give all that can be told, the oldest first."""
        with self._lock:
            return sorted((one for one in self._notices.values() if not one.held), key=lambda one: (one.due, one.at))

    def _write(self, notice: Notice) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.replace(self._path(notice), json.dumps(notice.document()))
        except OSError as error:
            if not self._told:
                self._told = True
                self._log.warning("notices cannot be kept for the next start", reason=error.strerror)

    def _drop(self, notice: Notice) -> None:
        self._notices.pop(notice.id, None)
        with contextlib.suppress(OSError):
            self._path(notice).unlink(missing_ok=True)

    def _path(self, notice: Notice) -> Path:
        return self._folder / f"{quote(notice.id, safe='')[:200]}.json"
