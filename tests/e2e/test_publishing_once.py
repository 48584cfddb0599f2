"""Nothing is paid twice: two daemons, a bad line, and a process that is killed again and again."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.press import Press, Purse, places, purse
from tests.nodes.arlocal import Arlocal
from tests.nodes.flaky import Flaky
from tests.nodes.ipfs import IpfsNode

pytestmark = pytest.mark.e2e
ALL = 8
"""Transactions of two faces: two videos, two posters, one path manifest, two metadata.json, one manifest.json."""


def text(api: str, gateway: str, arweave: str, wallet: Purse) -> str:
    return places(
        ["ipfs", "arweave"],
        ipfs={"api": api, "gateway": gateway},
        arweave={"gateway": arweave, "wallet": wallet.path, "confirmations": 2, "max_ar": 5},
    )


def settled(press: Press, wallet: Purse, node: IpfsNode, name: str = "talk") -> None:
    """Everything is published and read back, and paid once."""
    done = press.root / "done" / name
    failed = press.root / "failed" / name / "WHY.txt"
    assert done.exists(), failed.read_text(encoding="utf-8") if failed.exists() else sorted(map(str, press.tree()))
    receipts = [one for one in press.job(name)["receipts"] if one["publisher"] in ("ipfs", "arweave")]
    assert {one["state"] for one in receipts} == {"read back"}
    for one in receipts:
        data = (done / one["name"]).read_bytes()
        kind, _, where = one["address"].partition("://")
        assert (node.read(where) if kind == "ipfs" else wallet.gateway.data(where)) == data
    paid = wallet.paid()
    assert set(paid.values()) == {1}
    assert len(paid) == ALL
    assert wallet.spent() == wallet.fees()


def test_a_line_that_fails_three_times_in_ten(tmp_path: Path, ipfs_node: IpfsNode, arlocal: Arlocal) -> None:
    wallet = purse(tmp_path, arlocal)
    with ExitStack() as end:
        api, gateway, arweave = (
            end.enter_context(Flaky(url, seed=seed, share=0.3, hang=1.0))
            for seed, url in ((1, ipfs_node.api), (2, ipfs_node.gateway), (59, arlocal.url))
        )
        press = Press(tmp_path, engine="null", more=text(api.url, gateway.url, arweave.url, wallet))
        with arlocal.mining(0.3), press.watching():
            done = press.drop(seed=1, pixels=900)
            press.wait(press.ended, 240)
        settled(press, wallet, ipfs_node)
        assert (done / "alice.mp4").stat().st_size > 2 * 262_144, "a video of one chunk says too little"
        assert len(arweave.faults) > 10, "the line was not bad enough to tell anything"
        lost = [one for one in arweave.reached("POST", "/tx") if not one.told]
        assert len(lost) >= 3, "too few answers to payments were lost: choose another seed"


def test_a_daemon_that_is_killed_again_and_again(tmp_path: Path, ipfs_node: IpfsNode, arlocal: Arlocal) -> None:
    wallet = purse(tmp_path, arlocal)
    press = Press(tmp_path, engine="null", more=text(ipfs_node.api, ipfs_node.gateway, arlocal.url, wallet))
    die = random.Random(7)
    press.drop(seed=2, pixels=900)
    killed = []
    with arlocal.mining(1.0):
        while not press.ended() and len(killed) < 20:
            with press.watching() as daemon:
                enough = _enough(press, die)
                press.wait(lambda enough=enough: enough() or press.ended())
                time.sleep(die.uniform(0.0, 0.3))
                daemon.send_signal(signal.SIGKILL)
                daemon.wait()
            killed.append(_steps(press))
        if not press.ended():
            with press.watching():
                press.wait(press.ended)
    assert len(set(killed)) >= 5, f"it was not killed often enough on its way: {killed}"
    settled(press, wallet, ipfs_node)


def _steps(press: Press) -> int:
    """How many files were sent or published so far, as all logs say."""
    return sum(line["event"] in ("sent", "published") for line in press.log())


def _enough(press: Press, die: random.Random) -> Callable[[], bool]:
    """When the daemon that just starts has done enough: some steps more or, every other time, some seconds later."""
    steps, end = _steps(press) + die.randint(1, 4), time.monotonic() + die.choice((die.uniform(1.5, 4.0), 1000.0))
    return lambda: _steps(press) >= steps or time.monotonic() > end


def test_two_daemons_with_one_purse(tmp_path: Path, ipfs_node: IpfsNode, arlocal: Arlocal) -> None:
    wallet = purse(tmp_path, arlocal)
    # Without signatures, which differ each time, both make the same bytes.
    more = text(ipfs_node.api, ipfs_node.gateway, arlocal.url, wallet) + "[credentials]\nsign = false\n"
    houses = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        houses.append(Press(tmp_path / name, engine="null", more=more, state=tmp_path / "state"))
    with arlocal.mining(0.3), houses[0].watching(), houses[1].watching():
        for press in houses:
            press.drop(seed=3)
        for press in houses:
            press.wait(press.ended)
    kinds = (".mp4", ".jpg")
    sums = [{one["sha256"] for one in press.job()["receipts"] if one["name"].endswith(kinds)} for press in houses]
    assert sums[0] == sums[1]
    paid = wallet.paid()
    assert set(paid.values()) == {1}
    assert sums[0] <= set(paid)
    assert wallet.spent() == wallet.fees()
