"""Connections that ask for nothing keep nobody out: who holds the most of them makes room, and nobody else notices."""

from __future__ import annotations

import http.client
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemon.page import crowd, patience, server
from daemon.page.crowd import Crowd
from tests.page.conftest import settings_at
from tests.page.test_server import Running, serving


class Line:
    """A connection that only knows whether it was hung up on."""

    over = False
    heard = False

    def unread(self) -> bool:
        return self.heard

    def hang_up(self) -> None:
        self.over = True


def lines(held: Crowd, number: int, address: str, *, busy: bool = False) -> list[Line]:
    made = [Line() for _ in range(number)]
    for line in made:
        held.come(line, address)
        if busy:
            held.work(line)
    return made


def test_the_idle_ones_of_who_has_the_most_make_room() -> None:
    held = Crowd(10, 100)
    guest = lines(held, 2, "192.0.2.7")
    many = lines(held, 7, "192.0.2.8")
    listening = lines(held, 1, "192.0.2.8", busy=True)
    assert not [line for line in (*guest, *many, *listening) if line.over]
    more = lines(held, 5, "192.0.2.9")
    assert [line.over for line in many] == [True] * 4 + [False] * 3  # then both have three; who came first goes first
    assert sum(line.over for line in more) == 1 or sum(line.over for line in many) == 5
    assert not [line for line in (*guest, *listening) if line.over]


def test_who_asks_is_never_hung_up_on() -> None:
    held = Crowd(3, 100)
    busy = lines(held, 8, "192.0.2.7", busy=True)
    idle = lines(held, 3, "192.0.2.7")
    assert [line.over for line in idle] == [True, True, False]
    assert not [line for line in busy if line.over]
    held.rest(busy[0])  # it has its answer, and may be used again
    held.work(idle[2])
    lines(held, 1, "192.0.2.8")
    assert busy[0].over
    assert not idle[2].over


def test_what_nobody_has_looked_at_yet_may_be_a_request() -> None:
    held = Crowd(3, 100)
    idle = lines(held, 3, "192.0.2.7")
    idle[0].heard = True
    lines(held, 1, "192.0.2.7")
    assert [line.over for line in idle] == [False, True, False]


def test_one_host_has_no_more_than_its_share() -> None:
    held = Crowd(100, 4)
    busy = lines(held, 3, "2001:db8::1", busy=True)
    idle = lines(held, 2, "2001:db8::2")  # the same network of 64 bits
    assert [line.over for line in idle] == [True, False]
    held.work(idle[1])
    refused = lines(held, 1, "2001:db8::3")
    assert refused[0].over
    held.go(refused[0])
    held.go(busy[0])
    assert not lines(held, 1, "2001:db8::3")[0].over
    assert not [line for line in lines(held, 20, "127.0.0.1", busy=True) if line.over]  # a proxy speaks for many


def test_nothing_is_kept_of_who_has_gone() -> None:
    held = Crowd(5, 3)
    for number in range(50):
        for line in lines(held, 4, f"192.0.2.{number}"):
            held.rest(line)
            held.go(line)
            held.go(line)
    assert vars(held) | {"_many": 0, "_each": 0} == vars(Crowd(0, 0))


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A page in a thread, for thirty connections."""
    monkeypatch.setattr(server, "confine", lambda _settings, _log: None)  # it would confine these tests
    monkeypatch.setattr(patience, "_PATIENCE", 300.0)  # no time-out makes room here
    monkeypatch.setattr(server, "_IDLE", 300)
    monkeypatch.setattr(server, "_AT_ONCE", 30)
    monkeypatch.setattr(server, "_MANY", 20)
    monkeypatch.setattr(server, "_EACH", 5)
    with serving(settings_at(tmp_path, listen="127.0.0.1:0")) as page:
        yield page


def dial(page: Running, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", page.port), 60, (source, 0))


def open_still(line: socket.socket) -> bool:
    """Say whether nobody has hung up on a connection on which nothing comes."""
    return not select.select([line], [], [], 0)[0]


def test_idle_lines_of_one_host_keep_nobody_out(running: Running) -> None:
    with ExitStack() as end:
        ear = end.enter_context(dial(running))
        ear.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"text/event-stream" in ear.recv(4096)
        kept = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60, source_address=("127.0.0.2", 0))
        end.callback(kept.close)
        kept.request("GET", "/login")
        kept.getresponse().read()
        slow = end.enter_context(dial(running, "127.0.0.2"))
        slow.sendall(b"GET /login HTTP/1.1\r\nHost: loc")
        upload = end.enter_context(dial(running))
        upload.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n")
        upload.sendall(b"Content-Type: application/x-www-form-urlencoded\r\n\r\npass")
        idle = [end.enter_context(dial(running)) for _ in range(90)]
        for source in ("127.0.0.1", "127.0.0.2"):
            asker = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60, source_address=(source, 0))
            asker.request("GET", "/")
            assert asker.getresponse().status == 200
            asker.close()
        kept.request("GET", "/login")  # on the line of before
        assert kept.getresponse().status == 303
        slow.sendall(b"alhost\r\n\r\n")
        assert slow.recv(4096).startswith(b"HTTP/1.1 303")
        upload.sendall(b"word")
        assert upload.recv(4096).startswith(b"HTTP/1.1 403")  # it brought no token, but it was heard to its end
        assert len([line for line in idle if open_still(line)]) <= 20
        assert open_still(ear) or ear.recv(4096)  # its end would be b""


def test_another_host_has_its_share_and_no_more(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "_here", lambda _host: False)
    with ExitStack() as end:
        ears = [end.enter_context(dial(running, "127.0.0.3")) for _ in range(8)]
        for ear in ears:
            ear.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        heard = 0
        for ear in ears:
            try:
                heard += b"text/event-stream" in ear.recv(4096)
            except ConnectionResetError:
                continue
        assert heard == 5
        with dial(running, "127.0.0.4") as other:
            other.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert other.recv(4096).startswith(b"HTTP/1.1 200")
