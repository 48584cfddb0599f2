"""arlocal: a gateway of a small Arweave network on this machine, with money for the asking."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.nodes.cache import ARLOCAL, installed, program
from tests.nodes.node import Node
from tests.nodes.process import Process, call, free_port, preloading

PRELOADS = ("preload_loopback.cjs", "preload_prefix.cjs")
NETWORK = "arlocal.N.1"
"""The name that it answers to /info, and that the ledger's keys carry."""


class Arlocal(Node):
    """A gateway whose chain is lost when it stops, unless it is started to persist.

    Attributes:
        url: Its address, such as http://127.0.0.1:40123.
    """

    def __init__(self, home: Path) -> None:
        main = installed(ARLOCAL) / "node_modules" / "arlocal" / "bin" / "index.js"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [program("node"), str(main), str(port), "--hidelogs", "--persist", "--dbpath", "chain"]
        extra = preloading(*PRELOADS) | {"HOME": str(home)}
        self.process = Process(command, home, extra, home / "arlocal.log")

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process.start(f"{self.url}/info")

    def stop(self) -> None:
        """End it; a later start goes on with the same chain."""
        self.process.kill()

    def mint(self, address: str, winston: int) -> None:
        """Give money to a wallet."""
        call(f"{self.url}/mint/{address}/{winston}")

    def mine(self, blocks: int = 1) -> None:
        """Make blocks; what was posted is in the first of them."""
        call(f"{self.url}/mine/{blocks}")

    @contextmanager
    def mining(self, seconds: float = 0.5) -> Iterator[None]:
        """A block every so often while something else goes on."""
        enough = threading.Event()

        def work() -> None:
            while not enough.wait(seconds):
                with contextlib.suppress(OSError):
                    self.mine()

        miner = threading.Thread(target=work, name="miner")
        miner.start()
        try:
            yield
        finally:
            enough.set()
            miner.join()

    def info(self) -> Any:
        """What the network says of itself: name, height, …"""
        return json.loads(call(f"{self.url}/info"))

    def balance(self, address: str) -> int:
        """Winston that a wallet has."""
        return int(call(f"{self.url}/wallet/{address}/balance"))

    def price(self, size: int) -> int:
        """Winston that so many bytes cost."""
        return int(call(f"{self.url}/price/{size}"))

    def status(self, identifier: str) -> Any:
        """What /tx/ID/status says: a document once mined, "Pending" before, None if the transaction is unknown."""
        try:
            said = call(f"{self.url}/tx/{identifier}/status").decode()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        return json.loads(said) if said.startswith("{") else said

    def data(self, path: str) -> bytes:
        """What the gateway serves at an id, or at a path of a path manifest."""
        return call(f"{self.url}/{path}")

    def transactions(self, owner: str = "") -> list[dict[str, Any]]:
        """All that were posted, newest first, each with id, owner, tags, data size, and block if mined."""
        ask = (
            "query($after: String) { transactions(first: 100, after: $after) { edges { cursor node { id "
            "owner { address } tags { name value } data { size } fee { winston } block { height } } } } }"
        )
        found: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            request = json.dumps({"query": ask, "variables": {"after": after}}).encode()
            edges = self._graphql(request)
            found += [edge["node"] for edge in edges]
            if len(edges) < 100:
                return [node for node in found if owner in ("", node["owner"]["address"])]
            after = edges[-1]["cursor"]

    def _graphql(self, request: bytes) -> list[dict[str, Any]]:
        post = Request(f"{self.url}/graphql", request, {"Content-Type": "application/json"})
        with urlopen(post, timeout=30) as answer:
            edges: list[dict[str, Any]] = json.load(answer)["data"]["transactions"]["edges"]
        return edges


@contextmanager
def arlocal() -> Iterator[Arlocal]:
    """A running gateway with an empty chain.

    Raises:
        Missing: It cannot be installed here.
    """
    with tempfile.TemporaryDirectory(prefix="arlocal-", ignore_cleanup_errors=True) as home:
        node = Arlocal(Path(home))
        with contextlib.ExitStack() as end:
            end.callback(node.stop)
            node.start()
            yield node
