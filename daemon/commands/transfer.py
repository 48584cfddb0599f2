"""Transfer: how far a file has come; a bar on a terminal, a line now and then elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console as Terminal
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from daemon.name import shown
from daemon.room import size

EVERY = 10.0
"""Seconds between two lines."""


class Transfer:
    """Says how far one file is."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._terminal = Terminal(stderr=True, highlight=False, soft_wrap=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._terminal,
            disable=not sys.stderr.isatty(),
        )
        self._bar = self._bars.add_task(escape(shown(title)), total=None)
        self._said = time.monotonic()
        self.here = 0
        self.total = 0

    def __enter__(self) -> Transfer:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    @property
    def share(self) -> str:
        """How far it is, for people."""
        return f"{self.here / self.total:.0%}" if self.total else size(self.here)

    def step(self, here: int, total: int) -> None:
        """Take note of how far it is."""
        self.here, self.total = here, total
        if not self._bars.disable:
            self._bars.update(self._bar, completed=here, total=total or None)
            return
        now = time.monotonic()
        if now - self._said >= EVERY:
            self._said = now
            self.note(f"{self._title}: {self.share} of {size(total)}" if total else f"{self._title}: {self.share}")

    def note(self, text: str) -> None:
        """Say a sentence above the bar."""
        if self._bars.disable:
            sys.stderr.write(f"{shown(text)}\n")
        else:
            self._terminal.print(escape(shown(text)))
