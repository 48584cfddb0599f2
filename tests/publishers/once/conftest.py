"""A wallet, a small network, and processes to kill."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from publishers.arweave.publisher import ArweavePublisher
from publishers.arweave.settings import Settings
from publishers.arweave.wallet import Wallet, read_wallet
from publishers.base import Artifact, Parcel, Receipt, quietly
from publishers.cid import identify
from publishers.errors import Pending
from publishers.ledger import Ledger
from publishers.record import Record
from tests.nodes.arlocal import Arlocal
from tests.publishers.arweave.keys import jwk_text, new_key
from tests.publishers.once import harness
from tests.publishers.once.harness import Nursery, Real, Trial
from tests.publishers.once.network import Network

MONEY = 10**15
wallet_of = functools.cache(read_wallet)


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wallet's file."""
    path = tmp_path_factory.mktemp("wallet") / "key.json"
    path.touch(0o600)
    path.write_text(jwk_text(new_key()))
    return path


@pytest.fixture(scope="session")
def owner(key: Path) -> str:
    return wallet_of(str(key)).address


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with harness.nursery() as started:
        yield started


@pytest.fixture(scope="module")
def second() -> Iterator[Nursery]:
    """Another one, for two at once."""
    with harness.nursery() as started:
        yield started


@pytest.fixture
def network(owner: str) -> Iterator[Network]:
    with Network() as started:
        started.mint(owner, MONEY)
        yield started


@pytest.fixture
def real(arlocal: Arlocal, owner: str) -> Real:
    """arlocal, with money in the wallet."""
    arlocal.mine()
    node = Real(arlocal)
    node.mint(owner, 10**14)
    return node


@pytest.fixture
def trial(network: Network, key: Path, owner: str, tmp_path: Path) -> Callable[..., Trial]:
    def trial(name: str = "trial", **other: Any) -> Trial:
        return Trial(tmp_path / name, other.pop("chain", network), key, owner, **other)

    return trial


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A publisher in this process, with a network and a clock of its own.

    Attributes:
        publisher: Made anew by ``again``, as after a restart.
        receipt: What the last ``Pending`` said.
    """

    def __init__(self, network: Network, folder: Path, key: Path, wallet: Wallet, **settings: Any) -> None:
        self.network, self.folder, self.key, self.wallet = network, folder, key, wallet
        self.clock = Clock()
        self.settings = Settings(**{"gateway": network.url, "wallet": str(key), "max_winston": 10**15, **settings})
        self._made: list[ArweavePublisher] = []
        self.publisher = self.again()
        self.receipt: Receipt | None = None

    def again(self, **settings: Any) -> ArweavePublisher:
        self.settings = replace(self.settings, **settings)
        self.publisher = ArweavePublisher(self.settings, self.folder / "state", self.clock)
        self.publisher._wallet = self.wallet  # type: ignore[misc]
        self._made.append(self.publisher)
        return self.publisher

    def close(self) -> None:
        for one in self._made:
            one.close()

    def file(self, name: str = "alice.mp4", size: int = 600_000) -> Artifact:
        path = self.folder / name
        path.write_bytes(os.urandom(size))
        return identify(path)

    def once(self, artifact: Artifact, parcel: str = "job") -> str:
        """Publish; return the state, whether time is missing or not."""
        try:
            self.receipt = self.publisher.publish(artifact, Parcel(parcel, "周报", (artifact,)), quietly)
        except Pending as pending:
            self.receipt = pending.receipt
        return self.receipt.state

    def done(self, artifact: Artifact, parcel: str = "job") -> Receipt:
        """Publish to the end, making blocks."""
        for _ in range(30):
            if self.once(artifact, parcel) == "read back":
                break
            self.network.mine()
        assert self.receipt is not None
        assert self.receipt.state == "read back"
        return self.receipt

    def finished(self, work: Callable[[], Receipt]) -> Receipt:
        """Call again while only time is missing, making blocks."""
        for _ in range(30):
            with contextlib.suppress(Pending):
                return work()
            self.network.mine()
        raise AssertionError("it never ends")

    def record(self, artifact: Artifact) -> Record:
        found = self.ledger.find(self.place, artifact.sha256)
        assert found is not None
        return found

    @property
    def place(self) -> str:
        return f"arweave:{self.network.name}"

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "state", self.clock)

    @property
    def paid(self) -> int:
        return MONEY - self.network.balance(self.wallet.address)

    @property
    def posts(self) -> int:
        """How many transactions were taken."""
        return len(self.network.taken)


@pytest.fixture
def bench(network: Network, key: Path, owner: str, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def bench(name: str = "bench", **settings: Any) -> Bench:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        made.append(Bench(settings.pop("network", network), folder, key, wallet_of(str(key)), **settings))
        return made[-1]

    yield bench
    for one in made:
        one.close()
