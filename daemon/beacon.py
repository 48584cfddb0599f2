"""Beacon: writes ``live.json`` while the main loop turns, in its thread; what cannot be written holds nobody up."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.job import TakeState
from daemon.live import FILE_NAME, Arriving, AtWork, Device, Live, Memory, Queued, space
from daemon.plain import put_plain
from daemon.status import after
from daemon.vitals import born, vitals

if TYPE_CHECKING:
    from daemon.crew import Crew
    from daemon.desk import Desk
    from daemon.inbox import Drop
    from daemon.message import Gpu
    from daemon.work import Work

_EVERY = 1.0
_MOST = 200
"""Folders that are named at most."""
_NO_TEXT = re.compile(r"[\ud800-\udfff]")
_BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_PREVIEW = ".part.preview.jpg"
"""How the names of small pictures end that the renderer leaves beside a video while it is written."""


class Beacon:
    """Says what is in hand, once a second at most, and only if that has changed."""

    def __init__(self, state: Path, desk: Desk, crew: Crew, clock: Callable[[], float] = time.monotonic) -> None:
        """Say nothing yet.

        Args:
            state: The folder of the service's own files.
            desk: What is in hand.
            crew: The render processes.
            clock: Monotonic seconds.
        """
        self._path = state / FILE_NAME
        self._beside = state / f".{FILE_NAME}.part"
        self._desk = desk
        self._crew = crew
        self._clock = clock
        self._looked = float("-inf")
        self._said: Live | None = None
        self._me = Live(0.0, os.getpid(), born(os.getpid()), space())

    def turn(self) -> None:
        """Write, if the last look is old enough and something has changed since. Call it as often as you like."""
        now = self._clock()
        if now - self._looked < _EVERY:
            return
        self._looked = now
        try:
            with contextlib.suppress(OSError):  # a full disk, for instance; it is tried again
                self._say(self._look())
        except _BUGS:  # whoever only looks on must not end the work
            self._desk.log.exception("a bug in lipsyncd; please report it: nothing is told to the page any more")
            self._looked = float("inf")

    def _say(self, live: Live) -> None:
        """Write, if there is something new.

        Raises:
            OSError: It cannot be written.
        """
        if not live.takes and self._said is not None:
            live = replace(live, memory=self._said.memory)  # it breathes; nobody is to be woken for that
        if live == self._said:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        put_plain(self._path, self._beside, json.dumps(replace(live, at=time.time()), default=vars).encode())
        self._said = live if not live.takes else None  # an estimate goes on, even where nothing else does

    def close(self) -> None:
        """Say no more: nothing is in hand."""
        self._looked = float("inf")
        for path in (self._beside, self._path):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _look(self) -> Live:
        desk, crew = self._desk, self._crew
        queue, more = _queue(desk)
        waiting = desk.arrivals.waiting
        root = desk.journal.root
        return replace(
            self._me,
            paused=desk.schedule.paused,
            opens=desk.schedule.opens,
            summary=_text(desk.summary),
            trouble=_text(desk.footing.trouble),
            device=_device(crew.gpu, running=any(crew.pids)),
            memory=Memory(_resident([os.getpid()]), _resident(crew.pids)),
            takes=tuple(one for work in desk.works.values() for one in _at_work(work, root)),
            queue=tuple(queue),
            arriving=tuple(Arriving(_text(name), _text(reason)) for name, reason in waiting[:_MOST]),
            unlisted=more + max(0, len(waiting) - _MOST),
        )


def _queue(desk: Desk) -> tuple[list[Queued], int]:
    """Give all that is there: what is at work, what waits in line, what waits for something else; and how many more."""
    drops = {drop.folder: drop for drop in desk.arrivals.drops() if drop.fault is None}
    at_work = (home for home, work in desk.works.items() if work.making)
    in_line = (folder for folder in desk.schedule.waiting if folder in desk.works or folder in drops)
    line = dict.fromkeys((*at_work, *in_line, *drops))
    places = {folder: position for position, folder in enumerate(line, start=1)}
    everything = [*line, *(home for home in desk.works if home not in places)]
    named = [
        _dropped(drops[folder], places[folder])
        if folder in drops
        else _in_hand(desk.works[folder], places.get(folder, 0))
        for folder in everything[:_MOST]
    ]
    return named, len(everything) - len(named)


def _in_hand(work: Work, position: int) -> Queued:
    job = work.job
    return Queued(
        "working",
        _text(work.home.name),
        job.id,
        position if job.to_render and not work.parked else 0,
        len(job.in_state(TakeState.WAITING)),
        str(job.state),
        _text(work.status.text),
        job.priority,
        _text(job.title),
    )


def _dropped(drop: Drop, position: int) -> Queued:
    waiting = sum(1 for take in drop.takes if take.state is TakeState.WAITING)
    order = drop.order
    return Queued(
        "inbox", _text(drop.folder.name), "", position, waiting, priority=order.priority, title=_text(order.title)
    )


def _at_work(work: Work, root: Path) -> Iterator[AtWork]:
    """Yield the takes of a job that are being made."""
    for number, take in enumerate(work.job.takes, start=1):
        if take.face not in work.making:
            continue
        progress = work.making[take.face]
        share = progress.share if progress else 0.0
        preview, drawn = _preview(work.hidden, number, root)
        yield AtWork(
            work.job.id,
            _text(work.home.name),
            _text(take.name),
            number,
            len(work.job.takes),
            progress.stage if progress else "",
            share,
            work.estimate.take_left(take.face, share),
            preview,
            drawn,
            work.estimate.job_left(work.shares, after(work.job, len(work.making))),
        )


def _preview(hidden: Path, number: int, root: Path) -> tuple[str, float]:
    """Give the small picture of a take and when it was drawn; "" where there is none, or none that can be named."""
    newest = "", 0.0
    try:
        for path in hidden.glob(f".{number}.*{_PREVIEW}"):
            newest = max(newest, (path.relative_to(root).as_posix(), path.lstat().st_mtime), key=lambda one: one[1])
    except OSError:
        return "", 0.0
    return newest if newest[0] == _text(newest[0]) else ("", 0.0)


def _device(gpu: Gpu | None, *, running: bool) -> Device:
    if gpu is None:
        return Device()
    if not gpu.total:
        return Device("cpu")
    return Device("cuda", gpu.held if running else 0, gpu.free, gpu.total)


def _resident(pids: Iterable[int]) -> int:
    return sum(found.resident for pid in pids if pid and (found := vitals(pid)))


def _text(name: str) -> str:
    """Give a name as valid text, for a browser and every other reader."""
    return name if name.isascii() else _NO_TEXT.sub("\ufffd", name)
