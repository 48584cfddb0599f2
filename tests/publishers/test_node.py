"""The seam around ipfshttpclient: what is sent, and every way in which a node can fail."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from publishers import PublisherError, PublishError, Refused, Unreachable, quietly
from publishers.node import Node, Patience
from publishers.node_address import node_address
from publishers.outgoing import Outgoing, carry
from publishers.secret import Secret
from tests.nodes.server import Call, Reply, Server, document
from tests.publishers.small_node import SmallNode

HASTY = Patience(connect=0.5, answer=0.7, stall=0.7, digest=0.7)
HELLO = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"
"""Of the five bytes "hello"."""


@pytest.fixture
def small() -> Iterator[SmallNode]:
    with SmallNode() as server:
        yield server


def hello() -> Outgoing:
    return Outgoing("旁白.mp4", iter([b"he", b"llo"]), 5)


def add(node: Node) -> str:
    return node.add(hello(), 262144, pin=True)


def test_what_it_is(small: SmallNode) -> None:
    node = Node(small.url)
    assert (node.version().program, node.version().text, node.version().old) == ("Kubo", "0.30.0", False)
    small.version = {"Version": "0.7.0"}
    assert node.version().old
    small.version = {"Version": "0.18.1", "ipfs-core": "0.18.1"}
    assert (node.version().program, node.version().old) == ("js-ipfs", False)
    small.version = {"Version": "next"}
    assert not node.version().old


def test_every_option_is_explicit(small: SmallNode) -> None:
    assert add(Node(small.url)) == HELLO
    [call] = small.asked("add")
    options = {name: value.lower() for name, value in call.query}
    wanted = {
        "cid-version": "1",
        "raw-leaves": "true",
        "chunker": "size-262144",
        "pin": "true",
        "cid-base": "base32",
        "hash": "sha2-256",
        "trickle": "false",
        "nocopy": "false",
        "wrap-with-directory": "false",
        "only-hash": "false",
    }
    assert options.items() >= wanted.items()
    assert b"Abspath" not in call.body
    assert small.files == {HELLO: b"hello"}


def test_pins_come_and_go(small: SmallNode) -> None:
    node = Node(small.url)
    assert not node.pinned(HELLO)
    add(node)
    assert node.pinned(HELLO)
    node.unpin(HELLO)
    assert not node.pinned(HELLO)


@pytest.mark.parametrize(
    ("secret", "sent"),
    [
        ("alice:pässword:x", "Basic " + base64.b64encode("alice:pässword:x".encode()).decode()),
        ("basic:alice:secret", "Basic " + base64.b64encode(b"alice:secret").decode()),
        ("t0ken", "Bearer t0ken"),
        ("bearer:t0:ken", "Bearer t0:ken"),
    ],
)
def test_what_lets_us_in_is_sent_and_never_shown(small: SmallNode, secret: str, sent: str) -> None:
    node = Node(small.url, Secret(secret))
    add(node)
    assert small.calls[-1].headers["Authorization"] == sent
    shown = f"{node!r} {node._client._client._session_props!r}" if sent.startswith("Bearer") else repr(node)
    assert "t0" not in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("reply", "kind", "words", "hint"),
    [
        (Reply(401, b""), Refused, "answered 401", "publish.ipfs.auth"),
        (Reply(403, b"Kubo RPC Access Denied"), Refused, "answered 403", "publish.ipfs.auth"),
        (Reply(404, b""), Refused, "answered 404", "publish.ipfs.api"),
        (Reply(405, b""), Refused, "answered 405", "publish.ipfs.api"),
        (document(400, {"Message": "bad\nwords"}), Refused, "answered 400 when .*: bad words", "log"),
        (Reply(413, b""), Refused, "413", ""),
        (document(500, {"Message": "write /data: no space left on device"}), Unreachable, "no space", "disk is full"),
        (Reply(507, b""), Unreachable, "507", "disk is full"),
        (document(500, {"Message": "merkledag"}), Unreachable, "answered 500 when .*: merkledag", "tried again"),
        (Reply(503, b"<html>"), Unreachable, "answered 503", "tried again"),
        (Reply(reset=True), Unreachable, "broke off", "tried again"),
        (Reply(hang=30), Unreachable, "does not answer in time", "hang"),
        (Reply(200, b"<html>hello</html>"), Unreachable, "talks nonsense", "RPC API"),
        (Reply(200, b"[]"), Unreachable, "talks nonsense", "RPC API"),
        (Reply(200, b"{}"), Unreachable, "talks nonsense", "RPC API"),
        (Reply(200, b""), Unreachable, "talks nonsense", "RPC API"),
        (Reply(200, b'{"Hash": 5, "Version": 5}'), Unreachable, "talks nonsense", "RPC API"),
        (Reply(200, b'{"Hash": "x", "Version": "x"}', length=1000), Unreachable, "broke off", "tried again"),
    ],
)
@pytest.mark.parametrize("command", ["version", "add"])
def test_every_fault_has_a_name(
    small: SmallNode, command: str, reply: Reply, kind: type[PublishError], words: str, hint: str
) -> None:
    small.moods[command] = reply
    node = Node(small.url, patience=HASTY)
    with pytest.raises(kind, match=words) as caught:
        node.version() if command == "version" else add(node)
    assert hint in caught.value.hint
    assert caught.value.hint
    assert caught.value.passing == (kind is Unreachable)
    assert caught.value.__cause__ is None


def test_an_error_in_the_middle_of_an_answer_is_one(small: SmallNode) -> None:
    small.moods["add"] = document(200, {"Message": "no space left on device", "Code": 0, "Type": "error"})
    with pytest.raises(Unreachable, match="no space left"):
        add(Node(small.url))


def test_what_it_could_not_pin_is_said(small: SmallNode) -> None:
    root = {"Root": {"Cid": {"/": HELLO}, "PinErrorMsg": "block not found"}}
    small.moods["dag/import"] = document(200, root)
    with pytest.raises(Unreachable, match=r"could not pin 旁白\.mp4: block not found"):
        Node(small.url).load(hello(), pin=True)


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for address in (f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port}"):
            with pytest.raises(Unreachable, match=f"nothing answers at 127.0.0.1:{port}") as caught:
                Node(address).version()
            assert caught.value.hint == "Start the node."
    with pytest.raises(Unreachable, match="no such name"):
        Node("http://nobody.invalid:5001").version()


def test_a_node_that_speaks_no_https(small: SmallNode) -> None:
    with pytest.raises(Unreachable, match="does not speak https"):
        Node(small.url.replace("http:", "https:")).version()


def test_a_node_that_reads_nothing_more_is_hung() -> None:
    """The connection stands, the kernel's buffers fill: the library calls that a breach of protocol."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        node = Node(f"http://127.0.0.1:{deaf.getsockname()[1]}", patience=HASTY)
        body = Outgoing("a.mp4", iter(lambda: bytes(262144), b""), 10**9)
        with pytest.raises(Unreachable, match=r"does not answer in time \(sending a.mp4\)"):
            node.add(body, 262144, pin=True)


class Drip(Server):
    def answer(self, call: Call) -> Reply:
        return Reply(200, self._slowly(), {"Content-Type": "application/json"})

    def _slowly(self) -> Iterator[bytes]:
        while not self.closing.wait(0.2):
            yield b" "


def test_a_node_that_drips_is_slow() -> None:
    with Drip() as drip, pytest.raises(Unreachable, match="too slow"):
        Node(drip.url, patience=HASTY).version()


def test_it_is_heard_of_while_it_lasts_and_can_be_ended(small: SmallNode) -> None:
    def slowly() -> Iterator[bytes]:
        for _ in range(1000):
            time.sleep(0.01)
            yield bytes(100)

    shares: list[float] = []

    def beat(share: float) -> None:
        shares.append(share)
        if len(shares) == 3:
            raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        Node(small.url).add(Outgoing("a.mp4", slowly(), 100_000), 262144, pin=True, beat=beat)
    assert 0 < shares[0] < shares[1] < shares[2] < 0.5
    for thread in threading.enumerate():
        if thread.name == "sending a.mp4":
            thread.join(5)
            assert not thread.is_alive()
    assert not small.pins


def test_a_fault_of_the_file_is_the_files(small: SmallNode) -> None:
    def torn() -> Iterator[bytes]:
        yield b"he"
        raise Refused("a.mp4 is gone")

    with pytest.raises(Refused, match=r"^a\.mp4 is gone$"):
        Node(small.url).add(Outgoing("a.mp4", torn(), 5), 262144, pin=True)
    assert not small.pins


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_our_own_mistakes_are_not_blamed_on_the_node() -> None:
    def mistaken() -> None:
        raise ZeroDivisionError

    with pytest.raises(RuntimeError, match="died"):
        carry(mistaken, hello(), 5, quietly, Unreachable("late"))


@pytest.mark.parametrize(
    ("api", "shown", "multiaddr", "base"),
    [
        ("http://127.0.0.1:5001", "127.0.0.1:5001", "/ip4/127.0.0.1/tcp/5001/http", "api/v0"),
        ("http://127.0.0.1:5001/", "127.0.0.1:5001", "/ip4/127.0.0.1/tcp/5001/http", "api/v0"),
        ("http://127.0.0.1:5001/api/v0", "127.0.0.1:5001", "/ip4/127.0.0.1/tcp/5001/http", "api/v0"),
        ("https://node.example", "node.example:443", "/dns/node.example/tcp/443/https", "api/v0"),
        ("http://[::1]:5001", "[::1]:5001", "/ip6/::1/tcp/5001/http", "api/v0"),
        ("https://nas.local/ipfs/", "nas.local:443", "/dns/nas.local/tcp/443/https", "ipfs/api/v0"),
        ("http://localhost:5001", "localhost:5001", "/dns/localhost/tcp/5001/http", "api/v0"),
    ],
)
def test_addresses_become_what_the_library_wants(api: str, shown: str, multiaddr: str, base: str) -> None:
    found = node_address(api)
    assert (found.shown, found.multiaddr, found.base) == (shown, multiaddr, base)
    assert Node(api).host == shown


@pytest.mark.parametrize(
    "api", ["", "127.0.0.1:5001", "/ip4/127.0.0.1/tcp/5001", "ftp://x", "http://", "http://x:y", "http://1.2.3.4.5:1"]
)
def test_what_is_no_address_is_said(api: str) -> None:
    with pytest.raises(PublisherError, match=r"publish\.ipfs\.api is"):
        Node(api)


def test_a_password_has_no_place_in_an_address() -> None:
    with pytest.raises(PublisherError, match="password in it") as caught:
        Node("http://alice:geheim@127.0.0.1:5001")
    assert "geheim" not in str(caught.value)


def test_clear_passwords_are_known(small: SmallNode) -> None:
    assert Node("http://nas.local:5001", Secret("a:b")).open_secret
    assert not Node("https://nas.local:5001", Secret("a:b")).open_secret
    assert not Node("http://127.0.0.1:5001", Secret("a:b")).open_secret
    assert not Node("http://nas.local:5001").open_secret


SEND = """
import sys, warnings
warnings.simplefilter("error")
from publishers.node import Node
from publishers.outgoing import Outgoing
size = int(sys.argv[2])
pieces = (bytes(2**20) for _ in range(size // 2**20))
Node(sys.argv[1]).add(Outgoing("a.mp4", pieces, size), 262144, pin=True)
with open("/proc/self/status") as status:
    print(status.read().split("VmHWM:")[1].split()[0])  # ru_maxrss counts the parent in
"""


class Sink(Server):
    """Takes everything and keeps nothing."""

    def take(self, call: Call) -> Reply:
        return self.answer(call)

    def answer(self, call: Call) -> Reply:
        return document(200, {"Name": "a.mp4", "Hash": HELLO, "Size": "5"})


def test_memory_does_not_follow_the_size() -> None:
    """Peak memory in KiB of the sending process, for 4 MiB and for 100 MiB; in a process where warnings are errors."""
    peaks = []
    with Sink() as sink:
        for size in (4 * 2**20, 100 * 2**20):
            command = [sys.executable, "-c", SEND, sink.url, str(size)]
            ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
            peaks.append(int(ran.stdout))
    assert peaks[1] - peaks[0] < 8 * 1024
