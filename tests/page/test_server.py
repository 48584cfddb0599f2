"""The server: the protocol's bad manners, and an end that waits for nobody. In this process, on a port of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from daemon.errors import ListenError, PasswordError
from daemon.page import body, password, patience, server
from daemon.page.address import Address
from daemon.settings import Settings
from tests.page.conftest import settings_at, token_of


class Log:
    """Remembers what is said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, dict[str, object]]] = []
        self.shown = threading.Event()

    def _say(self, level: str, text: str, /, **facts: object) -> None:
        self.said.append((level, text, facts))
        if text == "the page is shown":
            self.shown.set()

    def info(self, text: str, /, **facts: object) -> None:
        self._say("info", text, **facts)

    def warning(self, text: str, /, **facts: object) -> None:
        self._say("warning", text, **facts)

    def error(self, text: str, /, **facts: object) -> None:
        self._say("error", text, **facts)

    @property
    def port(self) -> int:
        """The port that the kernel has chosen."""
        assert self.shown.wait(60)
        facts = next(facts for _, text, facts in reversed(self.said) if text == "the page is shown")
        return int(str(facts["address"]).rpartition(":")[2])


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Running]:
    """Show a page in a thread."""
    log = Log()
    reading, writing = os.pipe()
    thread = threading.Thread(target=server.run, args=(settings, log, reading))
    thread.start()
    page = Running(log.port, writing, thread, log)
    try:
        yield page
    finally:
        if thread.is_alive():
            page.end()
        os.close(reading)
    assert [said for said in log.said if said[0] != "info"] == []


@dataclass
class Running:
    port: int
    leash: int
    thread: threading.Thread
    log: Log

    def end(self) -> float:
        """Let the page go, and say how long it took to end."""
        begun = time.monotonic()
        os.close(self.leash)
        self.thread.join(60)
        assert not self.thread.is_alive()
        return time.monotonic() - begun


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A page in a thread."""
    monkeypatch.setattr(server, "confine", lambda _settings, _log: None)  # it would confine these tests
    monkeypatch.setattr(patience, "_PATIENCE", 1.5)
    with serving(settings_at(tmp_path, listen="127.0.0.1:0")) as page:
        yield page


def dial(page: Running) -> socket.socket:
    """Open a connection."""
    line = socket.create_connection(("127.0.0.1", page.port), 60)
    line.settimeout(60)
    return line


def test_it_answers_and_ends_at_once(running: Running) -> None:
    asker = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    asker.request("GET", "/")
    answer = asker.getresponse()
    assert (answer.status, answer.getheader("Server")) == (200, "lipsyncd")
    assert b"lipsyncd" in answer.read()
    assert running.end() < 20
    asker.close()
    assert [text for _, text, _ in running.log.said] == ["the page is shown", "the page is closed"]


def test_open_event_streams_do_not_hold_up_the_end(running: Running) -> None:
    lines = [dial(running) for _ in range(20)]
    for line in lines:
        line.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for line in lines:
        heard = b""
        while b"data: " not in heard:
            heard += line.recv(4096)
        assert b"text/event-stream" in heard
        assert json.loads(heard.partition(b"data: ")[2].splitlines()[0])["board"] == "off"
    assert running.end() < 20
    for line in lines:
        while line.recv(4096):
            pass
        line.close()


def test_a_request_that_does_not_end_holds_up_nobody(running: Running) -> None:
    with dial(running) as one, dial(running) as other:
        one.sendall(b"POST /now/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\npaused=")
        other.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert running.end() < 20


def test_a_form_that_does_not_come_is_given_up(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_PATIENCE", 0.2)
    kind = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n"
    with dial(running) as line:
        line.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\n" + kind + b"\r\npassword=")
        assert line.recv(4096).split()[1] == b"408"


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_who_does_not_finish_the_headers_is_hung_up_on(running: Running, begun: bytes) -> None:
    begun_at = time.monotonic()
    with dial(running) as line:
        line.sendall(begun)
        assert line.recv(4096) == b""
        assert 1 < time.monotonic() - begun_at < 30


def test_a_trickle_of_headers_is_no_life(running: Running) -> None:
    with dial(running) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        begun = time.monotonic()
        line.settimeout(0.05)
        heard = b"?"
        while heard == b"?" and time.monotonic() - begun < 40:
            try:
                line.sendall(b"X: y\r\n")
                heard = line.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - begun < 30


def test_a_kept_connection_is_not_hung_up_on_while_it_is_used(running: Running) -> None:
    asker = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    for _ in range(4):
        asker.request("GET", "/login")
        answer = asker.getresponse()
        answer.read()
        assert answer.status == 303
        time.sleep(0.5)
    asker.close()


@pytest.mark.parametrize(
    "words",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /?" + b"y" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET http://evil.example.com/ HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
        b"CONNECT evil.example.com:80 HTTP/1.1\r\nHost: evil.example.com:80\r\n\r\n",
        b"GET /events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        b"Sec-WebSocket-Key: AAAA\r\nSec-WebSocket-Version: 13\r\n\r\n",
    ],
)
def test_nonsense_is_refused(running: Running, words: bytes) -> None:
    with dial(running) as line:
        line.sendall(words)
        heard = line.recv(4096)
    assert heard == b"" or heard.split()[1] in (b"400", b"403", b"405", b"414", b"421", b"431", b"200"), heard
    if b"websocket" not in words:
        assert b" 200 " not in heard


def test_an_address_that_is_taken_is_said() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ListenError, match="Is another program"):
            server.listening(Address("127.0.0.1", other.getsockname()[1]))
    with pytest.raises(ListenError, match="Has this machine that address"):
        server.listening(Address("192.0.2.1", 7860))


def test_it_does_not_stand_open_to_others(tmp_path: Path) -> None:
    for page in ({"listen": "0.0.0.0:0"}, {"proxy": True}, {"hosts": ["videos.example.org"]}):
        with pytest.raises(PasswordError, match="none is set"):
            server.run(settings_at(tmp_path, **page), Log())  # type: ignore[arg-type]


@pytest.mark.parametrize("proxy", [True, False])
def test_a_proxy_is_believed_only_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: bool
) -> None:
    monkeypatch.setattr(server, "confine", lambda _settings, _log: None)
    monkeypatch.setattr(password, "_COST", 4)
    settings = settings_at(tmp_path, listen="127.0.0.1:0", proxy=proxy)
    password.write(password.kept(settings).path, password.hashed("correct horse"))
    with serving(settings) as page:
        codes = []
        for number in range(8):
            asker = http.client.HTTPConnection("127.0.0.1", page.port, timeout=60)
            forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": f"198.51.100.{number}"}
            asker.request("GET", "/login", headers=forwarded)
            answer = asker.getresponse()
            text, cookie = answer.read().decode(), str(answer.getheader("Set-Cookie"))
            assert ("Secure" in cookie) is proxy
            form = urlencode({"password": "wrong", "csrf": token_of(text)})
            kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie.partition(";")[0]}
            asker.request("POST", "/login", form, forwarded | kind)
            answer = asker.getresponse()
            answer.read()
            codes.append(answer.status)
            asker.close()
    assert (429 in codes) is not proxy  # eight who guess once, or one who does so eight times
