"""What every test may lean on: a clean environment and the bundled sample."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import daemon.sample

pytest_plugins = ["tests.nodes.fixtures"]
SAMPLE = Path(daemon.sample.__file__).parent


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting, socket or home of the person who runs the tests leaks into them."""
    for name in list(os.environ):
        if name.startswith("LIPSYNCD_") or name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "STATE_DIRECTORY"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local" / "state"))


@pytest.fixture(scope="session")
def sample() -> Path:
    """The folder of the bundled sample: a portrait, a moving clip of it, and spoken texts."""
    return SAMPLE
