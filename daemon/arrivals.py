"""Arrivals: what the last look at the inbox found. Drops are handed over one by one; why others wait is logged once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from daemon.inbox import Drop, Inbox, Look

_LOOK_EVERY = 1.0
"""Seconds between two looks at the inbox while there is other work."""
_STUCK = 30.0
"""Seconds after which a drop that could not be taken is tried again."""
_NOTHING = Look((), (), math.inf)


class Arrivals:
    """Looks at the inbox now and then."""

    def __init__(self, inbox: Inbox, log: FilteringBoundLogger, clock: Callable[[], float] = time.monotonic) -> None:
        self._inbox = inbox
        self._log = log
        self._clock = clock
        self._look = Look((), (), 0.0)
        self._looked = -math.inf
        self._stuck: dict[str, float] = {}
        self._said: dict[str, str] = {}

    @property
    def arriving(self) -> int:
        """How many folders are not ready."""
        return len(self._look.waiting)

    @property
    def waiting(self) -> tuple[tuple[str, str], ...]:
        """Their names, and why."""
        return self._look.waiting

    @property
    def due(self) -> float:
        """Seconds after which something may be ready, or may be tried again; infinite where only a change can help."""
        now = self._clock()
        return max(0.0, min([self._look.due, *(moment - now for moment in self._stuck.values())]))

    @property
    def settled(self) -> bool:
        """Whether there is nothing in the inbox that we could take, now or a little later."""
        drops = [drop for drop in self._look.drops if drop.folder.name not in self._stuck]
        return not drops and self._look.due == math.inf

    def glance(self) -> bool:
        """Look at the inbox, and say so, if the last look is old enough."""
        now = self._clock()
        if now - self._looked < _LOOK_EVERY:
            return False
        self._looked = now
        try:
            self._look = self._inbox.look()
        except OSError as error:
            self._look = Look((), (("the inbox", f"it cannot be read ({error.strerror})"),), math.inf)
        for name, reason in self._look.waiting:
            self.say(name, reason)
        names = {name for name, _ in self._look.waiting}
        self._said = {name: said for name, said in self._said.items() if name in names}
        names |= {drop.folder.name for drop in self._look.drops}
        self._stuck = {name: moment for name, moment in self._stuck.items() if name in names}
        return True

    def expire(self) -> None:
        """Have the next glance look in any case."""
        self._looked = -math.inf

    def clear(self) -> None:
        """Forget what was seen: the share is not there."""
        self._look = _NOTHING

    def drops(self) -> list[Drop]:
        """Give the drops that can be taken now, in order of arrival."""
        now = self._clock()
        return [drop for drop in self._look.drops if self._stuck.get(drop.folder.name, -math.inf) <= now]

    def hand_over(self, drop: Drop) -> None:
        """A drop is being taken."""
        self._stuck.pop(drop.folder.name, None)
        self._said.pop(drop.folder.name, None)
        self._look = Look(tuple(one for one in self._look.drops if one != drop), self._look.waiting, self._look.due)

    def shelve(self, drop: Drop) -> None:
        """A drop could not be taken: it is left alone for a while."""
        self._stuck[drop.folder.name] = self._clock() + _STUCK

    def say(self, name: str, reason: str) -> None:
        """Log why something waits, unless that was the last word on it."""
        if self._said.get(name) != reason:
            self._said[name] = reason
            self._log.info("waiting", folder=name, reason=reason)
