"""What the daemon's tests lean on."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from daemon import rounds
from publishers import registry
from tests.daemon.bench import Bench
from tests.daemon.fake_store import POINTS, Stores


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A root of its own, with a fake renderer."""
    return Bench(tmp_path)


@pytest.fixture
def stores(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """Publishers that do as they are told, beside those that are installed; nobody waits long for them."""
    monkeypatch.setattr(registry, "entry_points", lambda group: (*entry_points(group=group), *POINTS))
    monkeypatch.setattr(rounds, "_FIRST_DELAY", 0.2)
    return Stores(bench.place / "world")
