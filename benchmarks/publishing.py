"""Time and peak memory of publishing: 50 MB to an IPFS node, 8 MB to an Arweave gateway, beside others' programs.

The nodes are those of the tests. A publisher's share is one process that starts, hashes the file, sends it, and has it
read back and hashed; its peers do the same with the same node: ``curl``, js-ipfs' own client library, and arweave-js.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.figures import record, table
from benchmarks.measure import Cost, cost
from tests.nodes.arlocal import Arlocal, arlocal
from tests.nodes.cache import ARWEAVE_JS, IPFS, Recipe, installed, program
from tests.nodes.ipfs import IpfsNode, ipfs_node

MB = 1_000_000
LARGE, SMALL = 50 * MB, 8 * MB
ROUNDS = 5
MONEY = 10**15
"""Winston in the wallet: about 1900 times what is spent."""

PUBLISH = """
import json, pathlib, sys, urllib.request
from publishers import Parcel, Pending, build, identify, quietly
name, settings, state, file, mine = sys.argv[1:]
publisher = build(name, json.loads(settings), pathlib.Path(state))
artifact = identify(pathlib.Path(file))
while True:
    try:
        receipt = publisher.publish(artifact, Parcel("benchmark", "benchmark", (artifact,)), quietly)
        break
    except Pending:
        urllib.request.urlopen(mine).close()
assert receipt.state == "read back", receipt
"""
"""Waits for nothing: where only blocks are missing, it has them made."""

WALLET = """
import pathlib, sys
from publishers.arweave.wallet import read_wallet
from tests.publishers.arweave.keys import jwk_text, new_key
pathlib.Path(sys.argv[1]).write_text(jwk_text(new_key()), encoding="ascii")
print(read_wallet(sys.argv[1]).address)
"""
"""Not in this process: its own memory would count as its children's."""

CURL = """
set -eo pipefail
options="cid-version=1&raw-leaves=true&chunker=size-1048576&pin=true&cid-base=base32"
cid=$(curl -sSf -F "file=@$3" "$1/api/v0/add?$options" | sed 's/.*"Hash":"\\([^"]*\\)".*/\\1/')
test "$(curl -sSf "$2/ipfs/$cid" | sha256sum)" = "$(sha256sum < "$3")"
"""

CLIENT = """
import { create } from 'ipfs-http-client'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
const [api, gateway, file] = process.argv.slice(2)
const options = { cidVersion: 1, rawLeaves: true, chunker: 'size-1048576', pin: true }
const { cid } = await create({ url: api }).add(createReadStream(file), options)
const sum = async (pieces) => {
  const digest = createHash('sha256')
  for await (const piece of pieces) digest.update(piece)
  return digest.digest('hex')
}
const back = await sum((await fetch(`${gateway}/ipfs/${cid}`)).body)
if (back !== await sum(createReadStream(file))) throw new Error('other bytes')
"""

REFERENCE = """
import Arweave from 'arweave'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
const [url, wallet, file] = process.argv.slice(2)
const { hostname, port } = new URL(url)
const arweave = Arweave.init({ protocol: 'http', host: hostname, port })
const key = JSON.parse(readFileSync(wallet))
const data = readFileSync(file)
const tx = await arweave.createTransaction({ data }, key)
await arweave.transactions.sign(tx, key)
const uploader = await arweave.transactions.getUploader(tx)
while (!uploader.isComplete) await uploader.uploadChunk()
await fetch(`${url}/mine`)
const back = Buffer.from(await (await fetch(`${url}/${tx.id}`)).arrayBuffer())
const sum = (bytes) => createHash('sha256').update(bytes).digest('hex')
if (sum(back) !== sum(data)) throw new Error('other bytes')
"""

Way = Callable[[Path], list[str]]


def main() -> None:
    """Measure and record."""
    with ExitStack() as end:
        folder = Path(end.enter_context(tempfile.TemporaryDirectory()))
        node, gateway = end.enter_context(ipfs_node()), end.enter_context(arlocal())
        large = _measure(_ipfs_ways(node, folder), folder, LARGE)
        small = _measure(_arweave_ways(gateway, folder), folder, SMALL)
    head = ["", "s", "of ours", "processor, s", "peak memory, MiB"]
    parts = [
        "50 MB to js-ipfs: added, pinned, read back through its gateway, hashed.",
        table(head, _rows(large)),
        "8 MB to arlocal: signed, sent in chunks, mined, read back, hashed.",
        table(head, _rows(small)),
        f"Median of {ROUNDS}, new random bytes each time, everything on one machine, load {os.getloadavg()[0]:.1f}. "
        "The node's own time is in all of them.",
    ]
    record("publishing", "Publishing", "\n\n".join(parts))


def _ipfs_ways(node: IpfsNode, folder: Path) -> dict[str, Way]:
    settings = json.dumps({"api": node.api, "gateway": node.gateway, "links": ""})
    script = _script(folder / "client", CLIENT, IPFS)
    return {
        "lipsyncd": lambda file: _ours("ipfs", settings, folder, file, node.api),
        "curl and sha256sum": lambda file: ["bash", "-c", CURL, "curl", node.api, node.gateway, str(file)],
        "ipfs-http-client": lambda file: [program("node"), script, node.api, node.gateway, str(file)],
    }


def _arweave_ways(gateway: Arlocal, folder: Path) -> dict[str, Way]:
    wallet = folder / "wallet.json"
    wallet.touch(0o600)
    made = subprocess.run([sys.executable, "-c", WALLET, str(wallet)], capture_output=True, text=True, check=True)
    gateway.mint(made.stdout.strip(), MONEY)
    script = _script(folder / "reference", REFERENCE, ARWEAVE_JS)
    settings = {"gateway": gateway.url, "wallet": str(wallet), "max_winston": MONEY, "confirmations": 1}
    mine = f"{gateway.url}/mine"
    return {
        "lipsyncd": lambda file: _ours("arweave", json.dumps(settings), folder, file, mine),
        "arweave-js": lambda file: [program("node"), script, gateway.url, str(wallet), str(file)],
    }


def _script(place: Path, text: str, recipe: Recipe) -> str:
    """Put a module where it finds the libraries of a node; give its path."""
    place.mkdir()
    (place / "node_modules").symlink_to(installed(recipe) / "node_modules")
    (place / "script.mjs").write_text(text, encoding="utf-8")
    return str(place / "script.mjs")


def _ours(name: str, settings: str, folder: Path, file: Path, mine: str) -> list[str]:
    return [sys.executable, "-c", PUBLISH, name, settings, str(folder / "state"), str(file), mine]


def _measure(ways: dict[str, Way], folder: Path, size: int) -> dict[str, list[Cost]]:
    """Measure each way in turns, so that the machine's moods meet all of them; a node has never seen the bytes."""
    (folder / "state").mkdir(exist_ok=True)
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    file = folder / "random.bin"
    die = random.Random(size)
    for _ in range(ROUNDS):
        for name, way in ways.items():
            with file.open("wb") as writer:
                writer.writelines(die.randbytes(MB) for _ in range(size // MB))
            costs[name].append(cost(way(file)))
    return costs


def _rows(costs: dict[str, list[Cost]]) -> list[list[str]]:
    own = statistics.median(one.wall for one in costs["lipsyncd"])
    rows = []
    for name, spent in costs.items():
        wall = statistics.median(one.wall for one in spent)
        cpu = statistics.median(one.cpu for one in spent)
        memory = max(one.memory for one in spent) / 2**20
        rows.append([name, f"{wall:.2f}", f"{wall / own:.2f}", f"{cpu:.2f}", f"{memory:.0f}"])
    return rows


if __name__ == "__main__":
    main()
