"""Calls to services that are away, slow, endless, rude or redirecting; and what their errors say."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from publishers import Mismatch, PublisherError, Refused, Unreachable
from publishers.http import Answer, Read, Web, retry_after
from publishers.secret import Secret

Reply = Callable[[BaseHTTPRequestHandler], None]
DATA = bytes(range(256)) * 4000


class Service:
    """A loopback server whose every answer a test chooses."""

    def __init__(self) -> None:
        self.reply: Reply = plain(200, b"fine")
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.seen.append((self.command, self.path, dict(self.headers.items()), body))
                service.reply(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None: ...

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def plain(status: int, body: bytes, **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then, without end."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 1000)
            time.sleep(0.02)
    except OSError:
        handler.close_connection = True


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(4.0)
    handler.close_connection = True


def rude(handler: BaseHTTPRequestHandler) -> None:
    """Break off in the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


@pytest.fixture
def web(service: Service) -> Iterator[Web]:
    made = Web(service.url, "the shop", token=Secret("s3cret"), read=1.5, deadline=4.0)
    yield made
    made.close()


def test_an_answer_is_given_whatever_its_status(service: Service, web: Web) -> None:
    service.reply = plain(404, b'{"error": "none"}', X_Shop="open")
    answer = web.call("POST", "/pins", params={"q": "周报"}, document={"cid": "b"})
    assert (answer.status, answer.ok, answer.json()) == (404, False, {"error": "none"})
    assert {name.lower() for name in answer.headers} >= {"x-shop"}
    method, path, headers, body = service.seen[0]
    assert (method, path, body) == ("POST", "/pins?q=%E5%91%A8%E6%8A%A5", b'{"cid":"b"}')
    assert headers["Authorization"] == "Bearer s3cret"


@pytest.mark.parametrize("reply", [silent, rude, dripping])
def test_a_service_that_does_not_finish_is_unreachable(reply: Reply, service: Service, web: Web) -> None:
    service.reply = reply
    begin = time.monotonic()
    with pytest.raises(Unreachable, match=r"the shop \(127\.0\.0\.1") as caught:
        web.get("/key-in-the-path")
    assert time.monotonic() - begin < 30
    assert caught.value.hint
    assert "key-in-the-path" not in str(caught.value)
    assert "s3cret" not in str(caught.value) + repr(web) + repr(caught.value)


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        web = Web(f"http://127.0.0.1:{free.getsockname()[1]}", "the shop", read=0.4)
        with pytest.raises(Unreachable, match="nothing answers at the shop"):
            web.get("/")
        web.close()


def test_no_more_is_read_than_asked_for(service: Service, web: Web) -> None:
    service.reply = plain(200, b"x" * 5000)
    with pytest.raises(Unreachable, match="more than 1000 bytes"):
        web.get("/", most=1000)


def test_something_long_is_hashed_as_it_comes(service: Service, web: Web) -> None:
    service.reply = plain(200, DATA, Content_Type="video/mp4; charset=x")
    shares: list[float] = []
    read = web.read("/file", len(DATA), beat=shares.append)
    assert read == Read(hashlib.sha256(DATA).hexdigest(), len(DATA), "video/mp4")
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_more_than_was_published_is_a_mismatch(service: Service, web: Web) -> None:
    service.reply = plain(200, DATA)
    with pytest.raises(Mismatch, match="more than the 100 bytes"):
        web.read("/file", 100)


def test_what_is_not_there_is_an_answer(service: Service, web: Web) -> None:
    service.reply = plain(404, b"not found")
    answer = web.read("/file", 100)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.said) == (404, "not found")


def test_redirects_are_followed_without_the_token_but_not_for_ever(service: Service, web: Web) -> None:
    other = Service()
    other.reply = plain(200, b"there")
    service.reply = plain(302, b"", Location=f"{other.url.replace('127.0.0.1', 'localhost')}/x")
    read = web.read("/file", 5)
    assert isinstance(read, Read)
    assert read.bytes == 5
    assert "Authorization" not in other.seen[0][2]
    other.close()
    service.reply = plain(302, b"", Location="/again")
    with pytest.raises(Unreachable, match="one address to the next"):
        web.read("/file", 5)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Refused), (401, Refused), (402, Refused), (429, Unreachable), (500, Unreachable)]
)
def test_a_refusal_says_what_the_service_said(status: int, kind: type[Exception], service: Service, web: Web) -> None:
    service.reply = plain(status, b"no\x1b[31m more\n\n room", Retry_After="12")
    error = web.fault(web.get("/"), "pinning alice.mp4")
    assert type(error) is kind
    assert f"answered {status} when pinning alice.mp4: no [31m more room" in error.message
    assert error.wait == (12.0 if kind is Unreachable else None)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("5", 5.0), ("-5", 0.0), ("1e9", 3600.0), ("nan", None), ("soon", None), ("", None)],
)
def test_when_to_come_back(said: str, seconds: float | None) -> None:
    answer = Answer(429, b"", {"Retry-After": said} if said else {})
    found = retry_after(answer)
    assert found == seconds or (said == "soon" and found in (None, 0.0))


@pytest.mark.parametrize("base", ["", "shop.example", "ftp://shop.example", "/ip4/127.0.0.1/tcp/5001"])
def test_an_address_that_is_none(base: str) -> None:
    with pytest.raises(PublisherError, match="the address of the shop"):
        Web(base, "the shop")


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000, b"9" * 5000], ids=lambda body: str(body[:6]))
def test_what_is_no_json_is_one_kind_of_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        Answer(200, body).json()


def test_a_token_that_a_service_repeats_is_not_told() -> None:
    web = Web("https://shop.example", "the shop", token=Secret("s3cret-token"))
    fault = web.fault(Answer(401, b"unknown token s3cret-token"), "asking")
    assert "s3cret" not in str(fault)
    assert "unknown token …" in fault.message
