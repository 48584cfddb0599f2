"""Throttle: how long one must wait between two guesses of the password; each address for itself, and all together."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

_ADDRESSES = 4096
"""That are remembered; the one that was quiet for longest is forgotten first."""
_HALF = 3600.0
"""Seconds in which half of the tries are forgiven."""
_GRACE = 0.5
"""Of a try: the first ones are forgiven a little by the time of the last."""
_OWN = (4.0, 900.0)
_ALL = (40.0, 8.0)
"""Tries that are free, and seconds that one waits at most; for an address, and for all together."""


@dataclass
class _Tries:
    count: float = 0.0
    last: float = float("-inf")

    def wait(self, now: float, free: float, most: float) -> float:
        over = self._now(now) - free
        if over < -_GRACE:
            return 0.0
        return max(0.0, self.last + min(most, math.exp2(over)) - now)

    def add(self, now: float) -> None:
        self.count, self.last = self._now(now) + 1, now

    def _now(self, now: float) -> float:
        """Count the tries, those of long ago less than those of just now."""
        return self.count * 0.5 ** ((now - self.last) / _HALF) if self.count else 0.0


class Throttle:
    """Counts tries."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = _Tries()
        self._own: OrderedDict[str, _Tries] = OrderedDict()

    def admit(self, address: str) -> float:
        """Count a try before it is made, or say how many seconds are left until one may be; 0.0 admits it."""
        now, name = self._clock(), network(address)
        own = self._own.setdefault(name, _Tries())
        self._own.move_to_end(name)
        if len(self._own) > _ADDRESSES:
            self._own.popitem(last=False)
        wait = max(own.wait(now, *_OWN), self._all.wait(now, *_ALL))
        if wait <= 0:
            own.add(now)
            self._all.add(now)
        return wait

    def forgive(self, address: str) -> None:
        """Forget the tries of an address: one of them was right."""
        self._own.pop(network(address), None)
        self._all.count = max(0.0, self._all.count - 1)


def network(address: str) -> str:
    """Give what one person holds at least: an address, or 64 bits of one."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
