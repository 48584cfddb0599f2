"""Picture: what is in hand at one moment, for a thread other than the main loop's to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Picture:
    """What is in hand.

    Attributes:
        turned: When the main loop made this, seconds since 1970; 0 before it did.
        drops: Folders in the inbox that could be taken.
        arriving: Folders in the inbox that are not ready.
        ready: Seconds for which the first of the drops has been ready.
        takes: Videos that are still to be made of the jobs in hand.
        making: Since when each of those has been made that are being made, and how far it is (0-1), oldest first.
        jobs: Jobs in hand, by state.
        waited: Seconds for which a job has been in a state, of all in that state the longest.
    """

    turned: float = 0.0
    drops: int = 0
    arriving: int = 0
    ready: float = 0.0
    takes: int = 0
    making: tuple[tuple[float, float], ...] = ()
    jobs: Mapping[str, int] = field(default_factory=dict)
    waited: Mapping[str, float] = field(default_factory=dict)


class Since:
    """Remembers since when each job is in its state, as far as this process has seen it."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[str, float]] = {}

    def longest(self, states: Mapping[Path, str], now: float) -> dict[str, float]:
        """Give, for each state, how long a job has been in it at most.

        Args:
            states: Of all jobs there are; all others are forgotten.
            now: Monotonic seconds.
        """
        fresh = {}
        for home, state in states.items():
            before = self._seen.get(home)
            fresh[home] = before if before is not None and before[0] == state else (state, now)
        self._seen = fresh
        longest: dict[str, float] = {}
        for state, since in fresh.values():
            longest[state] = max(longest.get(state, 0.0), now - since)
        return longest
