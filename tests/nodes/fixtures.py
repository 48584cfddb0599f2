"""The nodes as fixtures: started when the first test asks, one for all tests of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.nodes import arlocal as arlocal_module
from tests.nodes import ipfs as ipfs_module
from tests.nodes.arlocal import Arlocal
from tests.nodes.arweave_js import ArweaveJs
from tests.nodes.cache import REQUIRED, Missing
from tests.nodes.ipfs import IpfsNode


def unavailable(reason: Missing) -> None:
    """Skip, or fail where the nodes are required."""
    if REQUIRED:
        pytest.fail(f"a node is required here: {reason}")
    pytest.skip(f"no node for this test: {reason}")


@pytest.fixture(scope="session")
def ipfs_node() -> Iterator[IpfsNode]:
    """A js-ipfs node. Tests leave it running, and say nothing of what else is in it."""
    with ExitStack() as end:
        try:
            node = end.enter_context(ipfs_module.ipfs_node())
        except Missing as reason:
            unavailable(reason)
        yield node


@pytest.fixture(scope="session")
def arlocal() -> Iterator[Arlocal]:
    """An arlocal gateway. Tests use wallets of their own, and leave it running."""
    with ExitStack() as end:
        try:
            node = end.enter_context(arlocal_module.arlocal())
        except Missing as reason:
            unavailable(reason)
        yield node


@pytest.fixture(scope="session")
def arweave_js() -> ArweaveJs:
    """arweave-js, for vectors."""
    try:
        return ArweaveJs()
    except Missing as reason:
        unavailable(reason)
        raise
