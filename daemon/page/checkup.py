"""Checkup: whether the page is there, or could be, and who can reach it; ``doctor`` and ``config check`` ask."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

from daemon.doctor import Check
from daemon.errors import PasswordError
from daemon.page import password
from daemon.page.address import Address, reachable
from daemon.settings import Settings

_PATIENCE = 3.0
ADVICE = 'Run `lipsyncd page passwd`, or set page.listen to "127.0.0.1:7860" and leave page.proxy and page.hosts out.'


def checks(settings: Settings) -> Iterator[Check]:
    """Look at the page."""
    if not settings.page.listen:
        yield Check("page", "ok", "switched off (page.listen)")
        return
    yield _there(Address.of(settings.page.listen))
    if fault := lacking(settings):
        yield Check("page password", "fail", fault, ADVICE)
        return
    try:
        stored = password.read(password.kept(settings))
    except PasswordError as error:
        yield Check("page password", "warn", error.message, error.hint or "Run doctor as the user of the service.")
        return
    yield Check("page password", "ok", "set" if stored else "none: all users of this machine can use the page")


def lacking(settings: Settings) -> str:
    """Say what keeps the page from being shown: it would stand open to others; "" where nothing does."""
    if not settings.page.listen or not reachable(settings.page):
        return ""
    try:
        stored = password.read(password.kept(settings))
    except PasswordError as error:
        return "" if error.unseen else str(error)
    return "" if stored else f"others can reach {settings.page.listen}, so a password is needed, and none is set"


def _there(address: Address) -> Check:
    """Ask who answers at the address; if nobody does, whether we could."""
    if address.port and (server := _asked(address)) is not None:
        if server == "lipsyncd":
            return Check("page", "ok", f"shown at {address}")
        advice = "Give page.listen another port, or end that program."
        return Check("page", "fail", f"another program answers at {address}", advice)
    try:
        with socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((address.host, address.port))
    except OSError as error:
        advice = "Set page.listen to an address of this machine and a free port above 1023."
        return Check("page", "fail", f"{address} cannot be had ({error.strerror})", advice)
    return Check("page", "ok", f"{address} is free; a running daemon shows it there")


def _asked(address: Address) -> str | None:
    """Give what a server there calls itself; None where there is none."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - asked, not listened on
    connection = http.client.HTTPConnection(host, address.port, timeout=_PATIENCE)
    try:
        connection.request("HEAD", "/login")
        return connection.getresponse().getheader("Server", "")
    except ConnectionRefusedError:
        return None
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
