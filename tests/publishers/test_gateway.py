"""Reading back through a gateway that lies, drips, never ends, is slow, or is none."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest

from publishers import Mismatch, PublisherError, PublishError, Unreachable
from publishers.gateway import Gateway, sound, under
from tests.nodes.lying import LyingGateway
from tests.nodes.server import Call, Reply, Server

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Shelf(Server):
    """Serves one file, anywhere but under /none."""

    def answer(self, call: Call) -> Reply:
        if call.path == "/none":
            return Reply(404)
        if call.path.startswith("/status/"):
            return Reply(int(call.path.removeprefix("/status/")), b"words", {"Retry-After": "7"})
        if call.path == "/moved":
            return Reply(302, b"", {"Location": "/there"})
        if call.path == "/endless":
            return Reply(200, iter(lambda: bytes(65536), b""))
        if call.path == "/huge":
            return Reply(200, b"", length=10**15)
        return Reply(200, CONTENT, {"Content-Type": "video/mp4"})


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as server:
        yield server


def test_right_bytes_are_right(shelf: Shelf) -> None:
    shares: list[float] = []
    gateway = Gateway(shelf.url)
    assert gateway.holds("/x", "a.mp4", SHA256, len(CONTENT), shares.append)
    assert shares[-1] == 1.0
    assert gateway.holds("/moved", "a.mp4", SHA256, len(CONTENT))
    assert gateway.holds("/x", "a.mp4", SHA256), "the size is asked for where it is not known"
    assert not gateway.holds("/none", "a.mp4", SHA256)
    assert not gateway.holds("/none", "a.mp4", SHA256, 5)


@pytest.mark.parametrize(
    ("lie", "kind", "words"),
    [
        ("other bytes", Mismatch, "serves other bytes instead of a.mp4"),
        ("fewer bytes", Mismatch, "serves only 128000 of 256000 bytes instead of a.mp4"),
        ("more bytes", Mismatch, "serves more than the 256000 bytes that were published"),
        ("endless", Mismatch, "serves more than the 256000 bytes that were published"),
        ("error page", Mismatch, "serves a web page instead of a.mp4"),
        ("torn", Unreachable, "broke off"),
        ("drip", Unreachable, "too slow"),
        ("silence", Unreachable, "does not answer in time"),
    ],
)
def test_lies_are_told_apart(shelf: Shelf, lie: str, kind: type[PublishError], words: str) -> None:
    with LyingGateway(shelf.url, lie) as lying:
        began = time.monotonic()
        with pytest.raises(kind, match=words) as caught:
            Gateway(lying.url, read=1.0, deadline=-3.0).holds("/x", "a.mp4", SHA256, len(CONTENT))
        assert time.monotonic() - began < 25
    assert caught.value.passing == (kind is Unreachable)
    assert kind is Mismatch or caught.value.hint


def test_a_size_that_is_not_known_is_bounded_all_the_same(shelf: Shelf) -> None:
    with pytest.raises(Mismatch, match=r"says that a\.mp4 has 1000000000000000 bytes"):
        Gateway(shelf.url).holds("/huge", "a.mp4", SHA256)
    with pytest.raises(Unreachable, match=r"does not say how long a\.mp4 is"):
        Gateway(shelf.url).holds("/endless", "a.mp4", SHA256)


@pytest.mark.parametrize(
    ("status", "words", "wait"), [(504, "does not find a.mp4", None), (429, "429", 7.0), (500, "500", 7.0)]
)
def test_later_is_told_from_never(shelf: Shelf, status: int, words: str, wait: float | None) -> None:
    with pytest.raises(Unreachable, match=words) as caught:
        Gateway(shelf.url).holds(f"/status/{status}", "a.mp4", SHA256, 5)
    assert caught.value.wait == wait
    with pytest.raises(PublishError, match="403") as refused:
        Gateway(shelf.url).holds("/status/403", "a.mp4", SHA256)
    assert not refused.value.passing


def test_a_gateway_that_gives_no_blocks_gives_none(shelf: Shelf) -> None:
    assert Gateway(shelf.url).block("bafyx") is None
    assert shelf.calls[-1].query == [("format", "raw")]
    assert shelf.calls[-1].headers["Accept"] == "application/vnd.ipld.raw"


def test_clocks_are_compared(shelf: Shelf) -> None:
    assert abs(Gateway(shelf.url).skew("/x") or 9) < 5


def test_addresses() -> None:
    assert under("bafy") == "/ipfs/bafy"
    assert under("bafy", "旁白 #1, 100%.mp4") == "/ipfs/bafy/%E6%97%81%E7%99%BD%20%231,%20100%25.mp4"
    assert Gateway("http://localhost:8080").web.base == "http://127.0.0.1:8080"
    assert Gateway("https://localhost/x").web.base == "https://127.0.0.1/x"
    assert sound(b"x", b"\x01\x55\x12\x20" + hashlib.sha256(b"x").digest())
    with pytest.raises(PublisherError, match="IPFS gateway"):
        Gateway("nonsense")
