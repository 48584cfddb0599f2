"""Two hundred browsers listen to the real page at once: each hears the news, and memory stays where it is."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.page.stage import furnish
from tests.page.uploader import page

CLIENTS = 200
ASK = b"GET /events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n\r\n"
MIB = 1 << 20


@pytest.mark.e2e
def test_two_hundred_listen_and_memory_stays_flat(tmp_path: Path) -> None:
    say = furnish(tmp_path)
    with page(tmp_path) as running, ExitStack() as end:
        lines = [end.enter_context(socket.create_connection(("127.0.0.1", running.port), 60)) for _ in range(CLIENTS)]
        ears = end.enter_context(selectors.DefaultSelector())
        for line in lines:
            line.sendall(ASK % running.port)
            line.setblocking(False)
            ears.register(line, selectors.EVENT_READ)
        heard = _hear(ears, say, 3, lambda heard: len(heard) == CLIENTS)
        assert all(heard.get(line, b"").startswith(b"HTTP/1.1 200") for line in lines)
        before = running.memory()[0]
        heard = _hear(ears, say, 8, lambda heard: len(heard) == CLIENTS and min(map(news, heard.values())) >= 2)
        assert len(heard) == CLIENTS
        assert min(map(news, heard.values())) >= 2
        assert running.memory()[0] - before < 4 * MIB
        assert running.memory()[1] < 200 * MIB


def news(text: bytes) -> int:
    return text.count(b"data: ")


def _hear(
    ears: selectors.BaseSelector, say: Callable[[], None], seconds: float, enough: Callable[[dict[object, bytes]], bool]
) -> dict[object, bytes]:
    """Read what comes for so long, and until it is enough, while the daemon says something new all the time."""
    heard: dict[object, bytes] = {}
    begun, spoken = time.monotonic(), 0.0
    while time.monotonic() - begun < seconds or (not enough(heard) and time.monotonic() - begun < 90):
        if time.monotonic() - spoken > 0.9:
            say()
            spoken = time.monotonic()
        for key, _ in ears.select(0.2):
            piece = key.fileobj.recv(65536)
            assert piece, "the page hung up"
            heard[key.fileobj] = heard.get(key.fileobj, b"") + piece
    return heard
