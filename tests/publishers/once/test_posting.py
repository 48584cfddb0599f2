"""One file on its way: what is lost is posted again, what may still be there is not paid for again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from publishers.arweave.data import Data
from publishers.arweave.posting import GRACE
from publishers.arweave.settling import RESEED
from publishers.arweave.tags import describe
from publishers.arweave.transaction import sign
from publishers.base import Parcel, Receipt, quietly
from publishers.book import NAME
from publishers.errors import Mismatch, PublisherError, Refused, Unreachable
from publishers.http import Web
from publishers.record import INTENDED, LOST, READ_BACK, SENT
from tests.nodes.server import Call, Reply, Server
from tests.publishers.once.conftest import Bench
from tests.publishers.once.network import SAID_BEFORE, Network

Make = Callable[..., Bench]


class Died(BaseException):
    """The process ended here."""


def dies(bench: Bench, monkeypatch: pytest.MonkeyPatch, path: str, after: bool = False) -> None:
    """Publish once, and die at a post."""
    call = Web.call

    def deadly(web: Web, method: str, target: str, **said: object) -> object:
        if (method, target) == ("POST", path):
            if after:
                call(web, method, target, **said)  # type: ignore[arg-type]
            raise Died
        return call(web, method, target, **said)  # type: ignore[arg-type]

    artifact = bench.file()
    with monkeypatch.context() as context:
        context.setattr(Web, "call", deadly)
        with pytest.raises(Died):
            bench.once(artifact)
    bench.artifact = artifact  # type: ignore[attr-defined]
    bench.again()


def test_a_file_goes_through_all_states(bench: Make) -> None:
    one = bench(confirmations=3)
    artifact = one.file()
    states = []
    for _ in range(4):
        states.append(one.once(artifact))
        one.network.mine()
    assert states == ["pending", "pending", "pending", "read back"]
    assert one.receipt == Receipt(
        "arweave",
        "alice.mp4",
        artifact.sha256,
        one.record(artifact).address,
        f"{one.network.url}/{one.record(artifact).address[5:]}",
        "read back",
    )
    header = one.network.transactions(one.wallet.address)[0].header
    tags = {tag.name: tag.value for tag in header.tags}
    assert (
        tags.items()
        >= {
            "Content-Type": "video/mp4",
            "App-Name": "lipsyncd",
            "Title": "周报",
            "File-Name": "alice.mp4",
            "IPFS-CID": artifact.cid,
            "SHA-256": artifact.sha256,
        }.items()
    )
    one.publisher.verify(one.receipt)


def test_the_same_bytes_in_another_job_cost_nothing(bench: Make) -> None:
    one = bench()
    artifact = one.file()
    first, paid, asked = one.done(artifact), one.paid, len(one.network.calls)
    other = replace(artifact, name="bob.mp4")
    second = one.done(other, "another job")
    assert (second.address, second.name, second.state) == (first.address, "bob.mp4", "read back")
    assert one.paid == paid
    assert one.ledger.spent(one.place, "another job") == 0
    assert [call.path for call in one.network.calls[asked:]] == ["/info"]


def test_a_ledger_that_was_lost_costs_nothing(bench: Make) -> None:
    one = bench()
    artifact = one.file()
    first, paid = one.done(artifact), one.paid
    (one.folder / "state" / NAME).unlink()
    one.again()
    second = one.done(artifact)
    assert (second.address, one.paid, one.posts) == (first.address, paid, 1)
    assert one.ledger.spent(one.place, "job") == 0


def test_a_ledger_lost_while_the_transaction_waits_is_waited_for(bench: Make) -> None:
    one = bench()
    artifact = one.file()
    one.once(artifact)
    (one.folder / "state" / NAME).unlink()
    one.again()
    with pytest.raises(Unreachable, match="by this wallet before"):
        one.once(artifact)
    one.network.mine()
    assert one.done(artifact)
    assert one.posts == 1


def test_a_tag_alone_proves_nothing(bench: Make) -> None:
    """Our wallet, the right tag, other bytes: posted by somebody who had the file's hash wrong."""
    one = bench()
    artifact, wrong = one.file(), one.file("bob.mp4", 5000)
    gateway, data = one.publisher._gateways.first, Data.of(wrong.path)
    tags = describe(replace(wrong, sha256=artifact.sha256), "")
    gateway.post(sign(one.wallet, data, tags, 10**10, gateway.anchor().block), data.inline())
    one.network.mine()
    assert gateway.find(one.wallet.address, artifact.sha256)
    one.done(artifact)
    assert one.posts == 2


def test_without_an_index_it_works_by_the_ledger_alone(bench: Make) -> None:
    one = bench()
    one.network.indexed = False
    artifact = one.file()
    one.done(artifact)
    assert one.posts == 1


@pytest.mark.parametrize("said", SAID_BEFORE, ids=lambda said: str(said.status))
@pytest.mark.parametrize("after", [False, True])
def test_a_post_of_which_nobody_knows_is_made_again_with_the_same_header(
    bench: Make, monkeypatch: pytest.MonkeyPatch, said: Reply, after: bool
) -> None:
    one = bench()
    one.network.before = said
    dies(one, monkeypatch, "/tx", after)
    signed = one.record(one.artifact)
    assert signed.state == INTENDED
    one.network.mine()
    assert one.done(one.artifact).address == signed.address
    assert one.posts == 1


@pytest.mark.parametrize("said", SAID_BEFORE, ids=lambda said: str(said.status))
def test_a_gateway_that_is_late_to_show_what_it_took(bench: Make, said: Reply) -> None:
    one = bench()
    one.network.before = said
    artifact = one.file()
    one.once(artifact)
    one.network.hidden.add(one.record(artifact).address[5:])
    assert one.once(artifact) == "pending"
    chunks = sum(call.path == "/chunk" for call in one.network.calls)
    one.clock.now += GRACE + 1
    if said.status == 208:
        one.once(artifact)
    else:
        with pytest.raises(Unreachable):
            one.once(artifact)
    one.network.hidden.clear()
    assert one.done(artifact)
    assert one.posts == 1
    assert sum(call.path == "/chunk" for call in one.network.calls) <= 2 * chunks


def test_a_clock_that_was_set_back_holds_nothing_up(bench: Make) -> None:
    one = bench()
    artifact = one.file()
    one.once(artifact)
    one.network.drop(one.record(artifact).address[5:])
    one.clock.now -= 10**8
    one.done(artifact)
    assert one.posts == 2
    assert one.paid == one.record(artifact).winston


def test_what_the_network_dropped_is_posted_again_as_it_was(bench: Make) -> None:
    one = bench()
    artifact = one.file()
    one.once(artifact)
    first = one.record(artifact)
    one.network.drop(first.address[5:])
    one.once(artifact)
    assert one.posts == 1  # it may be late to show
    one.clock.now += GRACE + 1
    assert one.done(artifact).address == first.address
    assert one.posts == 2


def test_what_was_mined_and_thrown_out_again_is_posted_again_as_it_was(bench: Make) -> None:
    one = bench(confirmations=5)
    artifact = one.file()
    one.once(artifact)
    one.network.mine(2)
    one.once(artifact)
    first = one.record(artifact)
    assert first.block
    one.network.drop(first.address[5:])
    one.once(artifact)
    assert one.record(artifact).block == 0
    one.clock.now += GRACE + 1
    assert one.done(artifact).address == first.address
    assert one.paid == first.winston


def test_a_gateway_that_forgets_a_block_for_a_moment(bench: Make) -> None:
    one = bench(confirmations=100)
    artifact = one.file()
    one.once(artifact)
    one.network.mine(90)
    one.once(artifact)
    one.clock.now += 10 * GRACE
    identity = one.record(artifact).address[5:]
    one.network.hidden.add(identity)
    assert one.once(artifact) == "sent"
    one.clock.now += GRACE - 1
    assert one.once(artifact) == "sent"
    one.network.hidden.clear()
    assert one.once(artifact) == "pending"
    one.network.mine(10)
    assert one.done(artifact).address[5:] == identity
    assert one.posts == 1


def test_what_was_never_taken_is_signed_anew_once_it_cannot_turn_up(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench()
    dies(one, monkeypatch, "/tx")
    old = one.record(one.artifact)
    one.network.mine(55)
    with pytest.raises(Unreachable, match="signed too long ago"):
        one.once(one.artifact)
    one.network.mine(20)
    receipt = one.done(one.artifact)
    new = one.record(one.artifact)
    assert receipt.address == new.address != old.address
    assert (new.number, one.posts, one.paid) == (2, 1, new.winston)
    assert [lost.address for lost in one.ledger.lost(one.place, one.artifact.sha256)] == [old.address]
    assert one.ledger.spent(one.place, "job") == new.winston


def test_a_price_that_rose_after_signing(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench()
    dies(one, monkeypatch, "/tx")
    one.network.dearer = 1
    with pytest.raises(Refused, match="not valid"):
        one.once(one.artifact)
    one.clock.now += 3600
    with pytest.raises(Unreachable, match="not valid"):
        one.once(one.artifact)
    one.network.mine(71)
    one.done(one.artifact)
    assert (one.posts, one.paid) == (1, one.record(one.artifact).winston)


def test_what_was_dropped_for_good_is_signed_anew_and_paid_once(bench: Make) -> None:
    one = bench()
    artifact = one.file()
    one.once(artifact)
    one.network.drop(one.record(artifact).address[5:])
    one.network.mine(80)
    one.once(artifact)
    one.clock.now += GRACE + 1
    one.done(artifact)
    assert one.posts == 2
    assert one.paid == one.record(artifact).winston


def test_killed_between_giving_up_and_signing_anew(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench()
    dies(one, monkeypatch, "/tx")
    one.network.mine(80)
    one.ledger.update(one.record(one.artifact), state=LOST)
    one.done(one.artifact)
    assert (one.posts, one.record(one.artifact).number) == (1, 2)


def test_one_that_was_given_up_and_is_there_after_all_is_used(bench: Make) -> None:
    one = bench()
    artifact = one.file()
    one.once(artifact)
    first = one.ledger.update(one.record(artifact), state=LOST)
    one.network.mine()
    assert one.done(artifact).address == first.address
    assert one.posts == 1


def test_one_that_turns_up_too_late_is_noticed(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench()
    dies(one, monkeypatch, "/tx", after=True)
    old = one.record(one.artifact)
    one.network.mine()
    one.network.hidden.add(old.address[5:])
    one.network.mine(80)
    one.once(one.artifact)
    one.network.hidden.clear()
    one.network.mine()
    one.done(one.artifact)
    assert one.ledger.spent(one.place, "job") == 2 * old.winston == one.paid
    said = {found.name: found for found in one.publisher.examine()}
    assert said["ledger"].state == "warn"
    assert "twice" in said["ledger"].found


def test_nothing_is_given_up_on_the_word_of_one_gateway(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with Network() as other:
        one = bench(also=(other.url,))
        other.chain = one.network.chain
        dies(one, monkeypatch, "/tx", after=True)
        one.network.hidden.add(one.record(one.artifact).address[5:])
        one.network.mine(80)
        one.network.chain.chunks.clear()
        monkeypatch.setattr(one.network, "_chunk", lambda _call: Reply(400, b'{"error":"data_root_not_found"}'))
        with pytest.raises(Unreachable):  # the other knows it; its chunks are not taken here
            one.once(one.artifact)
        assert one.record(one.artifact).number == 1
        assert one.posts == 1
    with pytest.raises(Unreachable):  # and one that is away says nothing at all
        one.once(one.artifact)
    assert one.record(one.artifact).number == 1


def test_a_gateway_of_another_network_decides_nothing(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with Network(name="arweave.other") as other:
        one = bench(also=(other.url,))
        dies(one, monkeypatch, "/tx")
        one.network.mine(80)
        with pytest.raises(PublisherError, match="shows the network"):
            one.once(one.artifact)


def test_what_was_confirmed_is_never_paid_for_again(bench: Make) -> None:
    one = bench(confirmations=2)
    artifact = one.file()
    one.network.served = False
    one.once(artifact)
    one.network.mine(3)
    assert one.once(artifact) == "confirmed"
    one.network.hidden.add(one.record(artifact).address[5:])
    one.network.mine(200)
    one.clock.now += 10 * GRACE
    for _ in range(3):
        with pytest.raises(Unreachable, match="no longer knows"):
            one.once(artifact)
    one.network.hidden.clear()
    one.network.served = True
    assert one.done(artifact)
    assert one.posts == 1


def test_chunks_go_on_where_they_stopped(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench()
    artifact = one.file(size=1_300_000)
    taken, chunk = [], one.network._chunk

    def third_fails(call: Call) -> Reply:
        taken.append(json.loads(call.body)["offset"])
        return Reply(503) if len(taken) > 2 else chunk(call)

    monkeypatch.setattr(one.network, "_chunk", third_fails)
    monkeypatch.setattr(one.publisher._gateways.first, "_pauses", ())
    with pytest.raises(Unreachable):
        one.once(artifact)
    assert one.record(artifact).chunk == 2
    monkeypatch.setattr(
        one.network, "_chunk", lambda call: taken.append(json.loads(call.body)["offset"]) or chunk(call)
    )
    one.again()
    one.done(artifact)
    assert taken == ["262143", "524287", "786431", "786431", "1048575", "1299999"]


def test_a_chunk_that_will_never_be_taken_ends_it(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench()
    monkeypatch.setattr(one.network, "_chunk", lambda _call: Reply(400, b'{"error":"invalid_proof"}'))
    with pytest.raises(Refused, match="invalid_proof"):
        one.once(one.file())


def test_what_is_confirmed_and_not_served_is_sent_again_for_nothing(bench: Make) -> None:
    one = bench(confirmations=1)
    artifact = one.file()
    one.once(artifact)
    one.network.mine()
    one.network.chain.chunks.clear()
    assert one.once(artifact) == "confirmed"
    assert one.once(artifact) == "confirmed"
    one.clock.now += RESEED + 1
    assert one.once(artifact) == "confirmed"
    assert one.once(artifact) == "read back"
    assert one.posts == 1


class Liar(Server):
    """Serves other bytes."""

    def answer(self, call: Call) -> Reply:
        return Reply(200, b"x" * 600_000)


def test_a_gateway_that_serves_other_bytes_is_named(bench: Make) -> None:
    with Liar() as liar:
        one = bench(confirmations=1, also=(liar.url,))
        artifact = one.file()
        one.once(artifact)
        one.network.mine()
        with pytest.raises(Mismatch, match=liar.url[7:]):
            one.once(artifact)
        assert one.record(artifact).state == "confirmed"


def test_read_back_means_from_every_gateway(bench: Make) -> None:
    with Network() as other:
        one = bench(confirmations=1, also=(other.url,))
        other.chain, other.served = one.network.chain, False
        artifact = one.file()
        one.once(artifact)
        one.network.mine()
        assert one.once(artifact) == "confirmed"
        other.served = True
        assert one.once(artifact) == "read back"


def test_another_wallet_goes_on_with_what_the_first_signed(
    bench: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = bench()
    dies(one, monkeypatch, "/tx")
    old = one.record(one.artifact)
    monkeypatch.setattr(one.publisher._wallet, "address", "somebody else")
    assert one.done(one.artifact).address == old.address
    assert one.posts == 1


def test_another_network_is_another_place(bench: Make) -> None:
    one = bench()
    artifact = one.file()
    one.done(artifact)
    with Network(name="arweave.N.1") as real:
        real.mint(one.wallet.address, 10**15)
        one.again(gateway=real.url)
        one.once(artifact)
        assert len(real.taken) == 1
        assert one.ledger.find("arweave:arweave.N.1", artifact.sha256) != one.record(artifact)


def test_a_file_that_is_empty_gone_or_changed_is_not_paid_for(bench: Make) -> None:
    one = bench()
    with pytest.raises(Refused, match="empty"):
        one.once(one.file("a.mp4", 0))
    gone, changed = one.file("b.mp4"), one.file("c.mp4")
    gone.path.unlink()
    with pytest.raises(Refused, match="no longer where"):
        one.once(gone)
    changed.path.write_bytes(b"other")
    with pytest.raises(Mismatch, match="changed"):
        one.once(changed)
    assert one.posts == 0
    assert one.ledger.spent(one.place, "job") == 0


def test_a_file_that_changes_after_it_was_signed_is_not_sent(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench()
    dies(one, monkeypatch, "/chunk")
    one.artifact.path.write_bytes(b"x" * 600_000)
    with pytest.raises(Mismatch):
        one.once(one.artifact)


def test_a_damaged_ledger_stops_everything(bench: Make) -> None:
    one = bench()
    artifact = one.file()
    one.done(artifact)
    (one.folder / "state" / NAME).write_bytes(b"")
    one.again()
    asked = len(one.network.calls)
    with pytest.raises(PublisherError, match="damaged"):
        one.once(artifact)
    assert [call.path for call in one.network.calls[asked:]] == ["/info"]
    assert {found.name: found.state for found in one.publisher.examine()}["ledger"] == "fail"


def test_a_header_that_the_ledger_no_longer_has_right_is_not_sent(bench: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench()
    dies(one, monkeypatch, "/tx")
    record = one.record(one.artifact)
    one.ledger.update(record, header=record.header.replace(b"2", b"3", 1))
    with pytest.raises(PublisherError, match="record"):
        one.once(one.artifact)
    assert one.posts == 0


def test_all_files_under_one_address(bench: Make) -> None:
    one = bench()
    artifacts = (one.file("旁白 1.mp4"), one.file("alice.jpg", 5000))
    parcel = Parcel("job", "周报", artifacts)
    receipts = [one.done(artifact) for artifact in artifacts]
    whole = one.finished(lambda: one.publisher.gather(parcel, receipts, quietly))
    assert (whole.name, whole.state) == ("", READ_BACK)
    one.publisher.verify(whole)
    said = json.loads(one.network.data(whole.address[5:]) or b"")
    assert said["index"] == {"path": "旁白 1.mp4"}
    assert said["paths"]["alice.jpg"] == {"id": receipts[1].address[5:]}
    paid = one.paid
    assert one.publisher.gather(parcel, list(reversed(receipts)), quietly) == whole
    assert one.paid == paid
    assert SENT not in {record.state for record in one.ledger.of(one.place, "job")}


def test_what_is_verified_is_asked_for(bench: Make) -> None:
    one = bench()
    receipt = one.done(one.file())
    with pytest.raises(Mismatch):
        one.publisher.verify(replace(receipt, sha256="0" * 64))
    with pytest.raises(Mismatch, match="names no transaction"):
        one.publisher.verify(replace(receipt, address="ar://../../x"))
    with pytest.raises(Unreachable):
        one.publisher.verify(replace(receipt, address="ar://" + "x" * 43))
    one.network.served = False
    with pytest.raises(Unreachable, match="does not have"):
        one.publisher.verify(receipt)
