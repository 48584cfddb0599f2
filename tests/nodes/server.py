"""A small HTTP server for tests, on a free loopback port, that can also misbehave as servers do."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Call:
    """What came in."""

    method: str
    target: str
    """Path and query as they were sent."""
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def token(self) -> str:
        """The bearer token, or ""."""
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if kind == "Bearer" else ""


@dataclass(frozen=True)
class Reply:
    """What goes out.

    Attributes:
        body: Bytes, or pieces, which are sent one by one as they come.
        length: Content-Length to claim; None means that of a body of bytes, and chunks without a length for pieces.
        hang: Seconds to wait before anything is sent.
        reset: Send nothing, break the connection (RST).
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    hang: float = 0.0
    reset: bool = False


def document(status: int, content: object, **headers: str) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(content).encode(), {"Content-Type": "application/json"} | headers)


class Server:
    """Answers with what `answer` gives; notes every call.

    Attributes:
        url: Its address, without a slash at the end.
        calls: Everything that came in, in order.
        closing: Set once it ends; whoever waits in `answer` waits on this.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.closing = threading.Event()
        self._wrong: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name=type(self).__name__)

    def answer(self, call: Call) -> Reply:
        """Say what to answer; runs in a thread of the connection."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._http.server_close()
        self._thread.join()
        if self._wrong:
            raise AssertionError(f"{type(self).__name__} stumbled") from self._wrong[0]

    def take(self, call: Call) -> Reply:
        """Note a call and answer it."""
        with self._lock:
            self.calls.append(call)
        return self.answer(call)

    def stumble(self, error: BaseException | None) -> None:
        """Note a fault of the test's own making; a client that leaves early is none."""
        if error and not isinstance(error, OSError):
            self._wrong.append(error)

    def opened(self, connection: socket.socket) -> None:
        """Note an open connection, to end it with the server."""
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._open.discard(connection)


class _Http(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64
    owner: Server

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.owner.stumble(sys.exc_info()[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are sent apart: each answer would take 40 ms
    server: _Http

    def setup(self) -> None:
        super().setup()
        self.server.owner.opened(self.connection)

    def finish(self) -> None:
        self.server.owner.closed(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        owner = self.server.owner
        call = Call(self.command, self.path, dict(self.headers), self._body())
        reply = owner.take(call)
        if reply.hang:
            owner.closing.wait(reply.hang)
        if reply.reset or owner.closing.is_set():
            self._reset()
        else:
            self._send(reply)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self._line().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self._line()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _line(self) -> bytes:
        """A line of what is sent in chunks; who leaves in the middle is told from who stumbles."""
        line = self.rfile.readline()
        if not line:
            raise ConnectionAbortedError("the caller left in the middle")
        return line

    def _send(self, reply: Reply) -> None:
        owner = self.server.owner
        whole = isinstance(reply.body, bytes)
        length = len(reply.body) if reply.length is None and isinstance(reply.body, bytes) else reply.length
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header(*(("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))))
        self.end_headers()
        sent = 0
        for piece in [reply.body] if whole else reply.body:
            if owner.closing.is_set() or self.command == "HEAD":
                break
            self.wfile.write(piece if length is not None else f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            sent += len(piece)
        if length is None:
            self.wfile.write(b"0\r\n\r\n")
        elif sent < length and self.command != "HEAD":
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
