"""The servers that misbehave do so as they say; what the tests of publishers find rests on it."""

from __future__ import annotations

import http.client
import json
import urllib.error
from collections import Counter
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.nodes.flaky import Flaky
from tests.nodes.guard import Guard
from tests.nodes.lying import LyingGateway
from tests.nodes.paragraph import ParagraphService
from tests.nodes.pinning import PinningService
from tests.nodes.process import call
from tests.nodes.server import Call, Reply, Server


class Echo(Server):
    """Answers with what was sent."""

    def answer(self, call: Call) -> Reply:
        return Reply(200, call.body or call.target.encode(), {"Content-Type": "text/plain"})


def ask(url: str, token: str, content: object = None, method: str | None = None) -> tuple[int, Any]:
    data = None if content is None else json.dumps(content).encode()
    request = Request(url, data, {"Authorization": f"Bearer {token}"}, method=method)
    try:
        with urlopen(request, timeout=10) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read()
    return status, json.loads(body) if body else None


def test_chunks_and_long_lines_arrive_whole() -> None:
    with Echo() as echo:
        line = http.client.HTTPConnection("127.0.0.1", int(echo.url.rpartition(":")[2]))
        line.request(
            "POST", "/x", iter([b"a" * 70_000, b"b"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        assert line.getresponse().read() == b"a" * 70_000 + b"b"
        line.request("GET", "/%E6%97%81?a=1")
        assert line.getresponse().read() == b"/%E6%97%81?a=1"
        line.close()
        assert echo.calls[1].path == "/旁"


def outcomes(flaky: Flaky, times: int) -> list[str]:
    said = []
    for number in range(times):
        try:
            call(f"{flaky.url}/{number}", b"x", seconds=5)
        except urllib.error.HTTPError as error:
            said.append(f"{error.code}{' later' if error.headers.get('Retry-After') else ''}")
            error.close()
        except OSError as error:
            said.append(type(getattr(error, "reason", error)).__name__)
        else:
            said.append("well")
    return said


def test_a_flaky_line_fails_as_often_as_asked_and_the_same_again() -> None:
    with Echo() as echo, Flaky(echo.url, seed=3, hang=0.01) as first, Flaky(echo.url, seed=3, hang=0.01) as second:
        said = outcomes(first, 200)
        assert outcomes(second, 200) == said
        assert first.faults == second.faults
        counts = Counter(said)
        assert 0.2 < 1 - counts["well"] / 200 < 0.4
        assert {"500", "429 later", "ConnectionResetError"} <= set(counts)
        lost = [fault for fault in first.faults if fault[1] == "after"]
        assert len(first.passed) == counts["well"] + len(lost)
        assert sum(not one.told for one in first.passed) == len(lost)
        assert {kind for kind, _ in lost} == {"500", "429", "hang", "reset"}


def test_a_line_to_a_node_that_is_away_breaks() -> None:
    with Flaky("http://127.0.0.1:9", seed=1, share=0.0) as flaky:
        assert set(outcomes(flaky, 2)) <= {"ConnectionResetError", "RemoteDisconnected"}
        assert [one.status for one in flaky.passed] == [0, 0]


@pytest.mark.parametrize(
    ("lie", "heard"),
    [
        ("none", b"content"),
        ("other bytes", b"conuent"),
        ("fewer bytes", b"con"),
        ("more bytes", b"content\0"),
        ("error page", b"<html>504 gateway time-out</html>"),
    ],
)
def test_lies_that_end(lie: str, heard: bytes) -> None:
    with Echo() as echo, LyingGateway(echo.url, lie) as gateway:
        assert call(f"{gateway.url}/", b"content") == heard


def test_lies_that_do_not_end() -> None:
    with Echo() as echo, LyingGateway(echo.url, "torn") as gateway:
        with pytest.raises(http.client.IncompleteRead):
            call(f"{gateway.url}/", b"content")
        gateway.lie = "endless"
        with urlopen(Request(f"{gateway.url}/", b"content"), timeout=5) as answer:
            assert len(answer.read(10_000_000)) == 10_000_000
        gateway.lie = "drip"
        with urlopen(Request(f"{gateway.url}/", b"content"), timeout=5) as answer:
            assert answer.read(1) == b"c"
        gateway.lie = "silence"
        with pytest.raises(TimeoutError):
            call(f"{gateway.url}/", b"content", seconds=0.3)
        gateway.lie = "404"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            call(f"{gateway.url}/", b"content")


@pytest.mark.parametrize(("secret", "header"), [("me:pass", "Basic bWU6cGFzcw=="), ("token", "Bearer token")])
def test_a_guard_lets_through_who_may(secret: str, header: str) -> None:
    with Echo() as echo, Guard(echo.url, secret) as guard:
        with urlopen(Request(f"{guard.url}/x", headers={"Authorization": header}), timeout=5) as answer:
            assert answer.read() == b"/x"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            call(f"{guard.url}/x")
        assert guard.refused == 1


def test_pins_live_as_the_specification_says() -> None:
    with PinningService("right") as service:
        assert ask(f"{service.url}/pins", "wrong")[0] == 401
        assert ask(f"{service.url}/pins", "right", {"name": "x"})[0] == 400
        status, made = ask(f"{service.url}/pins", "right", {"cid": "bafy1", "name": "旁白.mp4"})
        assert status == 202
        assert isinstance(made, dict)
        assert made["status"] == "queued"
        one = f"{service.url}/pins/{made['requestid']}"
        assert [ask(one, "right")[1]["status"] for _ in range(3)] == ["pinning", "pinned", "pinned"]
        service.failing.add("bafy2")
        ask(f"{service.url}/pins", "right", {"cid": "bafy2"})
        service.settle()
        assert ask(f"{service.url}/pins?cid=bafy2&status=failed", "right")[1]["count"] == 1
        assert [pin["pin"]["cid"] for pin in ask(f"{service.url}/pins", "right")[1]["results"]] == ["bafy1"]
        service.found = lambda cid: False
        ask(f"{service.url}/pins", "right", {"cid": "bafy3"})
        service.settle()
        assert service.pins[-1].status == "queued"
        service.funds = False
        assert ask(f"{service.url}/pins", "right", {"cid": "bafy4"})[0] == 409
        assert ask(one, "right", method="DELETE")[0] == 202
        assert ask(one, "right")[0] == 404


def test_paragraph_publishes_unless_told_otherwise() -> None:
    with ParagraphService("right") as service:
        posts = f"{service.api}/v1/posts"
        assert ask(posts, "wrong", {})[0] == 401
        assert ask(posts, "right", {"title": "x" * 201, "markdown": "x"})[0] == 400
        assert ask(posts, "right", {"title": "x", "markdown": "x"})[1] == {"id": "post0001", "status": "published"}
        assert ask(posts, "right", {"title": "y", "markdown": "z", "status": "draft"}) == (
            200,
            {"id": "post0002", "status": "draft"},
        )
        items = ask(f"{posts}?status=draft", "right")[1]["items"]
        assert [item["title"] for item in items] == ["y"]
        assert "markdown" not in items[0]
