"""What a gateway says is read exactly, and what it says in its own way is understood."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from publishers.arweave.answers import ANCHOR_BLOCKS, Anchor, Posted, Status
from publishers.arweave.data import Data
from publishers.arweave.encoding import encode
from publishers.arweave.network import Gateway
from publishers.arweave.tags import Tag
from publishers.arweave.transaction import Header, sign
from publishers.arweave.wallet import Wallet
from publishers.errors import PublishError, Refused, Unreachable

ID = "x" * 43
BLOCK = "b" * 64
INFO = json.dumps({"network": "arweave.N.1", "height": 1500000, "release": 80, "version": 5})


@dataclass
class Node:
    """Says what it was told to, and remembers what it was asked. Several answers are given one after the other."""

    url: str = ""
    script: dict[str, list[tuple[int, str, dict[str, str]]]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def says(self, call: str, *answers: tuple[int, str] | tuple[int, str, dict[str, str]]) -> None:
        self.script[call] = [(*answer, {})[:3] for answer in answers]  # type: ignore[misc]

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, str, dict[str, str]]:
        self.asked.append((method, path, json.loads(body) if body else None))
        answers = self.script.get(f"{method} {path}", [(404, "Not Found", {})])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def node() -> Iterator[Node]:
    node = Node()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, text, headers = node.answer(self.command, self.path, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    node.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield node
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def gateway(node: Node, pauses: list[float]) -> Iterator[Gateway]:
    with closing(Gateway(f"{node.url}/", pauses.append)) as gateway:
        yield gateway


@pytest.fixture
def data(write: Callable[[int], Path]) -> Data:
    return Data.of(write(300_000))


@pytest.fixture
def header(wallet: Wallet, data: Data) -> Header:
    return sign(wallet, data, [Tag("Content-Type", "video/mp4")], 5, encode(bytes(48)))


def test_info_names_network_height_and_clock(node: Node, gateway: Gateway) -> None:
    node.says("GET /info", (200, INFO, {"Date": "Sat, 21 Nov 2026 08:00:00 GMT"}))
    info = gateway.info()
    assert (info.network, info.height, info.release) == ("arweave.N.1", 1500000, 80)
    assert info.clock is not None
    assert "Gateway(127.0.0.1:" in repr(gateway)


@pytest.mark.parametrize("said", ["", "<html>", "[]", "{}", '{"network": "", "height": 1}', '{"network": "a"}'])
def test_another_service_is_told(said: str, node: Node, gateway: Gateway) -> None:
    node.says("GET /info", (200, said))
    with pytest.raises(Unreachable, match="did not give") as caught:
        gateway.info()
    assert "address of an Arweave gateway" in caught.value.hint


def test_money_is_whole_numbers(node: Node, gateway: Gateway) -> None:
    node.says("GET /price/1000", (200, "123456789012345678901234567890\n"))
    node.says(f"GET /wallet/{ID}/balance", (200, "0"))
    assert gateway.price(1000) == 123456789012345678901234567890
    assert gateway.balance(ID) == 0


@pytest.mark.parametrize("said", ["", "1.5", "1e+21", "-1", "NaN", "null", "１２", "9" * 41])
def test_what_is_no_whole_number_is_no_money(said: str, node: Node, gateway: Gateway) -> None:
    node.says("GET /price/1", (200, said))
    with pytest.raises(Unreachable, match="did not give the price"):
        gateway.price(1)


def test_an_anchor_expires_when_no_block_can_bring_it_back(node: Node, gateway: Gateway) -> None:
    node.says("GET /tx_anchor", (200, BLOCK))
    node.says("GET /info", (200, INFO))
    anchor = gateway.anchor()
    assert anchor == Anchor(BLOCK, 1500000)
    assert not anchor.expired(1500000)
    assert not anchor.expired(1500000 + ANCHOR_BLOCKS + 18)
    assert anchor.expired(1500000 + ANCHOR_BLOCKS + 21)


@pytest.mark.parametrize("said", ["", "x", "Not Found.", "a" * 200])
def test_what_is_no_block_is_no_anchor(said: str, node: Node, gateway: Gateway) -> None:
    node.says("GET /tx_anchor", (200, said))
    with pytest.raises(Unreachable, match="did not give an anchor"):
        gateway.anchor()


CONFIRMED = json.dumps({"block_height": 7, "block_indep_hash": BLOCK, "number_of_confirmations": 12})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((404, "Not Found."), Status("absent")),
        ((410, "invalid_anchor"), Status("absent")),
        ((202, "Pending"), Status("pending")),
        ((200, "Pending"), Status("pending")),
        ((200, CONFIRMED), Status("confirmed", 12, 7)),
        ((200, CONFIRMED.replace("12", "0")), Status("confirmed", 1, 7)),
    ],
    ids=str,
)
def test_states_of_a_transaction(answer: tuple[int, str], expected: Status, node: Node, gateway: Gateway) -> None:
    node.says(f"GET /tx/{ID}/status", answer)
    assert gateway.status(ID) == expected


@pytest.mark.parametrize("answer", [(200, ""), (200, "{}"), (200, "<html>"), (503, "not joined"), (429, "slow down")])
def test_no_state_is_made_up(answer: tuple[int, str], node: Node, gateway: Gateway) -> None:
    node.says(f"GET /tx/{ID}/status", answer)
    with pytest.raises(Unreachable):
        gateway.status(ID)


def test_a_header_is_believed_only_if_it_is_sound(node: Node, gateway: Gateway, header: Header) -> None:
    path = f"GET /tx/{header.id}"
    node.says(path, (200, header.to_json()))
    assert gateway.header(header.id) == header
    for answer in ((404, ""), (202, "Pending"), (200, "Pending"), (410, "overspend")):
        node.says(path, answer)
        assert gateway.header(header.id) is None
    node.says(path, (200, header.to_json().replace('"reward":"5"', '"reward":"6"')))
    with pytest.raises(Unreachable, match="did not give a transaction"):
        gateway.header(header.id)
    node.says(f"GET /tx/{ID}", (200, header.to_json()))
    with pytest.raises(Unreachable, match="did not give a transaction"):
        gateway.header(ID)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, "OK"), Posted.ACCEPTED),
        ((200, '{"id": "x"}'), Posted.ACCEPTED),
        ((202, ""), Posted.ACCEPTED),
        ((208, "Transaction already processed."), Posted.KNOWN),
        ((400, "Transaction is already on the weave."), Posted.KNOWN),
        ((400, "Transaction is already in the mempool."), Posted.KNOWN),
        ((410, '{"code":410,"msg":"You don\'t have enough tokens"}'), Posted.UNFUNDED),
        ((403, '{"error":"you don\'t have enough funds to send 5"}'), Posted.UNFUNDED),
        ((402, ""), Posted.UNFUNDED),
        ((400, "Invalid anchor (last_tx)."), Posted.EXPIRED),
        ((400, "Transaction verification failed."), Posted.INVALID),
        ((400, "Bad Request"), Posted.INVALID),
        ((413, "Payload too large"), Posted.INVALID),
        ((404, "Not Found"), Posted.UNCLEAR),
    ],
    ids=str,
)
def test_gateways_answer_a_post_each_in_its_own_way(
    answer: tuple[int, str], expected: Posted, node: Node, gateway: Gateway, header: Header
) -> None:
    node.says("POST /tx", answer)
    assert gateway.post(header, b"inline") is expected
    assert node.asked == [("POST", "/tx", {**header.document(), "data": encode(b"inline")})]


@pytest.mark.parametrize("status", [429, 500, 503, 401, 301])
def test_a_post_is_never_repeated_by_itself(status: int, node: Node, gateway: Gateway, header: Header) -> None:
    node.says("POST /tx", (status, "not enough time" if status > 401 else "", {"Retry-After": "7"}))
    with pytest.raises(PublishError) as caught:
        gateway.post(header)
    assert len(node.asked) == 1
    assert caught.value.passing == (status > 401)
    assert caught.value.wait == (7.0 if caught.value.passing else None)


def test_chunks_are_posted_again_where_the_gateway_stumbles(
    node: Node, gateway: Gateway, data: Data, pauses: list[float]
) -> None:
    node.says("POST /chunk", (502, ""), (503, ""), (200, "{}"))
    gateway.post_chunk(data.chunk(1))
    assert [body for _, _, body in node.asked] == [data.chunk(1).document] * 3
    assert pauses == [0.25, 0.5]


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        ((400, '{"error":"data_root_not_found"}'), 1),
        ((400, '{"error":"exceeds_disk_pool_size_limit"}'), 1),
        ((503, '{"error":"not_joined"}'), 3),
        ((429, ""), 1),
    ],
    ids=str,
)
def test_a_chunk_that_comes_too_early_comes_again_later(
    answer: tuple[int, str], calls: int, node: Node, gateway: Gateway, data: Data
) -> None:
    node.says("POST /chunk", answer)
    with pytest.raises(Unreachable):
        gateway.post_chunk(data.chunk(0))
    assert len(node.asked) == calls


@pytest.mark.parametrize("answer", [(400, '{"error":"invalid_proof"}'), (413, "Payload too large")], ids=str)
def test_a_chunk_that_is_wrong_is_refused(answer: tuple[int, str], node: Node, gateway: Gateway, data: Data) -> None:
    node.says("POST /chunk", answer)
    with pytest.raises(Refused):
        gateway.post_chunk(data.chunk(0))


def found(*nodes: object) -> str:
    return json.dumps({"data": {"transactions": {"edges": [{"node": node} for node in nodes]}}})


def test_earlier_transactions_are_found_by_owner_and_hash(node: Node, gateway: Gateway) -> None:
    mine = {"id": ID, "owner": {"address": "me"}}
    node.says(
        "POST /graphql", (200, found(mine, {"id": "y" * 43, "owner": {"address": "you"}}, {**mine, "id": "../x"}))
    )
    assert gateway.find("me", "ab" * 32) == (ID,)
    variables = node.asked[0][2]["variables"]
    assert variables["owners"] == ["me"]
    assert {tag["name"]: tag["values"] for tag in variables["tags"]} == {
        "App-Name": ["lipsyncd"],
        "SHA-256": ["ab" * 32],
    }
    node.says("POST /graphql", (200, found()))
    assert gateway.find("me", "ab" * 32) == ()


NO_INDEX = [(404, ""), (400, "Request type not found."), (405, ""), (200, "<html>"), (200, '{"data": null}')]


@pytest.mark.parametrize("answer", NO_INDEX, ids=str)
def test_a_gateway_without_an_index_cannot_tell(answer: tuple[int, str], node: Node, gateway: Gateway) -> None:
    node.says("POST /graphql", answer)
    assert gateway.find("me", "ab" * 32) is None


@pytest.mark.parametrize("answer", [(503, ""), (429, ""), (200, '{"data": null, "errors": [{"message": "late"}]}')])
def test_an_index_that_is_down_is_not_one_that_found_nothing(
    answer: tuple[int, str], node: Node, gateway: Gateway
) -> None:
    node.says("POST /graphql", answer)
    with pytest.raises(Unreachable):
        gateway.find("me", "ab" * 32)


def test_questions_are_asked_three_times_at_most(node: Node, gateway: Gateway, pauses: list[float]) -> None:
    node.says("GET /price/1", (500, ""), (504, ""), (200, "5"))
    assert gateway.price(1) == 5
    node.says("GET /price/1", (500, ""))
    with pytest.raises(Unreachable, match="answered 500"):
        gateway.price(1)
    assert len(node.asked) == 6
    assert pauses == [0.25, 0.5] * 2
    node.says("GET /price/1", (400, "no"))
    with pytest.raises(Refused, match="answered 400"):
        gateway.price(1)
    assert len(node.asked) == 7


def test_a_gateway_that_is_not_there_is_said_so(pauses: list[float]) -> None:
    with closing(Gateway("http://127.0.0.1:9", pauses.append)) as gateway, pytest.raises(Unreachable, match="nothing"):
        gateway.info()
    assert pauses == [0.25, 0.5]
