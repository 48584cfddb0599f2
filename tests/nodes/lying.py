"""A gateway that does not serve what it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.nodes.flaky import forward
from tests.nodes.server import Call, Reply, Server

LIES = ("other bytes", "fewer bytes", "more bytes", "torn", "drip", "endless", "404", "error page", "silence", "none")


class LyingGateway(Server):
    """Asks the real gateway, and changes what it says.

    The lies: "other bytes" (one bit), "fewer bytes" (half of them, and says so), "more bytes", "torn" (half of what it
    announced, then the end), "drip" (a byte every half second), "endless" (never ends), "404", "error page" (HTML with
    status 200), "silence" (hangs), "none" (the truth).

    Attributes:
        lie: May be changed while it runs.
    """

    def __init__(self, gateway: str, lie: str = "other bytes") -> None:
        super().__init__()
        parts = urlsplit(gateway)
        self._node = parts.hostname or "", parts.port or 80
        self.lie = lie

    def answer(self, call: Call) -> Reply:
        if self.lie == "404":
            return Reply(404, b"not found", {"Content-Type": "text/plain"})
        if self.lie == "silence":
            return Reply(hang=600, reset=True)
        truth = forward(self._node, call)
        if truth.status != 200 or truth.reset or self.lie == "none":
            return truth
        data = bytes(truth.body) if isinstance(truth.body, bytes) else b"".join(truth.body)
        return self._lied(data, truth)

    def _lied(self, data: bytes, truth: Reply) -> Reply:
        kind = {"Content-Type": truth.headers.get("Content-Type", "application/octet-stream")}
        middle = len(data) // 2
        if self.lie == "other bytes":
            return Reply(200, data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else b"x", kind)
        if self.lie == "fewer bytes":
            return Reply(200, data[:middle], kind)
        if self.lie == "more bytes":
            return Reply(200, data + b"\0", kind)
        if self.lie == "torn":
            return Reply(200, data[:middle], kind, length=len(data))
        if self.lie == "drip":
            return Reply(200, self._drip(data), kind, length=len(data))
        if self.lie == "endless":
            return Reply(200, self._endless(data or b"\0"), kind)
        if self.lie == "error page":
            return Reply(200, b"<html>504 gateway time-out</html>", {"Content-Type": "text/html"})
        raise ValueError(self.lie)

    def _drip(self, data: bytes) -> Iterator[bytes]:
        for position in range(len(data)):
            self.closing.wait(0.5)
            yield data[position : position + 1]

    def _endless(self, data: bytes) -> Iterator[bytes]:
        yield data
        while not self.closing.is_set():
            yield bytes(65536)
