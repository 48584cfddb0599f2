"""Tell systemd how we are: READY, STATUS, WATCHDOG and STOPPING, over ``$NOTIFY_SOCKET``; silent without one."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

_AT_LEAST = 0.5
"""Seconds between two pings at most as often: systemd asks for half its WatchdogSec."""


class Notifier:
    """One line at a time to the service manager; whether it listens is its own affair."""

    def __init__(
        self, environment: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic
    ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._clock = clock
        self._pinged = float("-inf")
        self._status = ""
        self._others: list[Callable[[], None]] = []

    def also(self, act: Callable[[], None]) -> None:
        """Call this, too, as often as we are told that the main loop turns."""
        self._others.append(act)

    def ready(self) -> None:
        """The inbox is watched."""
        self._send("READY=1")

    def stopping(self) -> None:
        """We are on our way out."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Say in a few words what is going on; repeated words are not sent again."""
        if text != self._status:
            self._status = text
            self._send("STATUS=" + text.replace("\n", " "))

    def ping(self) -> None:
        """The main loop turns. Call it as often as you like."""
        now = self._clock()
        if now - self._pinged >= _AT_LEAST:
            self._pinged = now
            self._send("WATCHDOG=1")
        for act in self._others:
            act()

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(1)
                channel.sendto(text.encode("utf-8", "backslashreplace"), self._address)
        except OSError:
            return
