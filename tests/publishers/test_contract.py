"""What every publisher must do, whatever it is made of. A new one adds itself to ``CASES``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from publishers import (
    Artifact,
    Mismatch,
    Parcel,
    Publisher,
    PublishError,
    Quoter,
    Unreachable,
    build,
    identify,
    names,
    quietly,
)
from tests.nodes.pinning import PinningService
from tests.nodes.server import Call, Reply, document
from tests.publishers.small_node import SmallNode


@dataclass(frozen=True)
class Case:
    """A publisher and the means to be its service's bad days.

    Attributes:
        publisher: Set up and ready.
        anew: Makes the publisher once more, as another process would.
        spoil: Changes the bytes that the service holds.
        lose: Makes the service forget them.
        leave: Makes the service unreachable.
        held: Counts copies that the service holds.
    """

    publisher: Publisher
    anew: Callable[[], Publisher]
    spoil: Callable[[], object]
    lose: Callable[[], object]
    leave: Callable[[], object]
    held: Callable[[], int]


def store(name: str, settings: Mapping[str, object], state: Path) -> Publisher:
    """Build a publisher that keeps files; an announcer is not meant here."""
    publisher = build(name, settings, state)
    assert isinstance(publisher, Publisher)
    return publisher


def folder(home: Path, _stack: ExitStack) -> Case:
    place = home / "archive"
    place.mkdir()

    def make() -> Publisher:
        return store("folder", {"path": str(place), "url": "https://nas.example/v"}, home)

    def files() -> list[Path]:
        return [path for path in place.rglob("*") if path.is_file()]

    return Case(
        publisher=make(),
        anew=make,
        spoil=lambda: [path.write_bytes(path.read_bytes()[:-1] + b"?") for path in files()],
        lose=lambda: [path.unlink() for path in files()],
        leave=lambda: place.rename(home / "unmounted"),
        held=lambda: len(files()),
    )


class Prompt(PinningService):
    """A pinning service that has everything at once, and a gateway that has what is pinned."""

    def __init__(self, made: Path) -> None:
        super().__init__()
        self.made = made
        self.held: dict[str, bytes] = {}

    def answer(self, call: Call) -> Reply:
        if call.path.startswith("/ipfs/"):
            body = self.held.get(call.path.removeprefix("/ipfs/"))
            return Reply(404) if body is None else Reply(200, body)
        reply = super().answer(call)
        if call.method != "POST":
            return reply
        self.settle()
        self.held |= {pin.pin["cid"]: self.made.read_bytes() for pin in self.pins}
        return document(202, json.loads(cast("bytes", reply.body)) | {"status": "pinned"})

    def lose(self) -> None:
        self.pins.clear()
        self.held.clear()


def pinning(home: Path, stack: ExitStack) -> Case:
    service = stack.enter_context(Prompt(home / "made" / "made.part"))
    token = home / "token"
    token.write_text(service.token)
    token.chmod(0o600)
    listed = [{"name": "one", "endpoint": service.url, "token": str(token)}]
    settings = {"services": listed, "gateway": service.url, "links": "https://links.example"}

    def make() -> Publisher:
        return store("pinning", settings, home / "state")

    return Case(
        publisher=make(),
        anew=make,
        spoil=lambda: service.held.update({cid: body[:-1] + b"?" for cid, body in service.held.items()}),
        lose=service.lose,
        leave=stack.close,
        held=lambda: len(service.pins),
    )


def ipfs(home: Path, stack: ExitStack) -> Case:
    node = stack.enter_context(SmallNode())
    settings = {"api": node.url, "gateway": node.url, "links": "https://links.example"}

    def make() -> Publisher:
        return store("ipfs", settings, home / "state")

    return Case(
        publisher=make(),
        anew=make,
        spoil=lambda: node.files.update({cid: body[:-1] + b"?" for cid, body in node.files.items()}),
        lose=node.forget,
        leave=stack.close,
        held=lambda: len(node.pins),
    )


CASES: dict[str, Callable[[Path, ExitStack], Case]] = {"folder": folder, "ipfs": ipfs, "pinning": pinning}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with ExitStack() as stack:
        yield CASES[request.param](tmp_path, stack)


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    (tmp_path / "made").mkdir()
    path = tmp_path / "made" / "made.part"
    path.write_bytes(b"a video" * 200_000)
    return identify(path, "周报 alice.mp4")


@pytest.fixture
def parcel(artifact: Artifact) -> Parcel:
    return Parcel("a1b2", "周报", (artifact,))


def test_every_publisher_that_ships_is_held_to_the_contract() -> None:
    assert set(CASES) >= {"folder", "pinning"}
    assert set(CASES) <= set(names())


def test_it_is_a_publisher(case: Case) -> None:
    assert isinstance(case.publisher, Publisher)
    assert case.publisher.name


def test_a_receipt_says_what_is_where(case: Case, artifact: Artifact, parcel: Parcel, tmp_path: Path) -> None:
    receipt = case.publisher.publish(artifact, parcel, quietly)
    assert (receipt.publisher, receipt.name, receipt.sha256) == (case.publisher.name, artifact.name, artifact.sha256)
    assert receipt.state in ("sent", "pending", "confirmed", "read back")
    assert ":" in receipt.address
    assert receipt.gateway.startswith("https://")
    assert str(tmp_path) not in repr(receipt)
    case.publisher.verify(receipt)


def test_publishing_again_continues_and_adds_nothing(case: Case, artifact: Artifact, parcel: Parcel) -> None:
    first = case.publisher.publish(artifact, parcel, quietly)
    assert case.anew().publish(artifact, parcel, quietly) == first
    assert case.held() == 1


def test_the_artifact_stays_as_it_is(case: Case, artifact: Artifact, parcel: Parcel) -> None:
    before = (artifact.path.read_bytes(), artifact.path.stat().st_mtime_ns)
    case.publisher.publish(artifact, parcel, quietly)
    assert (artifact.path.read_bytes(), artifact.path.stat().st_mtime_ns) == before


def test_an_artifact_that_changed_since_it_was_hashed_is_not_published(
    case: Case, artifact: Artifact, parcel: Parcel
) -> None:
    artifact.path.write_bytes(b"b video" * 200_000)
    with pytest.raises(Mismatch, match="changed after it was hashed"):
        case.publisher.publish(artifact, parcel, quietly)
    assert case.held() == 0


def test_an_artifact_that_is_gone_is_said_to_be_gone(case: Case, artifact: Artifact, parcel: Parcel) -> None:
    artifact.path.unlink()
    with pytest.raises(PublishError, match="no longer where it was made") as caught:
        case.publisher.publish(artifact, parcel, quietly)
    assert not caught.value.passing


def test_other_bytes_and_lost_bytes_are_a_mismatch(case: Case, artifact: Artifact, parcel: Parcel) -> None:
    receipt = case.publisher.publish(artifact, parcel, quietly)
    case.spoil()
    with pytest.raises(Mismatch):
        case.publisher.verify(receipt)
    case.lose()
    with pytest.raises(Mismatch):
        case.publisher.verify(receipt)


def test_a_service_that_is_not_there_is_unreachable_and_that_may_pass(
    case: Case, artifact: Artifact, parcel: Parcel, tmp_path: Path
) -> None:
    receipt = case.publisher.publish(artifact, parcel, quietly)
    case.leave()
    for act in (lambda: case.publisher.verify(receipt), lambda: case.publisher.publish(artifact, parcel, quietly)):
        with pytest.raises(Unreachable) as caught:
            act()
        assert caught.value.passing
        assert caught.value.hint
        assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["", "nonsense", "folder:../made/made.part", "folder:%2e%2e%2fmade", "file:///etc/passwd"]
)
def test_a_receipt_that_leads_elsewhere_is_refused(
    case: Case, artifact: Artifact, parcel: Parcel, address: str
) -> None:
    receipt = case.publisher.publish(artifact, parcel, quietly)
    with pytest.raises(PublishError):
        case.publisher.verify(replace(receipt, address=address))


@pytest.mark.parametrize("name", ["../out.mp4", "/etc/out.mp4", ".."])
def test_a_name_that_leads_elsewhere_is_refused(case: Case, artifact: Artifact, parcel: Parcel, name: str) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        case.publisher.publish(replace(artifact, name=name), parcel, quietly)
    assert case.held() == 0


def test_a_quote_offline_names_every_file_and_sends_nothing(case: Case, artifact: Artifact, parcel: Parcel) -> None:
    assert isinstance(case.publisher, Quoter)
    quote = case.publisher.quote(parcel, online=False)
    assert quote.publisher == case.publisher.name
    assert [line.name for line in quote.lines][:1] == [artifact.name]
    assert case.held() == 0
