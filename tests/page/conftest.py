"""A page to ask, with nothing behind it but folders: no server, no daemon, no network."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.page.app import build
from daemon.page.house import House
from daemon.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx2, which nothing else here uses
    from starlette.testclient import TestClient

Visitor = Callable[..., TestClient]


def settings_at(folder: Path, **page: object) -> Settings:
    """Settings with a root and a state of their own; the folders are there."""
    for name in ("inbox", "working", "done", "failed"):
        (folder / "root" / name).mkdir(parents=True, exist_ok=True)
    (folder / "state").mkdir(mode=0o700, exist_ok=True)
    paths = {"root": folder / "root", "state": folder / "state"}
    return Settings(paths=paths, page={"listen": "127.0.0.1:7860", **page})


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.of(settings_at(tmp_path))


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[Visitor]:
    """Give browsers: ``visitor()`` visits a page without a password, ``visitor(listen=…)`` one with other settings."""
    opened: list[TestClient] = []

    def visit(house: House | None = None, **page: object) -> TestClient:
        house = house or House.of(settings_at(tmp_path, **page))
        # A client speaks to 127.0.0.1 and comes from there.
        client = TestClient(
            build(house), "http://127.0.0.1:7860", raise_server_exceptions=False, client=("127.0.0.1", 50000)
        )
        client.headers["accept"] = "text/html"
        client.__enter__()
        opened.append(client)
        return client

    yield visit
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def browser(visitor: Visitor, house: House) -> TestClient:
    """A browser that has the page open, and sends the token that belongs to it."""
    client = visitor(house)
    client.headers["x-csrf-token"] = token_of(client.get("/").text)
    return client


def token_of(text: str) -> str:
    """Find the token in a page."""
    return text.partition('<meta name="csrf" content="')[2].partition('"')[0]
