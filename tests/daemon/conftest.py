"""What the daemon's tests lean on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A root of its own, with a fake renderer."""
    return Bench(tmp_path)
