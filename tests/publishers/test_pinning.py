"""Pinning services: asked once for each CID, all at once, and told apart when they are down, refuse or lie."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from publishers import (
    Artifact,
    Examined,
    Gatherer,
    Mismatch,
    Parcel,
    Pending,
    PublisherError,
    Quoter,
    Receipt,
    Refused,
    Unreachable,
    build,
    directory_cid,
    identify,
    quietly,
)
from publishers.pinning import PinningPublisher
from tests.nodes.pinning import PinningService
from tests.nodes.server import Call, Reply, Server, document
from tests.publishers.mishap import DiedError, Mishap

TOKENS = ("first-token-s3cret", "second-token-s3cret")


class Shelf(Server):
    """A gateway with what was put on it, by path."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, bytes] = {}

    def answer(self, call: Call) -> Reply:
        body = self.held.get(call.path)
        return Reply(404, b"ipfs resolve: not found") if body is None else Reply(200, body)


class Bench:
    """Two services and a gateway, and a publisher that uses them."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self.home = home
        self.services = [stack.enter_context(PinningService(token)) for token in TOKENS]
        self.shelf = stack.enter_context(Shelf())
        self.settings: dict[str, object] = {"services": self._listed(), "links": "https://links.example"}

    def _listed(self) -> list[dict[str, str]]:
        listed = []
        for name, service in zip(("one", "two"), self.services, strict=True):
            token = self.home / f"{name}.token"
            token.write_text(f"{service.token}\n")
            token.chmod(0o600)
            listed.append({"name": name, "endpoint": service.url, "token": str(token)})
        return listed

    def publisher(self, state: Path | None = None, **changed: object) -> PinningPublisher:
        made = build("pinning", self.settings | changed, state or self.home / "state")
        assert isinstance(made, PinningPublisher)
        return made

    def posts(self, index: int) -> list[Call]:
        return [call for call in self.services[index].calls if call.method == "POST"]

    def replies(self, index: int, answer: Callable[[Call], Reply | None]) -> None:
        """Let a service answer something else where ``answer`` gives that."""
        service = self.services[index]
        usual = service.answer
        service.answer = lambda call: answer(call) or usual(call)  # type: ignore[method-assign]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    files = {"卡萝.mp4": b"a video" * 50_000, "卡萝.jpg": b"a poster"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return Parcel("a1b2", "周报", tuple(identify(tmp_path / name) for name in files))


@pytest.fixture
def video(parcel: Parcel) -> Artifact:
    return parcel.artifacts[0]


def settled(bench: Bench, act: Callable[[], Receipt]) -> Receipt:
    """Call until it is published, as the daemon does, and return the receipt."""
    for _ in range(5):
        try:
            return act()
        except Pending:
            for service in bench.services:
                service.settle()
    raise AssertionError("still pending")


def test_it_is_all_that_a_store_may_be(bench: Bench) -> None:
    publisher = bench.publisher()
    assert isinstance(publisher, Gatherer)
    assert isinstance(publisher, Quoter)
    assert isinstance(publisher, Examined)


def test_pending_says_how_far_each_is_and_then_all_have_it(bench: Bench, parcel: Parcel, video: Artifact) -> None:
    bench.services[1].found = lambda cid: False
    with pytest.raises(Pending, match=r"卡萝.mp4: one \w+, two queued") as caught:
        bench.publisher().publish(video, parcel, quietly)
    assert caught.value.receipt.address == f"ipfs://{video.cid}"
    assert caught.value.receipt.state == "pending"
    assert caught.value.wait
    bench.services[0].settle()
    with pytest.raises(Pending, match="one pinned, two queued"):
        bench.publisher().publish(video, parcel, quietly)
    bench.services[1].found = lambda cid: True
    bench.services[1].settle()
    receipt = bench.publisher().publish(video, parcel, quietly)
    link = f"https://links.example/ipfs/{video.cid}"
    assert receipt == Receipt("pinning", "卡萝.mp4", video.sha256, f"ipfs://{video.cid}", link, "confirmed")
    assert [len(bench.posts(index)) for index in (0, 1)] == [1, 1]
    asked = json.loads(bench.posts(0)[0].body)
    assert asked == {"cid": video.cid, "name": "卡萝.mp4", "meta": {"app_id": "lipsyncd"}}


def test_a_second_request_is_never_made(bench: Bench, parcel: Parcel, video: Artifact) -> None:
    first = settled(bench, lambda: bench.publisher().publish(video, parcel, quietly))
    assert bench.publisher().publish(video, parcel, quietly) == first
    assert bench.publisher().publish(video, replace(parcel, id="another"), quietly) == first
    (bench.home / "state" / "ledger.sqlite").unlink()  # the services know by themselves
    assert bench.publisher().publish(video, parcel, quietly) == first
    assert [len(bench.posts(index)) for index in (0, 1)] == [1, 1]


def test_an_answer_that_was_lost_leads_to_no_second_request(bench: Bench, parcel: Parcel, video: Artifact) -> None:
    lost: list[Call] = []

    def lose(call: Call) -> Reply | None:
        if call.method == "POST" and not lost:
            lost.append(call)
            PinningService.answer(bench.services[0], call)
            return Reply(reset=True)
        return None

    bench.replies(0, lose)
    with pytest.raises(Unreachable):
        bench.publisher().publish(video, parcel, quietly)
    assert len(bench.services[0].pins) == 1
    settled(bench, lambda: bench.publisher().publish(video, parcel, quietly))
    assert len(bench.services[0].pins) == 1


def test_dying_between_any_two_effects_leads_to_no_second_request(
    bench: Bench, parcel: Parcel, video: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mishap = Mishap(monkeypatch)
    boundaries = 0

    def attempt() -> None:
        publisher = bench.publisher(tmp_path / f"state-{boundaries}")  # as another process would
        settled(bench, lambda: publisher.publish(video, parcel, quietly))

    while True:
        for service in bench.services:
            service.pins.clear()
        mishap.arm(boundaries)
        try:
            attempt()
        except DiedError:
            mishap.arm(-1)
        else:
            break
        attempt()
        assert [len(service.pins) for service in bench.services] == [1, 1], f"died at boundary {boundaries}"
        boundaries += 1
    assert boundaries >= 30


def test_a_service_that_is_down_does_not_hold_up_the_other(bench: Bench, parcel: Parcel, video: Artifact) -> None:
    bench.replies(0, lambda call: Reply(503, b"busy", {"Retry-After": "7"}))
    with pytest.raises(Unreachable, match="one did not answer, two queued") as caught:
        bench.publisher().publish(video, parcel, quietly)
    assert caught.value.wait == 7
    assert len(bench.services[1].pins) == 1


def test_a_failed_pin_is_refused_with_its_reason_and_asked_for_anew_later(
    bench: Bench, parcel: Parcel, video: Artifact
) -> None:
    bench.services[0].failing.add(video.cid)
    with pytest.raises(Pending):
        bench.publisher().publish(video, parcel, quietly)
    bench.services[0].settle()
    with pytest.raises(Refused, match=r"one could not pin 卡萝\.mp4: DAG too big"):
        bench.publisher().publish(video, parcel, quietly)
    bench.services[0].failing.clear()
    settled(bench, lambda: bench.publisher().publish(video, parcel, quietly))
    assert len(bench.posts(0)) == 2


def test_a_pin_that_somebody_removed_is_made_again(bench: Bench, parcel: Parcel, video: Artifact) -> None:
    receipt = settled(bench, lambda: bench.publisher().publish(video, parcel, quietly))
    bench.services[1].pins.clear()
    with pytest.raises(Mismatch, match=r"卡萝\.mp4 is not pinned at two"):
        bench.publisher().verify(receipt)
    assert settled(bench, lambda: bench.publisher().publish(video, parcel, quietly)) == receipt
    assert len(bench.services[1].pins) == 1
    bench.publisher().verify(receipt)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, Refused, "UNAUTHORIZED: wrong token"),
        (403, Refused, "UNAUTHORIZED: wrong token"),
        (404, Refused, "Is the endpoint of one right"),
        (409, Refused, "Look at the account at one"),
        (429, Unreachable, "429"),
        (500, Unreachable, "500"),
    ],
)
def test_what_a_service_says_is_told_in_its_words(
    bench: Bench, parcel: Parcel, video: Artifact, status: int, kind: type[Exception], said: str
) -> None:
    failure = {"error": {"reason": "UNAUTHORIZED", "details": "wrong token"}}
    bench.replies(0, lambda call: document(status, failure))
    with pytest.raises(kind, match=said):
        bench.publisher().publish(video, parcel, quietly)


@pytest.mark.parametrize(
    "lie",
    [
        {"requestid": "1", "status": "pinned", "pin": {"cid": "bafkqaaa"}},
        {"requestid": "1", "status": "pinned"},
    ],
)
def test_a_service_that_pins_something_else_is_a_mismatch(
    bench: Bench, parcel: Parcel, video: Artifact, lie: object
) -> None:
    bench.replies(0, lambda call: document(202, lie) if call.method == "POST" else None)
    with pytest.raises(Mismatch, match="one was asked to pin"):
        bench.publisher().publish(video, parcel, quietly)


@pytest.mark.parametrize(
    "nonsense",
    [b"<html>", b"[]", b"null", b'{"results": [{"requestid": 5, "status": "pinned", "pin": {"cid": "CID"}}]}'],
)
def test_what_is_no_pinning_service_is_told(bench: Bench, parcel: Parcel, video: Artifact, nonsense: bytes) -> None:
    bench.replies(0, lambda call: Reply(200, nonsense.replace(b"CID", video.cid.encode())))
    with pytest.raises(Unreachable, match="Is its endpoint right"):
        bench.publisher().publish(video, parcel, quietly)


@pytest.mark.parametrize(
    "results", [None, "x", [None], [{"pin": None}], [{"pin": {"cid": "other"}, "status": "pinned"}]]
)
def test_lists_of_others_are_passed_over(bench: Bench, parcel: Parcel, video: Artifact, results: object) -> None:
    bench.replies(
        0,
        lambda call: (
            document(200, {"count": 1, "results": results}) if call.path == "/pins" and call.method == "GET" else None
        ),
    )
    with pytest.raises(Pending):
        bench.publisher().publish(video, parcel, quietly)
    assert len(bench.posts(0)) == 1


def test_all_files_are_pinned_as_one_directory(bench: Bench, parcel: Parcel) -> None:
    root = directory_cid({artifact.name: artifact for artifact in parcel.artifacts})
    receipt = settled(bench, lambda: bench.publisher().gather(parcel, (), quietly))
    assert (receipt.name, receipt.address, receipt.state) == ("", f"ipfs://{root}", "confirmed")
    assert receipt.gateway == f"https://links.example/ipfs/{root}"
    assert [pin.pin["cid"] for pin in bench.services[0].pins] == [root]
    assert settled(bench, lambda: bench.publisher().gather(parcel, (), quietly)) == receipt
    assert len(bench.posts(0)) == 1
    bench.publisher().verify(receipt)


def test_with_a_gateway_it_is_read_back(bench: Bench, parcel: Parcel, video: Artifact) -> None:
    bench.settings["gateway"] = bench.shelf.url
    path, poster = f"/ipfs/{video.cid}", parcel.artifacts[1]
    with pytest.raises(Unreachable, match="does not find it yet"):
        settled(bench, lambda: bench.publisher().publish(video, parcel, quietly))
    bench.shelf.held[path] = video.path.read_bytes()
    receipt = bench.publisher().publish(video, parcel, quietly)
    assert receipt.state == "read back"
    bench.publisher().verify(receipt)
    held = bench.shelf.held.pop(path)
    with pytest.raises(Mismatch, match="does not find"):
        bench.publisher().verify(receipt)
    bench.shelf.held[path] = held[:-1] + b"?"
    for act in (lambda: bench.publisher().verify(receipt), lambda: bench.publisher().publish(video, parcel, quietly)):
        with pytest.raises(Mismatch, match="other bytes"):
            act()
    root = directory_cid({artifact.name: artifact for artifact in parcel.artifacts})
    bench.shelf.held[f"/ipfs/{root}/卡萝.jpg"] = poster.path.read_bytes()
    whole = settled(bench, lambda: bench.publisher().gather(parcel, (), quietly))
    assert whole.state == "read back"
    bench.publisher().verify(whole)  # this gateway gives no blocks
    usual = bench.shelf.answer
    raw = {"Content-Type": "application/vnd.ipld.raw"}
    bench.shelf.answer = lambda call: Reply(200, b"other", raw) if call.query else usual(call)  # type: ignore[method-assign]
    with pytest.raises(Mismatch, match="another block"):
        bench.publisher().verify(whole)


@pytest.mark.parametrize(
    "address", ["", "ipfs://", "ipfs://nonsense", "ar://x", "ipfs://../x", "https://evil.example/"]
)
def test_receipts_that_name_no_cid_are_refused_unasked(bench: Bench, video: Artifact, address: str) -> None:
    with pytest.raises(Mismatch, match="no address of a pinned file"):
        bench.publisher().verify(Receipt("pinning", video.name, video.sha256, address, "", "confirmed"))
    assert not bench.services[0].calls


def test_a_quote_needs_nobody_and_asks_for_the_token_on_line(bench: Bench, parcel: Parcel, video: Artifact) -> None:
    quote = bench.publisher().quote(parcel, online=False)
    root = directory_cid({artifact.name: artifact for artifact in parcel.artifacts})
    assert [line.address for line in quote.lines] == [*(f"ipfs://{a.cid}" for a in parcel.artifacts), f"ipfs://{root}"]
    assert not bench.services[0].calls
    assert bench.publisher().quote(parcel, online=True) == quote
    bench.replies(0, lambda call: Reply(500))
    assert bench.publisher().quote(parcel, online=True) == quote, "one that is down holds up nothing"
    bench.services[1].token = "another"
    with pytest.raises(Refused, match="Access token is missing"):
        bench.publisher().quote(parcel, online=True)
    assert bench.publisher().quote(Parcel("x", "", ()), online=False).lines == ()


def test_an_examination_is_quick_and_says_what_is_wrong(bench: Bench) -> None:
    assert [one.state for one in bench.publisher().examine()] == ["ok", "ok"]
    bench.services[0].token = "another"
    bench.replies(1, lambda call: Reply(hang=30))
    begin = time.monotonic()
    first, second = bench.publisher().examine()
    assert time.monotonic() - begin < 25
    assert (first.state, second.state) == ("fail", "fail")
    assert "401" in first.found
    assert "in time" in second.found


def test_the_beat_is_heard_and_ends_the_work(bench: Bench, parcel: Parcel, video: Artifact) -> None:
    class StoppedError(Exception): ...

    bench.replies(0, lambda call: Reply(hang=30))
    heard: list[float] = []

    def beat(share: float) -> None:
        heard.append(share)
        if len(heard) > 4:
            raise StoppedError

    begin = time.monotonic()
    with pytest.raises(StoppedError):
        bench.publisher().publish(video, parcel, beat)
    assert time.monotonic() - begin < 25


def test_tokens_are_shown_nowhere(
    bench: Bench, parcel: Parcel, video: Artifact, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    publisher = bench.publisher()
    receipt = settled(bench, lambda: publisher.publish(video, parcel, quietly))
    said = [repr(receipt), repr(publisher), repr(vars(publisher)), caplog.text]
    refusal = document(401, {"error": {"reason": "UNAUTHORIZED", "details": f"what is {TOKENS[0]}?"}})
    bench.replies(0, lambda call: refusal)
    with pytest.raises(Refused) as caught:
        publisher.publish(video, parcel, quietly)
    said += [str(caught.value), repr(caught.value), repr(publisher.examine())]
    said += [str(path.read_bytes()) for path in (bench.home / "state").rglob("*") if path.is_file()]
    assert not [words for words in said if "s3cret" in words]
    assert all(call.token == TOKENS[0] for call in bench.services[0].calls)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "no pinning service is named"),
        ({"services": []}, "no pinning service is named"),
        ({"services": "x"}, "no pinning service is named"),
        ({"services": ["x"]}, "not right"),
        ({"services": [{"name": "a", "endpoint": "https://a.example", "key": "x"}]}, "not right"),
        ({"services": [{"name": "a"}]}, "no endpoint"),
        ({"services": [{"name": "a", "endpoint": "a.example"}]}, "must start with"),
        ({"services": [{"name": "a", "endpoint": "https://a.example", "token": "/no/such/file"}]}, "cannot be read"),
        ({"services": [{"name": "a", "endpoint": "https://a.example"}] * 2}, "one name"),
        ({"services": [{"name": "a", "endpoint": "https://a.example"}], "gatewey": ""}, "no key 'gatewey'"),
        ({"services": [{"name": "a", "endpoint": "https://a.example"}], "gateway": 5}, "not a text"),
        ({"services": [{"name": "a", "endpoint": "https://a.example"}], "gateway": "x"}, "must start with"),
    ],
)
def test_settings_that_are_not_right_are_named(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(PublisherError, match=said):
        build("pinning", settings, tmp_path)


def test_a_credential_of_systemd_is_taken(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pinning-one").write_text(TOKENS[0])
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    services = [{"name": "one", "endpoint": bench.services[0].url, "token": ""}]
    assert [one.state for one in bench.publisher(services=services).examine()] == ["ok"]
