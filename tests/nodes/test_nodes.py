"""The nodes themselves: that the tests which lean on them lean on something."""

from __future__ import annotations

import urllib.error

import pytest

from tests.nodes.arlocal import NETWORK, Arlocal
from tests.nodes.arweave_js import ArweaveJs
from tests.nodes.ipfs import IpfsNode
from tests.nodes.process import call

pytestmark = pytest.mark.e2e
EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
"""The CID of no bytes at all."""

SEND = """
import Arweave from 'arweave'
import { readFileSync } from 'node:fs'
const { url, text } = JSON.parse(readFileSync(0))
const { protocol, hostname, port } = new URL(url)
const arweave = Arweave.init({ protocol: protocol.slice(0, -1), host: hostname, port })
const key = await arweave.wallets.generate()
const address = await arweave.wallets.jwkToAddress(key)
await fetch(`${url}/mint/${address}/1000000000000`)
const tx = await arweave.createTransaction({ data: text }, key)
tx.addTag('Title', '旁白')
await arweave.transactions.sign(tx, key)
const answer = await arweave.transactions.post(tx)
console.log(JSON.stringify({ id: tx.id, address, reward: tx.reward, status: answer.status }))
"""


def test_ipfs_stores_and_serves(ipfs_node: IpfsNode) -> None:
    assert ipfs_node.add(b"") == EMPTY
    assert EMPTY in ipfs_node.pinned()
    assert ipfs_node.read(EMPTY) == b""


def test_ipfs_hangs_dies_and_comes_back(ipfs_node: IpfsNode) -> None:
    with ipfs_node.paused(), pytest.raises(TimeoutError):
        call(f"{ipfs_node.api}/api/v0/version", method="POST", seconds=1)
    ipfs_node.kill()
    with pytest.raises(OSError, match="refused"):
        call(f"{ipfs_node.api}/api/v0/version", method="POST")
    ipfs_node.start()
    assert ipfs_node.ask("version")["Version"].startswith("0.")


def test_arlocal_takes_money_and_transactions(arlocal: Arlocal, arweave_js: ArweaveJs) -> None:
    assert arlocal.info()["network"] == NETWORK
    sent = arweave_js.run(SEND, {"url": arlocal.url, "text": "hello"})
    assert sent["status"] == 200
    assert arlocal.balance(sent["address"]) == 10**12 - int(sent["reward"])
    assert arlocal.status(sent["id"]) == "Pending"
    arlocal.mine(2)
    assert arlocal.status(sent["id"])["number_of_confirmations"] >= 1
    assert arlocal.data(sent["id"]) == b"hello"
    [known] = arlocal.transactions(owner=sent["address"])
    assert known["id"] == sent["id"]
    assert {"name": "Title", "value": "旁白"} in known["tags"]
    assert arlocal.status("A" * 43) is None


def test_arlocal_keeps_its_chain_while_it_is_away(arlocal: Arlocal) -> None:
    arlocal.mint("someone", 5)
    with arlocal.away(), pytest.raises(urllib.error.URLError):
        arlocal.info()
    assert arlocal.balance("someone") == 5


def test_arweave_js_says_what_went_wrong(arweave_js: ArweaveJs) -> None:
    with pytest.raises(RuntimeError, match="no such thing"):
        arweave_js.run("throw new Error('no such thing')")
