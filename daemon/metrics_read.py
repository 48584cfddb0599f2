"""What is measured only when somebody asks for the metrics: what is in hand, room, memory, and the ledger."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily, Metric

from daemon.picture import Picture
from daemon.vitals import free_bytes, together, vitals
from publishers import Account, PublishError, accounts

if TYPE_CHECKING:
    from daemon.message import Gpu

_LEDGER_EVERY = 30.0
"""Seconds between two looks into the ledger: it grows for ever, and is read whole."""
STATES = ("queued", "rendered", "marked", "review", "published", "done", "failed", "parked")


@dataclass(frozen=True)
class Running:
    """What is going on beside the picture: the render processes, and the takes at work.

    Attributes:
        pids: The render processes.
        gpu: What they said last of the GPU's memory, all together.
        takes: How many takes are at work.
        seconds: How long the one has been that was begun first.
        share: How far that one is, 0-1.
    """

    pids: tuple[int, ...] = ()
    gpu: Gpu | None = None
    takes: int = 0
    seconds: float = 0.0
    share: float = 0.0


@dataclass
class Reader:
    """Looks at the folders and the processes of one daemon.

    Attributes:
        root: The share.
        state: The service's own files.
    """

    root: Path
    state: Path
    version: str
    _started: float = field(default_factory=time.time, init=False)
    _accounts: tuple[Account, ...] = field(default=(), init=False)
    _read: float = field(default=float("-inf"), init=False)

    def read(self, picture: Picture, running: Running) -> Iterator[Metric]:
        """Yield everything that is not counted all along."""
        yield gauges("build_info", "1; the version is its label", ("version",), {self.version: 1})
        yield gauge("started_timestamp_seconds", "When the daemon started", self._started)
        yield from _queue(picture)
        yield from _rendering(running)
        yield from self._room()
        yield from _processes(running.pids)
        yield from self._ledger()

    def _room(self) -> Iterator[Metric]:
        places = {"root": free_bytes(self.root), "state": free_bytes(self.state)}
        yield gauges("free_bytes", "Free on the disk of the root, and of the state", ("place",), places)

    def _ledger(self) -> Iterator[Metric]:
        now = time.monotonic()
        if now - self._read >= _LEDGER_EVERY:
            self._read = now
            try:
                self._accounts = accounts(self.state)
            except (PublishError, OSError):  # `lipsyncd doctor` and the publishers say what is wrong with it
                self._accounts = ()
        counts = {(one.place, one.state): one.records for one in self._accounts}
        money = {(one.place, one.state): one.winston for one in self._accounts if one.winston}
        text = "What the ledger has of each place, for good; pending is sent, and not yet deep in the chain"
        yield gauges("ledger_records", text, ("place", "state"), counts)
        yield gauges("ledger_winston", "What that cost, in Winston (10^-12 AR)", ("place", "state"), money)


def gauge(name: str, text: str, value: float | None) -> Metric:
    """Give a single value; none where it is not known."""
    return gauges(name, text, (), {(): value})


def gauges(name: str, text: str, labels: tuple[str, ...], values: Mapping[Any, float | None]) -> Metric:
    """Give a value for each label, or for each tuple of labels; what is not known (None) is left out."""
    family = GaugeMetricFamily(f"lipsyncd_{name}", text, labels=labels)
    for label, value in values.items():
        if value is not None:
            family.add_metric([label] if isinstance(label, str) else label, float(value))
    return family


def _queue(picture: Picture) -> Iterator[Metric]:
    yield gauge("turned_timestamp_seconds", "When the main loop turned last", picture.turned or None)
    folders = {"ready": picture.drops, "arriving": picture.arriving}
    yield gauges("inbox_folders", "Folders in the inbox, ready to be taken or still arriving", ("state",), folders)
    yield gauge("inbox_ready_seconds", "For how long the first of them has been ready", picture.ready)
    jobs = {state: picture.jobs.get(state, 0) for state in STATES}
    yield gauges("jobs", "Jobs in hand, by state", ("state",), jobs)
    waited = {state: picture.waited.get(state, 0.0) for state in STATES}
    yield gauges("job_state_seconds", "For how long a job in hand has been in its state, at most", ("state",), waited)
    yield gauge("takes_waiting", "Videos that are still to be made of the jobs in hand", picture.takes)


def _rendering(running: Running) -> Iterator[Metric]:
    yield gauge("rendering", "How many videos are being made", running.takes)
    yield gauge("rendering_share", "How far the one is that was begun first, 0 to 1", running.share)
    yield gauge("rendering_seconds", "How long that one has been made for", running.seconds)
    if (gpu := running.gpu) is not None:
        bytes_of = {"renderer": gpu.held, "free": gpu.free, "total": gpu.total}
        yield gauges("gpu_bytes", "Memory of the GPU, as of the last video", ("of",), bytes_of)


def _processes(pids: tuple[int, ...]) -> Iterator[Metric]:
    renderers = [one for pid in pids if (one := vitals(pid)) is not None]
    both = {"daemon": vitals(os.getpid()), "renderer": together(renderers) if renderers else None}
    found = {name: one for name, one in both.items() if one is not None}
    label = ("process",)
    yield gauges(
        "resident_bytes",
        "Memory of a process",
        label,
        {name: one.resident for name, one in found.items()},
    )
    yield gauges("cpu_seconds", "Its processor time", label, {name: one.cpu for name, one in found.items()})
    yield gauges("threads", "Its threads", label, {name: one.threads for name, one in found.items()})
    yield gauges("open_files", "Its open files", label, {name: one.files or None for name, one in found.items()})
