"""Progression: a bar on a terminal, a line now and then elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console as Terminal
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from daemon.name import shown
from lipsync import Progress as Step
from lipsync import Report

EVERY = 10.0
"""Seconds between two lines about one take."""


class Progression:
    """Says how far a run of several takes is."""

    def __init__(self, takes: int) -> None:
        self._takes = takes
        self._begun = 0
        self._terminal = Terminal(stderr=True, highlight=False, soft_wrap=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._terminal,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> Progression:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def note(self, text: str) -> None:
        """Say a sentence above the bars."""
        if self._bars.disable:
            sys.stderr.write(f"{shown(text)}\n")
        else:
            self._terminal.print(escape(shown(text)))

    @contextmanager
    def take(self, face: str) -> Iterator[Report]:
        """Give what a take's progress is to be reported to."""
        self._begun += 1
        title = f"{self._begun}/{self._takes} {shown(face)}"
        begin = time.monotonic()
        if self._bars.disable:
            self.note(f"{title}: begun")
            yield _Lines(self, title)
            self.note(f"{title}: ended after {time.monotonic() - begin:.1f} s")
            return
        bar = self._bars.add_task(escape(title), total=1.0)
        yield lambda step: self._bars.update(bar, completed=step.share)


class _Lines:
    """Says how far a take is, every few seconds."""

    def __init__(self, progression: Progression, title: str) -> None:
        self._progression = progression
        self._title = title
        self._said = time.monotonic()

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        if now - self._said >= EVERY:
            self._said = now
            self._progression.note(f"{self._title}: {step.share:.0%}")
