"""IPFS: what is compared, what is hashed, what is written down first, and what is never done twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
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
    PublisherError,
    PublishError,
    Quoter,
    Receipt,
    Refused,
    Unreachable,
    build,
    directory_cid,
    identify,
    quietly,
)
from publishers.gateway import Gateway
from publishers.ipfs import NARROW, IpfsPublisher
from publishers.ledger import Ledger
from publishers.node import Node, Patience
from publishers.node_check import examine_node
from publishers.secret import Secret
from publishers.unixfs import LEGACY, MODERN, PROFILES, Profile
from tests.nodes.lying import LyingGateway
from tests.nodes.server import Call, Reply, document
from tests.publishers.mishap import DiedError, Mishap
from tests.publishers.small_node import SmallNode

HASTY = Patience(connect=0.5, answer=0.7, stall=0.7, digest=0.7)


@pytest.fixture
def small() -> Iterator[SmallNode]:
    with SmallNode() as server:
        yield server


def publisher(small: SmallNode, state: Path, **settings: object) -> IpfsPublisher:
    made = build("ipfs", {"api": small.url, "gateway": small.url, "links": "https://ipfs.io", **settings}, state)
    assert isinstance(made, IpfsPublisher)
    return made


def hasty(small: SmallNode, state: Path, gateway: str = "") -> IpfsPublisher:
    line = Gateway(gateway or small.url, read=2.0, deadline=4.0)
    return IpfsPublisher(Node(small.url, patience=HASTY), line, Ledger(state), "https://ipfs.io")


def parcel_of(folder: Path, profile: str = MODERN) -> Parcel:
    made = []
    for name, size in (("旁白 #1, a.mp4", 2_500_000), ("alice.mp4", 1_300_000), ("alice.jpg", 900), ("empty.txt", 0)):
        (folder / name).write_bytes(name.encode() * (size // len(name.encode()) + 1) if size else b"")
        with (folder / name).open("r+b") as file:
            file.truncate(size)
        made.append(identify(folder / name, profile=profile))
    return Parcel("a1b2", "周报", tuple(made), papers=2)


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    (tmp_path / "made").mkdir()
    return parcel_of(tmp_path / "made")


def all_of(one: IpfsPublisher, parcel: Parcel) -> list[Receipt]:
    return [one.publish(artifact, parcel, quietly) for artifact in parcel.artifacts]


def test_it_is_all_that_a_store_may_be(small: SmallNode, tmp_path: Path) -> None:
    made = publisher(small, tmp_path)
    assert isinstance(made, Gatherer)
    assert isinstance(made, Quoter)
    assert isinstance(made, Examined)


def test_receipts_lead_there(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    made = publisher(small, tmp_path)
    receipts = all_of(made, parcel)
    first = parcel.artifacts[0]
    assert receipts[0] == Receipt(
        "ipfs",
        first.name,
        first.sha256,
        f"ipfs://{first.cid}",
        f"https://ipfs.io/ipfs/{first.cid}?filename=%E6%97%81%E7%99%BD%20%231%2C%20a.mp4",
        "read back",
    )
    whole = made.gather(parcel, receipts, quietly)
    root = directory_cid({one.name: one for one in parcel.artifacts})
    assert (whole.name, whole.address, whole.gateway) == ("", f"ipfs://{root}", f"https://ipfs.io/ipfs/{root}")
    assert small.pins == {root, *(one.cid for one in parcel.artifacts)}
    for receipt in (*receipts, whole):
        made.verify(receipt)


@pytest.mark.parametrize("profile", PROFILES)
def test_both_profiles(small: SmallNode, tmp_path: Path, profile: str) -> None:
    made = publisher(small, tmp_path, profile=profile)
    (tmp_path / "made").mkdir()
    parcel = parcel_of(tmp_path / "made", profile)
    made.gather(parcel, all_of(made, parcel), quietly)
    chunk = PROFILES[profile].chunk
    assert {dict(call.query)["chunker"] for call in small.asked("add")} == {f"size-{chunk}"}


def test_a_file_of_many_chunks_goes_as_our_own_blocks(
    small: SmallNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that builds trees of 174 children knows no other: with more chunks than that, it is given the tree."""
    monkeypatch.setitem(PROFILES, "small", Profile("small", 1000, 1024))  # type: ignore[index]
    for chunks in (NARROW, NARROW + 1):
        path = tmp_path / f"{chunks}.mp4"
        path.write_bytes(bytes(range(250)) * 4 * chunks)
        artifact = identify(path, profile="small")
        made = publisher(small, tmp_path)
        assert made.publish(artifact, Parcel("x", "x", (artifact,)), quietly).address == f"ipfs://{artifact.cid}"
    assert len(small.asked("add")) == 1
    assert len(small.asked("dag/import")) == 1


def test_addresses_are_written_down_before_the_first_byte_leaves(
    small: SmallNode, tmp_path: Path, parcel: Parcel
) -> None:
    seen: list[tuple[str, str]] = []
    ledger = Ledger(tmp_path)
    answer = small.answer

    def watched(call: Call) -> Reply:
        record = ledger.find("ipfs", parcel.artifacts[0].sha256)
        assert record is not None
        seen.append((record.state, record.address))
        return answer(call)

    small.answer = watched  # type: ignore[method-assign]
    publisher(small, tmp_path).publish(parcel.artifacts[0], parcel, quietly)
    assert seen[0] == ("intended", f"ipfs://{parcel.artifacts[0].cid}")
    assert seen[-1][0] == "sent"
    record = ledger.find("ipfs", parcel.artifacts[0].sha256)
    assert record is not None
    assert (record.state, record.parcel) == ("read back", "a1b2")


def test_what_is_there_is_not_sent_again(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    made = publisher(small, tmp_path)
    first = [*all_of(made, parcel), made.gather(parcel, all_of(made, parcel), quietly)]
    sent = len(small.asked("add")) + len(small.asked("dag/import"))
    anew = publisher(small, tmp_path / "another state")
    assert [*all_of(anew, parcel), anew.gather(parcel, all_of(anew, parcel), quietly)] == first
    assert len(small.asked("add")) + len(small.asked("dag/import")) == sent == 5


def test_what_went_bad_there_is_sent_again(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    made = publisher(small, tmp_path)
    artifact = parcel.artifacts[0]
    made.publish(artifact, parcel, quietly)
    small.files[artifact.cid] = b"?"
    assert made.publish(artifact, parcel, quietly).state == "read back"
    assert len(small.asked("add")) == 2


def test_without_pins_the_node_is_asked_for_none(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    made = publisher(small, tmp_path, pin=False)
    made.gather(parcel, all_of(made, parcel), quietly)
    assert not small.pins


def test_another_cid_is_never_published(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    small.chunker = False
    artifact = parcel.artifacts[0]
    with pytest.raises(Mismatch, match=f"but it is {artifact.cid}") as caught:
        publisher(small, tmp_path).publish(artifact, parcel, quietly)
    assert "not published" in caught.value.hint
    assert not small.pins, "what it pinned by mistake is let go"
    record = Ledger(tmp_path).find("ipfs", artifact.sha256)
    assert record is not None
    assert record.state == "intended"


def test_a_root_that_is_not_ours_is_never_published(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    made = publisher(small, tmp_path)
    receipts = all_of(made, parcel)
    other = {"Root": {"Cid": {"/": parcel.artifacts[0].cid}, "PinErrorMsg": ""}}
    small.moods["dag/import"] = document(200, other)
    with pytest.raises(Mismatch, match="周报"):
        made.gather(parcel, receipts, quietly)


@pytest.mark.parametrize(
    ("lie", "kind"),
    [
        ("other bytes", Mismatch),
        ("fewer bytes", Mismatch),
        ("more bytes", Mismatch),
        ("endless", Mismatch),
        ("error page", Mismatch),
        ("404", Unreachable),
        ("torn", Unreachable),
        ("drip", Unreachable),
        ("silence", Unreachable),
    ],
)
def test_a_gateway_that_lies_is_not_believed(
    small: SmallNode, tmp_path: Path, parcel: Parcel, lie: str, kind: type[PublishError]
) -> None:
    artifact = parcel.artifacts[2]
    with LyingGateway(small.url, lie) as lying:
        made = hasty(small, tmp_path, lying.url)
        with pytest.raises(kind) as caught:
            made.publish(artifact, parcel, quietly)
        assert caught.value.hint or kind is Mismatch
        record = Ledger(tmp_path).find("ipfs", artifact.sha256)
        assert record is not None
        assert record.state == "sent"
        lying.lie = "none"
        assert made.publish(artifact, parcel, quietly).state == "read back"
    assert len(small.asked("add")) == 1, "it was sent once"


def test_a_directory_that_is_another_is_not_believed(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    made = publisher(small, tmp_path)
    receipts = all_of(made, parcel)
    whole = made.gather(parcel, receipts, quietly)
    for small.raw_blocks in (False, True):
        made.verify(whole)
        root = whole.address.removeprefix("ipfs://")
        block = small.blocks[root]
        small.blocks[root] = block + b"?"
        for act in (lambda: made.verify(whole), lambda: made.gather(parcel, receipts, quietly)):
            with pytest.raises(Mismatch, match="another one"):
                act()
        small.blocks[root] = block


def test_the_whole_needs_all_its_files(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    made = publisher(small, tmp_path)
    receipts = all_of(made, parcel)
    with pytest.raises(Refused, match=r"alice\.jpg is not published yet"):
        made.gather(parcel, [one for one in receipts if one.name != "alice.jpg"], quietly)
    small.files.pop(parcel.artifacts[1].cid)
    with pytest.raises(Unreachable, match="could not pin 周报: block not found"):
        made.gather(parcel, receipts, quietly)


def test_lost_is_told_from_unreachable(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    made = hasty(small, tmp_path)
    receipt = made.publish(parcel.artifacts[0], parcel, quietly)
    small.moods["ipfs"] = Reply(hang=30)  # how js-ipfs answers for a block that it has not
    with pytest.raises(Unreachable, match="in time"):
        made.verify(receipt)
    small.forget()
    with pytest.raises(Mismatch, match="no longer in IPFS"):
        made.verify(receipt)
    small.moods["pin/ls"] = Reply(401)
    with pytest.raises(Unreachable, match="in time"):
        made.verify(receipt)


@pytest.mark.parametrize("address", ["", "ipfs://", "ipfs://nonsense", "ipfs://Qm" + "a" * 44, "https://x/ipfs/bafy"])
def test_addresses_that_are_none(small: SmallNode, tmp_path: Path, address: str) -> None:
    with pytest.raises(Mismatch, match="no address"):
        publisher(small, tmp_path).verify(Receipt("ipfs", "a.mp4", "0" * 64, address, "", "read back"))
    assert not small.calls


def test_a_directory_under_a_wrong_hash_is_refused(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    address = f"ipfs://{directory_cid({one.name: one for one in parcel.artifacts})}"
    with pytest.raises(Mismatch, match="no address"):
        publisher(small, tmp_path).verify(Receipt("ipfs", "", "0" * 64, address, "", "read back"))


def test_a_quote_offline_asks_nobody(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    made = publisher(small, tmp_path)
    quote = made.quote(parcel, online=False)
    assert not small.calls
    assert not list(tmp_path.glob("*.sqlite*"))
    root = directory_cid({one.name: one for one in parcel.artifacts})
    wanted = [*((one.name, f"ipfs://{one.cid}") for one in parcel.artifacts), ("", f"ipfs://{root}")]
    assert [(line.name, line.address) for line in quote.lines] == wanted
    assert quote.winston == 0
    made.quote(parcel, online=True)
    small.moods["version"] = Reply(401)
    with pytest.raises(Refused, match="401"):
        made.quote(parcel, online=True)
    assert made.quote(Parcel("x", "x", ()), online=False).lines == ()


def test_the_doctor_hears_what_is_wrong(small: SmallNode, tmp_path: Path) -> None:
    made = publisher(small, tmp_path)
    assert [(one.name, one.state) for one in made.examine()] == [("node", "ok"), ("gateway", "ok")]
    assert "Kubo 0.30.0" in made.examine()[0].found
    small.version = {"Version": "0.4.22"}
    assert (made.examine()[0].state, "0.8" in made.examine()[0].advice) == ("fail", True)
    small.moods |= {"version": Reply(401), "ipfs": Reply(404)}
    node, gateway = made.examine()
    assert (node.state, "auth" in node.advice, gateway.state) == ("fail", True, "fail")


def test_the_doctor_warns_of_a_password_that_all_can_read(small: SmallNode) -> None:
    node = Node(small.url, Secret("alice:geheim"))
    assert examine_node(node).state == "ok", "it stays on this machine"
    node.open_secret = True
    assert (examine_node(node).state, examine_node(node).advice) == ("warn", "Use https://.")


@pytest.mark.parametrize("reply", [Reply(hang=30), Reply(200, b"<html>"), Reply(reset=True), Reply(500)])
def test_the_doctor_waits_for_nobody(small: SmallNode, tmp_path: Path, reply: Reply) -> None:
    small.moods |= {"version": reply, "ipfs": reply}
    began = time.monotonic()
    found = publisher(small, tmp_path).examine()
    assert time.monotonic() - began < 25, "at most 5 s for each of node and gateway"
    assert [one.state for one in found] == ["fail", "fail"]
    assert all(one.advice for one in found)


def test_the_doctor_compares_clocks(small: SmallNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = publisher(small, tmp_path)
    monkeypatch.setattr(Gateway, "skew", lambda *_: -3600.0)
    assert [(one.name, one.state) for one in made.examine()][-1] == ("clock", "warn")
    assert "3600 s behind" in made.examine()[-1].found


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"apo": "x"}, "no key 'apo'"),
        ({"api": 5}, "api is not a text"),
        ({"api": "x"}, "api is 'x'"),
        ({"gateway": ""}, "the IPFS gateway is ''"),
        ({"links": "ipfs.io"}, "links is 'ipfs.io'"),
        ({"profile": "v2"}, "profile is 'v2'"),
        ({"pin": "yes"}, "pin is neither"),
        ({"auth": "/nowhere/secret"}, "'secret' cannot be read"),
    ],
)
def test_settings_that_are_wrong_are_said(settings: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(PublisherError, match=words):
        build("ipfs", settings, tmp_path)


def test_links_are_the_gateway_where_nothing_else_is_said(small: SmallNode, tmp_path: Path, parcel: Parcel) -> None:
    receipt = publisher(small, tmp_path, links="").publish(parcel.artifacts[2], parcel, quietly)
    assert receipt.gateway.startswith(f"{small.url}/ipfs/")


def test_a_secret_is_read_and_never_shown(
    small: SmallNode, tmp_path: Path, parcel: Parcel, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "auth"
    secret.write_text("alice:geheim-123\n")
    secret.chmod(0o600)
    caplog.set_level(0)
    made = publisher(small, tmp_path, auth=str(secret))
    artifact: Artifact = parcel.artifacts[2]
    made.publish(artifact, parcel, quietly)
    assert all("Authorization" in call.headers for call in small.asked("add"))
    assert not any("Authorization" in call.headers for call in small.calls if call.path.startswith("/ipfs/"))
    small.moods["add"] = Reply(403, b"no")
    with pytest.raises(Refused) as caught:
        made.publish(parcel.artifacts[1], parcel, quietly)
    assert "geheim" not in f"{caught.value!r} {caught.value} {made!r} {caplog.text}"
    assert "YWxpY2U" not in caplog.text


def test_legacy_is_the_narrowest() -> None:
    assert PROFILES[LEGACY].links == NARROW == min(profile.links for profile in PROFILES.values())


def test_dying_anywhere_leaves_nothing_twice_and_nothing_half(
    small: SmallNode, tmp_path: Path, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two effects, on the ledger, the node or the gateway; then everything is done once more."""
    mishap, parcel = Mishap(monkeypatch), replace(parcel, artifacts=parcel.artifacts[1:3])
    for owner, name in ((Node, "pinned"), (Node, "add"), (Node, "load"), (Node, "block"), (Gateway, "holds")):
        mishap.watch(owner, name)

    def run(state: Path) -> list[Receipt]:
        made = publisher(small, state)
        receipts = all_of(made, parcel)
        return [*receipts, made.gather(parcel, receipts, quietly)]

    mishap.arm(-1)
    whole = run(tmp_path / "whole")
    for at in range(mishap.passed):
        small.forget()
        mishap.arm(at)
        with pytest.raises(DiedError):
            run(tmp_path / str(at))
        calls = len(small.calls)
        mishap.arm(-1)
        assert run(tmp_path / str(at)) == whole
        assert small.pins == {receipt.address.removeprefix("ipfs://") for receipt in whole}
        assert len([call for call in small.calls[calls:] if call.path.endswith("/add")]) <= len(parcel.artifacts)
        ledger = Ledger(tmp_path / str(at))
        states = [record.state for record in ledger.of("ipfs", parcel.id)]
        assert states == ["read back"] * len(whole)
