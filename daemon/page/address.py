"""Address: where the page listens, by which names it answers, and whether others than this machine can reach it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import ip_address

from daemon.settings import Page


@dataclass(frozen=True)
class Address:
    """Where it listens."""

    host: str
    port: int

    @classmethod
    def of(cls, listen: str) -> Address:
        """Read "127.0.0.1:7860"; the settings have checked it."""
        host, _, port = listen.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        return cls("127.0.0.1" if bare == "localhost" else bare, int(port))

    @property
    def here(self) -> bool:
        """Whether only this machine can reach it."""
        return ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def reachable(page: Page) -> bool:
    """Say whether others than this machine's own people get to the page: by its address, or through a proxy."""
    return not Address.of(page.listen).here or page.proxy or bool(page.hosts)


def answers(page: Page) -> frozenset[str]:
    """Give the names by which it may be called; addresses in numbers are always right, see ``called``."""
    own = socket.gethostname().lower()
    short = own.partition(".")[0]
    return frozenset({"localhost", own, short, f"{short}.local", *(name.lower().rstrip(".") for name in page.hosts)})


def called(host: str, names: frozenset[str]) -> bool:
    """Say whether a ``Host`` is one of ours.

    A foreign name that leads here is an attack on a browser (DNS rebinding); numbers are what nobody can rebind.
    """
    name, port = host.lower(), ""
    if not name.startswith("[") or not name.endswith("]"):
        name, _, port = name.rpartition(":") if ":" in name else (name, "", "")
    if port and not (port.isascii() and port.isdigit()):
        return False
    name = name.rstrip(".")
    if name in names:
        return True
    try:
        bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
        return (":" in bare) is (bare != name) and bool(ip_address(bare))
    except ValueError:
        return False
