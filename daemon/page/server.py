"""Server: the page at its address, until it is asked to end. Uvicorn does the protocol; here is how far it may go."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Iterator
from types import FrameType
from typing import Any

import uvicorn
from structlog.typing import FilteringBoundLogger

from daemon.errors import ListenError, PasswordError
from daemon.page import password
from daemon.page.address import Address
from daemon.page.app import build
from daemon.page.checkup import ADVICE, lacking
from daemon.page.crowd import Crowd
from daemon.page.guard import HEADERS
from daemon.page.house import House
from daemon.page.patience import Patient
from daemon.page.upload_store import Store
from daemon.page.walls import confine
from daemon.settings import Settings

_BACKLOG = 128
_AT_ONCE = 600
"""Connections; more are told to come again (503)."""
_MANY, _EACH = 500, 300
"""Connections from which on idle ones make room, and those that one other host may have."""
_IDLE = 15
"""Seconds that a connection is kept for the next request."""
_LAST = 1
"""Seconds that answers under way have left when the page ends."""


class _Server(uvicorn.Server):
    """Ends open event streams before it waits for the end of all answers."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End; a signal is no reason for a bad exit code."""
        self.stop()

    def stop(self) -> None:
        """End soon."""
        self._closing.set()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and to look whether whoever has started us is still there."""
        await super().startup(sockets)
        if self.leash is not None:
            asyncio.get_running_loop().add_reader(self.leash, self._pulled)

    leash: int | None = None
    """End of a pipe: at its end we end, too."""

    def _pulled(self) -> None:
        if self.leash is not None and not os.read(self.leash, 1024):
            asyncio.get_running_loop().remove_reader(self.leash)
            self.stop()


def run(settings: Settings, log: FilteringBoundLogger, leash: int | None = None) -> None:
    """Answer until SIGTERM or SIGINT, or until the leash is let go.

    Args:
        settings: All of them; ``page.listen`` is set.
        log: For the little there is to say.
        leash: Reading end of a pipe that whoever has started us holds.

    Raises:
        ListenError: The address cannot be had.
        PasswordError: Others than this machine can reach the address, and there is no password.
    """
    check(settings)
    door = listening(Address.of(settings.page.listen))
    with contextlib.closing(door):
        confine(settings, log)
        app = build(House.of(settings))
        Store(settings.paths.root, settings.inbox.mount_guard).watch()
        server = _Server(_config(app, settings), app.closing)
        server.leash = leash
        host, port = door.getsockname()[:2]
        log.info("the page is shown", address=str(Address(host, port)), password=app.guarded)
        with _relayed(log):
            server.run(sockets=[door])
    log.info("the page is closed")


def check(settings: Settings) -> None:
    """Make sure that the page does not stand open to the world.

    Raises:
        PasswordError: It would.
    """
    password.read(password.kept(settings))
    if fault := lacking(settings):
        raise PasswordError(fault, ADVICE)


def listening(address: Address) -> socket.socket:
    """Take the address.

    Raises:
        ListenError: It cannot be had.
    """
    taken = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((address.host, address.port))
        taken.listen(_BACKLOG)
    except OSError as error:
        taken.close()
        hint = "Is another program, or another lipsyncd, there already? page.listen says where."
        if error.errno != errno.EADDRINUSE:
            hint = "Has this machine that address, and may the service use it? page.listen says where."
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ListenError(f"the page cannot be shown at {address} ({reason})", hint) from error
    taken.setblocking(False)
    return taken


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    class Line(Patient):
        crowd = Crowd(_MANY, _EACH)

    return uvicorn.Config(
        app,
        http=Line,
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=[("Server", "lipsyncd")],
        proxy_headers=settings.page.proxy,
        forwarded_allow_ips=["127.0.0.1", "::1"],
        limit_concurrency=_AT_ONCE,
        h11_max_incomplete_event_size=HEADERS,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_LAST,
    )


class _Relay(logging.Handler):
    """Says what uvicorn has to say with our voice: faults alone, for strangers can make it say anything else."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.ERROR)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one line on."""
        if record.exc_info and not isinstance(record.exc_info[1], asyncio.CancelledError):
            self._log.error("a fault of the page; please report it", exc_info=record.exc_info)


@contextlib.contextmanager
def _relayed(log: FilteringBoundLogger) -> Iterator[None]:
    foreign, relay = logging.getLogger("uvicorn.error"), _Relay(log)
    foreign.addHandler(relay)
    foreign.propagate = False
    try:
        yield
    finally:
        foreign.removeHandler(relay)
