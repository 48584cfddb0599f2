"""A wallet, a small network, and processes to kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from publishers.arweave.wallet import read_wallet
from tests.nodes.arlocal import Arlocal
from tests.publishers.arweave.keys import jwk_text, new_key
from tests.publishers.once import harness
from tests.publishers.once.harness import Nursery, Real, Trial
from tests.publishers.once.network import Network


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wallet's file."""
    path = tmp_path_factory.mktemp("wallet") / "key.json"
    path.touch(0o600)
    path.write_text(jwk_text(new_key()))
    return path


@pytest.fixture(scope="session")
def owner(key: Path) -> str:
    return read_wallet(str(key)).address


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with harness.nursery() as started:
        yield started


@pytest.fixture
def network(owner: str) -> Iterator[Network]:
    with Network() as started:
        started.mint(owner, 10**15)
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
