"""Prices, the cap and the balance: exact, before anything is signed or sent, and over restarts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from publishers.arweave.amount import ar
from publishers.arweave.publisher import ArweavePublisher
from publishers.base import Examined, Gatherer, Parcel, Publisher, Quoter, quietly
from publishers.errors import PublisherError, PublishError, Refused, Unreachable
from publishers.registry import build
from tests.nodes.server import Call, Reply, Server
from tests.publishers.once.conftest import MONEY, Bench
from tests.publishers.once.network import Network

Make = Callable[..., Bench]
CHUNK = 1_000_000_007
"""What the network takes for a chunk."""


@pytest.mark.parametrize(
    ("winston", "said"),
    [
        (0, "0 AR"),
        (1, "0.000000000001 AR"),
        (10**12, "1 AR"),
        (1_230_000_000_000, "1.23 AR"),
        (66_000_000 * 10**12 + 1, "66000000.000000000001 AR"),
        (-5 * 10**11, "-0.5 AR"),
    ],
)
def test_amounts_are_exact(winston: int, said: str) -> None:
    assert ar(winston) == said


def untouched(one: Bench) -> None:
    assert one.posts == 0
    assert one.paid == 0
    assert not [call for call in one.network.calls if call.method == "POST" and call.path != "/graphql"]


def test_above_the_cap_nothing_is_sent(bench: Make) -> None:
    one = bench(max_winston=3 * CHUNK - 1)
    with pytest.raises(Refused) as caught:
        one.once(one.file())
    said = str(caught.value)
    assert "alice.mp4 would cost 0.003000000021 AR: more than the 0.00300000002 AR" in said
    assert "max_ar" in caught.value.hint
    untouched(one)


def test_the_cap_is_for_all_files_of_a_parcel_and_over_restarts(bench: Make) -> None:
    one = bench(max_winston=5 * CHUNK)
    first, second, third = one.file("a.mp4"), one.file("b.mp4"), one.file("c.mp4", 300_000)
    one.done(first)
    one.again()
    with pytest.raises(Refused, match=r"with 0\.003000000021 AR spent on this job before"):
        one.once(second)
    one.done(third)
    assert one.paid == 5 * CHUNK
    one.done(second, "another job")


def test_a_retry_is_not_counted_twice(bench: Make) -> None:
    one = bench(max_winston=3 * CHUNK)
    artifact = one.file()
    for _ in range(4):
        one.once(artifact)
        one.again()
    assert one.done(artifact)
    assert one.ledger.spent(one.place, "job") == 3 * CHUNK


def test_what_is_signed_anew_is_held_to_the_cap(bench: Make) -> None:
    one = bench(max_winston=3 * CHUNK)
    artifact = one.file()
    one.once(artifact)
    one.network.drop(one.record(artifact).address[5:])
    one.network.mine(80)
    one.network.dearer = 1
    one.once(artifact)
    one.clock.now += 1000
    with pytest.raises(Refused, match="more than the"):
        one.once(artifact)
    one.again(max_winston=3 * CHUNK + 1)
    one.done(artifact)
    assert one.paid == 3 * CHUNK + 1


def test_too_little_in_the_wallet(bench: Make, owner: str) -> None:
    one = bench()
    one.network.chain.balances[owner] = 3 * CHUNK - 1
    with pytest.raises(Refused) as caught:
        one.once(one.file())
    assert f"costs 0.003000000021 AR, and the wallet {owner} has 0.00300000002 AR" in caught.value.message
    assert "at least 0.000000000001 AR" in caught.value.hint
    assert one.posts == 0


def test_what_is_promised_to_others_is_not_spent_again(bench: Make, owner: str) -> None:
    one = bench()
    one.network.chain.balances[owner] = 5 * CHUNK
    first, second = one.file("a.mp4"), one.file("b.mp4")
    one.once(first)
    with pytest.raises(Unreachable, match="promised") as caught:
        one.once(second)
    assert caught.value.wait
    one.network.mine()
    with pytest.raises(Refused):  # now it is known
        one.once(second)
    one.network.mint(owner, CHUNK)
    one.done(second)
    one.done(first)
    assert one.network.balance(owner) == 0


def test_what_was_mined_meanwhile_is_not_taken_off_twice(bench: Make, owner: str) -> None:
    one = bench()
    one.network.chain.balances[owner] = 6 * CHUNK
    first, second = one.file("a.mp4"), one.file("b.mp4")
    one.once(first)
    one.network.mine()
    assert one.record(first).block == 0
    assert one.once(second) == "pending"


def test_a_gateway_that_says_no_funds_after_all(bench: Make, owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench()
    artifact = one.file()
    one.network.chain.balances[owner] = 0
    monkeypatch.setattr(one.publisher._gateways.first, "balance", lambda _address: 10**15)
    with pytest.raises(Refused, match="cannot pay"):
        one.once(artifact)
    signed = one.record(artifact)
    one.network.mint(owner, 10**15)
    assert one.done(artifact).address == signed.address


def test_quotes_before_during_and_after(bench: Make, owner: str) -> None:
    one = bench()
    artifacts = (one.file("a.mp4"), one.file("b.jpg", 100))
    parcel = Parcel("job", "周报", artifacts, papers=3)
    quote = one.publisher.quote(parcel, online=False)
    assert (quote.winston, [line.winston for line in quote.lines]) == (None, [None, None, None])
    assert not one.network.calls
    assert not (one.folder / "state").exists()
    quote = one.publisher.quote(parcel, online=True)
    assert [(line.name, line.address, line.winston) for line in quote.lines] == [
        ("a.mp4", "", 3 * CHUNK),
        ("b.jpg", "", CHUNK),
        ("", "", CHUNK),
    ]
    assert quote.winston == 8 * CHUNK
    assert f"The wallet {owner} has 1000 AR." in quote.note
    asked = len(one.network.calls)
    quote = one.again().quote(parcel, online=False)
    assert quote.winston == 8 * CHUNK
    assert "By prices of 2026-09-21." in quote.note
    assert len(one.network.calls) == asked
    one.done(artifacts[0])
    quote = one.publisher.quote(parcel, online=True)
    assert (quote.lines[0].winston, quote.lines[0].paid, quote.winston) == (0, True, 5 * CHUNK)
    assert quote.lines[0].address.startswith("ar://")


def test_a_quote_is_held_to_cap_and_balance(bench: Make, owner: str) -> None:
    one = bench(max_winston=8 * CHUNK - 1)
    parcel = Parcel("job", "周报", (one.file("a.mp4"), one.file("b.jpg", 100)), papers=3)
    with pytest.raises(Refused, match="all of it would cost"):
        one.publisher.quote(parcel, online=True)
    one.again(max_winston=8 * CHUNK)
    assert one.publisher.quote(parcel, online=True)
    one.network.chain.balances[owner] = 8 * CHUNK - 1
    with pytest.raises(Refused, match=r"has 0\.00800000005"):
        one.publisher.quote(parcel, online=True)
    untouched(replace_paid(one))


def test_an_empty_file_is_refused_before_anything_else_is_paid(bench: Make) -> None:
    one = bench()
    parcel = Parcel("job", "", (one.file("a.mp4"), one.file("none.txt", 0)))
    with pytest.raises(Refused, match=r"none\.txt is empty"):
        one.publisher.quote(parcel, online=True)
    untouched(one)


def test_the_same_bytes_under_two_names_are_priced_once(bench: Make) -> None:
    one = bench()
    first = one.file("a.mp4")
    quote = one.publisher.quote(Parcel("job", "", (first, replace(first, name="b.mp4"))), online=True)
    assert [line.winston for line in quote.lines] == [3 * CHUNK, 0, CHUNK]
    assert quote.winston == 4 * CHUNK


def replace_paid(one: Bench) -> Bench:
    one.network.chain.balances[one.wallet.address] = MONEY
    return one


def test_an_empty_parcel_costs_its_papers(bench: Make) -> None:
    one = bench()
    assert one.publisher.quote(Parcel("job", "", (), papers=2), online=True).winston == 2 * CHUNK


def test_doctor_sees_all(bench: Make, owner: str) -> None:
    one = bench(max_winston=10**12)
    one.clock.now = time.time()
    with Network(name="arweave.other") as other:
        one.again(also=(other.url,))
        said = {found.name: found for found in one.publisher.examine()}
    assert {name: found.state for name, found in said.items()} == {
        "gateway": "ok",
        "also": "fail",
        "clock": "ok",
        "wallet": "ok",
        "balance": "ok",
        "ledger": "ok",
    }
    assert "1000 AR; one job may cost 1 AR" in said["balance"].found
    one.network.chain.balances[owner] = 5
    one.clock.now += 1000
    said = {found.name: found for found in one.publisher.examine()}
    assert said["balance"].state == "warn"
    assert said["clock"].state == "warn"


def test_doctor_asks_no_more_gateways_than_there_is_time_for(bench: Make) -> None:
    with Hung() as hung:
        one = bench()
        one.again(also=(hung.url,) * 3)
        started = time.monotonic()
        said = [(found.name, found.state) for found in one.publisher.examine()]
        assert time.monotonic() - started < 25
    assert said.count(("also", "fail")) == 1
    assert said.count(("also", "warn")) == 2


class Hung(Server):
    def answer(self, call: Call) -> Reply:
        return Reply(hang=30)


def test_doctor_does_not_wait_long(bench: Make) -> None:
    with Hung() as hung:
        one = bench()
        one.again(gateway=hung.url, also=(hung.url, hung.url), wallet="")
        del one.publisher._wallet
        started = time.monotonic()
        said = {found.name: found for found in one.publisher.examine()}
        assert time.monotonic() - started < 25
    assert said["gateway"].state == said["wallet"].state == "fail"
    assert "no Arweave wallet" in said["wallet"].found


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"gatway": ""}, "no key 'gatway'"),
        ({"gateway": 5}, "gateway is not a text"),
        ({"also": "https://one"}, "also is not a list"),
        ({"max_winston": 0.1}, "max_winston is not a whole number"),
        ({"max_winston": True}, "max_winston is not a whole number"),
        ({"confirmations": 0}, "confirmations is not a whole number of at least 1"),
        ({"gateway": "ftp://x"}, "address of the Arweave gateway"),
    ],
)
def test_settings_that_are_not_right(bench: Make, settings: dict[str, object], said: str) -> None:
    with pytest.raises(PublisherError, match=said):
        ArweavePublisher.from_settings(settings, bench().folder)


def test_it_is_all_that_a_store_may_be(bench: Make) -> None:
    made = build("arweave", {"gateway": "http://127.0.0.1:1", "also": []}, bench().folder)
    for protocol in (Publisher, Gatherer, Quoter, Examined):
        assert isinstance(made, protocol)
    assert made.name == "arweave"
    made.close()  # type: ignore[attr-defined]


def test_the_key_shows_nowhere(bench: Make, key_words: list[str], owner: str) -> None:
    one = bench()
    said = [repr(one.publisher), repr(vars(one.publisher)), repr(one.settings), str(one.publisher.examine())]
    one.network.chain.balances[owner] = 0
    with pytest.raises(Refused) as caught:
        one.once(one.file())
    said.append(repr(caught.value) + str(caught.value))
    state = b"".join(path.read_bytes() for path in (one.folder / "state").rglob("*") if path.is_file())
    assert not [word for word in key_words if word in "".join(said) or word.encode() in state]


@pytest.fixture
def key_words(key: Path) -> list[str]:
    said: dict[str, str] = json.loads(key.read_text())
    return [said[name] for name in ("d", "p", "q", "dp", "dq", "qi")]


def test_many_threads_stay_below_the_cap(bench: Make) -> None:
    one = bench(max_winston=4 * CHUNK)
    artifacts = [one.file(f"{number}.jpg", 1000) for number in range(8)]
    refused: list[str] = []

    def publish(number: int) -> None:
        try:
            one.publisher.publish(artifacts[number], Parcel("job", "", ()), quietly)
        except PublishError as error:
            (refused if isinstance(error, Refused) else seen).append(type(error).__name__)

    seen: list[str] = []
    threads = [threading.Thread(target=publish, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(seen), len(refused), one.posts) == (4, 4, 4)
    assert set(seen) == {"Pending"}
