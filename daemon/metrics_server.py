"""The server of the metrics: one address, one page, a few askers at once; one that hangs holds up nobody for long."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import TCPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from daemon.errors import ListenError

_PATH = "/metrics"
_AT_ONCE = 8
"""Askers that are answered at the same time; more are turned away."""
_PATIENCE = 10.0
"""Seconds that one may take to ask, and to read the answer."""

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Handler(WSGIRequestHandler):
    """Logs nothing, and waits for nobody for long."""

    timeout = _PATIENCE

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: whoever asks, asks every few seconds."""

    def address_string(self) -> str:
        """Give the address as it is; nobody is asked for a name."""
        return str(self.client_address[0])


class _Server(ThreadingWSGIServer):
    """Looks up no name, and has only so many threads."""

    request_queue_size = 2 * _AT_ONCE

    def __init__(self, address: tuple[str, int], family: socket.AddressFamily) -> None:
        self.address_family = family
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind; the class above would ask for the name of this machine, which may take minutes without a network."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, if one is left."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the asker has hung up, or asked for nothing within its time."""


class MetricsServer:
    """Answers at an address until it is closed."""

    def __init__(self, listen: str, registry: CollectorRegistry) -> None:
        """Begin at once.

        Args:
            listen: Address and port, such as "127.0.0.1:9464" or "[::1]:9464".
            registry: What is answered.

        Raises:
            ListenError: The address cannot be had.
        """
        host, port = _split(listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._server = _Server((host, port), family)
        except OSError as error:
            hint = "Is another program, or another lipsyncd, there already? metrics.listen says where."
            raise ListenError(f"the metrics cannot be shown at {listen} ({error.strerror or error})", hint) from error
        self._server.set_app(_only(make_wsgi_app(registry)))
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it answers: what was asked for, with the port that the kernel chose where that was 0."""
        host = self._server.server_name
        return f"[{host}]:{self._server.server_port}" if ":" in host else f"{host}:{self._server.server_port}"

    @property
    def here(self) -> bool:
        """Whether only this machine can ask."""
        return ipaddress.ip_address(self._server.server_name).is_loopback

    def close(self) -> None:
        """End; an answer that is under way is left behind."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _split(listen: str) -> tuple[str, int]:
    """Read "127.0.0.1:9464"; the settings have checked it."""
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    return ("127.0.0.1" if host == "localhost" else host), int(port)


def _only(app: App) -> App:
    """Answer at one path alone."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == _PATH and environ.get("REQUEST_METHOD") in ("GET", "HEAD"):
            return app(environ, start)
        start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"Metrics are at {_PATH}.\n".encode()]

    return answer
