"""Turns: whose take is rendered next. Folders take turns, video by video, so that a large one holds no small one up.

Among folders of the same priority, the one comes next of which the fewest takes are at work just now, and among those
the one that has had the least rendering time, all render processes together. One that comes new starts
level with the others, as if it had been there from the start: it need not wait until they are finished, and they are
not held up for ever by those that come after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.order import PRIORITIES


@dataclass(frozen=True)
class Waiting:
    """A folder with takes to render: a job's home, or a drop in the inbox.

    Attributes:
        at_work: How many takes of it are being rendered.
    """

    folder: Path
    priority: str
    at_work: int = 0

    @property
    def rank(self) -> int:
        """0 comes before 1."""
        return PRIORITIES.index(self.priority) if self.priority in PRIORITIES else PRIORITIES.index("normal")


class Turns:
    """Remembers how much rendering time each folder has had, for as long as it waits for more."""

    def __init__(self) -> None:
        self._had: dict[Path, float] = {}
        self._level = [0.0] * len(PRIORITIES)
        self._line: list[Waiting] = []
        self._holder: Path | None = None

    def line(self, waiting: Sequence[Waiting]) -> list[Path]:
        """Put all that wait into the order in which they come; equal ones as they are given.

        Args:
            waiting: All of them; whoever is not among them is forgotten.
        """
        self._had = {one.folder: self._had.get(one.folder, self._level[one.rank]) for one in waiting}
        self._line = sorted(waiting, key=self._place)
        return [one.folder for one in self._line]

    def take(self, drop: Path, home: Path) -> None:
        """A drop has become a job."""
        if drop in self._had:
            self._had[home] = self._had.pop(drop)
        self._line = [Waiting(home, one.priority) if one.folder == drop else one for one in self._line]

    def hold(self, home: Path) -> None:
        """It is the turn of a job, until :meth:`rest`."""
        self._holder = home

    def rest(self, home: Path) -> None:
        """A take of a job is over: it is the next one's turn."""
        if self._holder == home:
            self._holder = None

    def rivals(self, home: Path) -> int:
        """Give how many others take turns with a job."""
        ranks = {one.folder: one.rank for one in self._line}
        return sum(1 for rank in ranks.values() if rank <= ranks[home]) - 1 if home in ranks else 0

    def spend(self, home: Path, seconds: float) -> None:
        """A job had rendering time; its equals that wait are the later level by their share of it."""
        one = next((one for one in self._line if one.folder == home), None)
        if one is None or home not in self._had:
            return
        equals = sum(1 for other in self._line if other.rank == one.rank)
        self._had[home] += seconds
        self._level[one.rank] += seconds / equals

    def _place(self, one: Waiting) -> tuple[int, int, bool, float]:
        return one.rank, one.at_work, one.folder != self._holder, self._had[one.folder]
