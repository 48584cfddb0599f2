"""Orders for the process that is killed, and what must be true in the end."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.request import Request, urlopen

from publishers.ledger import Ledger
from publishers.record import LOST
from tests.nodes.arlocal import Arlocal

ASK = """query($owners: [String!], $tags: [TagFilter!]) {
  transactions(owners: $owners, tags: $tags, first: 100) { edges { node { id fee { winston } block { height } } } }
}"""
ROOT = Path(__file__).parents[3]


class Chainlike(Protocol):
    """What a trial asks the network itself, past every gateway that may lie."""

    url: str

    def balance(self, address: str) -> int: ...
    def posted(self, owner: str, sha256s: list[str]) -> dict[str, int]:
        """The rewards of what is mined of these bytes, by id."""
        ...

    def data(self, identity: str) -> bytes | None: ...


class Real:
    """A gateway from npm, seen as the small network is."""

    def __init__(self, node: Arlocal) -> None:
        self.url = node.url
        self._node = node

    def mint(self, address: str, winston: int) -> None:
        self._node.mint(address, winston)

    def balance(self, address: str) -> int:
        return self._node.balance(address)

    def posted(self, owner: str, sha256s: list[str]) -> dict[str, int]:
        """The rewards of what is mined of these bytes, by id."""
        variables = {"owners": [owner], "tags": [{"name": "SHA-256", "values": sha256s}]}
        said = json.dumps({"query": ASK, "variables": variables}).encode()
        with urlopen(Request(f"{self.url}/graphql", said, {"Content-Type": "application/json"})) as answer:
            found = [edge["node"] for edge in json.load(answer)["data"]["transactions"]["edges"]]
        return {one["id"]: int(one["fee"]["winston"]) for one in found if one["block"]}

    def data(self, identity: str) -> bytes | None:
        return self._node.data(identity)


class Nursery:
    """Carries out orders one by one, each in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def wait(self) -> int:
        """The exit code; a signal is negative."""
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def run(self, order: dict[str, Any]) -> int:
        self.start(order)
        return self.wait()


@contextmanager
def nursery() -> Iterator[Nursery]:
    command = [sys.executable, "-m", "tests.publishers.once.child"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:  # type: ignore[call-overload]
        yield Nursery(process)
        process.stdin.close()


@dataclass
class Trial:
    """Some files that nobody published before, to be published by processes that may die.

    Attributes:
        folder: Holds the files and the state directory.
        key: The wallet's file.
        owner: Its address.
        settings: Beyond the gateway and the wallet.
    """

    folder: Path
    chain: Chainlike
    key: Path
    owner: str
    sizes: tuple[int, ...] = (1_200_000, 40_000)
    gateway: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.files = [self.folder / f"{number} 旁白.bin" for number in range(len(self.sizes))]
        for path, size in zip(self.files, self.sizes, strict=True):
            path.write_bytes(os.urandom(size))
        self.balance = self.chain.balance(self.owner)
        self.state = self.folder / "state"

    def order(self, fatal: int = 0, out: str = "out.json", **other: Any) -> dict[str, Any]:
        settings = {
            "gateway": self.gateway or self.chain.url,
            "wallet": str(self.key),
            "max_winston": 10**15,
            "confirmations": 2,
            **self.settings,
        }
        return {
            "settings": settings,
            "state": str(self.state),
            "files": [str(path) for path in self.files],
            "parcel": "trial",
            "fatal": fatal,
            "miner": self.chain.url,
            "out": str(self.folder / out),
            **other,
        }

    def finish(self, nursery: Nursery, fatal: int = 0) -> dict[str, Any]:
        """Kill it once at a boundary, and let it end the next time."""
        if fatal:
            assert nursery.run(self.order(fatal)) == -signal.SIGKILL
        assert nursery.run(self.order()) == 0
        return self.said()

    def said(self, out: str = "out.json") -> dict[str, Any]:
        said: dict[str, Any] = json.loads((self.folder / out).read_text())
        return said

    def paid_once(self) -> None:
        """Hold the chain against the files, the receipts and the ledger."""
        receipts = self.said()["receipts"]
        posted = self.chain.posted(self.owner, [receipt["sha256"] for receipt in receipts])
        addresses = [receipt["address"] for receipt in receipts]
        assert sorted(f"ar://{name}" for name in posted) == sorted(addresses)
        assert len(posted) == len(self.files) + 1
        place = self._place()
        records = [record for record in Ledger(self.state).of(place, "trial") if record.state != LOST]
        assert {record.state for record in records} == {"read back"}
        assert len(records) == len(posted)
        paid = self.balance - self.chain.balance(self.owner)
        assert paid == sum(posted.values()) == sum(record.winston for record in records)
        for path, receipt in zip(self.files, receipts, strict=False):
            data = self.chain.data(receipt["address"].removeprefix("ar://"))
            assert data == path.read_bytes()
            assert receipt["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
            assert receipt["state"] == "read back"

    def _place(self) -> str:
        memory = Ledger(self.state).recall(f"network of {self.gateway or self.chain.url}")
        assert memory is not None
        return memory.value
