"""Log: one line an event, with the job and the take it belongs to; to standard error and beside the job's results.

Key-value on a terminal and in systemd's journal, JSON otherwise. The lines of a job also go to ``job.log`` in its
folder, wherever that is by then: the file is opened for each line, for a folder that moves must not keep an old file
open.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from daemon.logbook import Logbook, leads_to_journal, priority
from daemon.name import shown
from daemon.ring import Ring, write_whole

FILE_NAME = "job.log"
_HOME = "_home"
"""Key under which a line carries the folder of its job; never printed."""


_WHOSE = ("job", "take")
_NOBODY = "-"
"""Stands for the job and the take where a line is about none; left out for people on a terminal."""
_FIRST = ("timestamp", "level", "event", *_WHOSE)


def _rank(key: str) -> int:
    return _FIRST.index(key) if key in _FIRST else len(_FIRST)


class Scroll:
    """Where lines end up: a stream for all, the ring that the page reads, and the file of the job they belong to."""

    def __init__(self, stream: TextIO, terminal: bool, ring: Ring | None = None) -> None:
        self._stream = stream
        self._ring = ring
        self._logbook = Logbook() if leads_to_journal(stream) else None
        self._json = structlog.processors.JSONRenderer(ensure_ascii=False)
        self._terminal = structlog.dev.ConsoleRenderer(colors=True, sort_keys=False) if terminal else None

    def write(self, **event: object) -> None:
        """Write one event. A full disk or a closed terminal must not stop the work."""
        home = event.pop(_HOME, None)
        event = {key: event[key] for key in sorted(event, key=_rank)}
        if isinstance(home, Path) or self._ring:
            line = f"{self._json(None, '', dict(event))!s}\n".encode("utf-8", "backslashreplace")
            if isinstance(home, Path):
                with contextlib.suppress(OSError):
                    write_whole(home / FILE_NAME, line)
            if self._ring:
                self._ring.append(line)
        if self._logbook and self._logbook.write(event):
            return
        weight = f"<{priority(event)}>" if self._logbook else ""  # the journal takes it off again
        try:
            self._stream.write(f"{weight}{self._line(event)}\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    def _line(self, event: EventDict) -> str:
        if self._terminal is None:
            return str(self._json(None, "", dict(event)))
        said = {key: value for key, value in event.items() if not (key in _WHOSE and value == _NOBODY)}
        return str(self._terminal(None, "", said))

    debug = info = warning = error = critical = write


def open_log(stream: TextIO, level: int = logging.INFO, ring: Ring | None = None) -> FilteringBoundLogger:
    """Give the logger that all others are bound from.

    Args:
        stream: Standard error.
        level: What weighs less is not said.
        ring: Keeps the last lines for the page.
    """
    log: FilteringBoundLogger = structlog.wrap_logger(
        Scroll(stream, stream.isatty(), ring),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _one_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
    )
    return log.bind(job=_NOBODY, take=_NOBODY)


def of_job(log: FilteringBoundLogger, job: str, home: Path) -> FilteringBoundLogger:
    """Give the logger of one job; its lines go to the job's folder too."""
    bound: FilteringBoundLogger = log.bind(job=job, take=_NOBODY, **{_HOME: home})
    return bound


def _one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep names from forging lines: nothing that a person chose can break out of its line."""
    return {key: value if key == "exception" else _shown(value) for key, value in event.items()}


def _shown(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    return shown(value) if isinstance(value, str) else value
