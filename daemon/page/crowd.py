"""Crowd: all connections, and whose they are. Where they become many, those make room that ask for nothing.

A browser keeps lines open for its next request, and notices nothing when one is closed meanwhile. So nobody fills the
page by lines alone, and whoever holds the most idle ones loses them first.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from typing import Protocol

from daemon.page.throttle import network


class Guest(Protocol):
    """A connection."""

    def unread(self) -> bool:
        """Say whether something has come that nobody has looked at yet: it may be a request."""

    def hang_up(self) -> None:
        """End it; whatever was not sent yet is not sent."""


class Crowd:
    """Counts connections, and hangs up."""

    def __init__(self, many: int, each: int) -> None:
        """Begin with none.

        Args:
            many: Connections from which on idle ones make room for new ones.
            each: Connections that one host may have; this machine, where proxies are, may have any number.
        """
        self._many = many
        self._each = each
        self._hosts: dict[Guest, str] = {}
        self._counts: Counter[str] = Counter()
        self._idle: dict[str, dict[Guest, None]] = {}

    def come(self, guest: Guest, address: str) -> None:
        """Let a connection in; it is idle at first."""
        host = network(address)
        if self._counts[host] >= self._each and not _here(host) and not self._make_room(host):
            guest.hang_up()
            return
        if len(self._hosts) >= self._many and self._idle:
            self._make_room(max(self._idle, key=lambda one: len(self._idle[one])))
        self._hosts[guest] = host
        self._counts[host] += 1
        self.rest(guest)

    def rest(self, guest: Guest) -> None:
        """A connection waits for its next request, or has not begun one."""
        if host := self._hosts.get(guest):
            self._idle.setdefault(host, {})[guest] = None

    def work(self, guest: Guest) -> None:
        """A connection has asked for something."""
        host = self._hosts.get(guest, "")
        if host in self._idle:
            self._idle[host].pop(guest, None)
            if not self._idle[host]:
                del self._idle[host]

    def go(self, guest: Guest) -> None:
        """A connection is over."""
        self.work(guest)
        if host := self._hosts.pop(guest, ""):
            self._counts[host] -= 1
            if not self._counts[host]:
                del self._counts[host]

    def _make_room(self, host: str) -> bool:
        """Hang up on the connection of a host that has been idle for longest, if there is one."""
        oldest = next((guest for guest in self._idle.get(host, ()) if not guest.unread()), None)
        if oldest is None:
            return False
        self.go(oldest)
        oldest.hang_up()
        return True


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
