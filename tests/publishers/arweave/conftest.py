"""A wallet for the tests of one run, and the contents that arweave-js was asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from publishers.arweave.wallet import Wallet
from publishers.secret import Secret
from tests.publishers.arweave.keys import jwk_text, new_key

PERIOD = 1_000_003


@pytest.fixture(scope="session")
def key_text() -> str:
    """The text of a key file."""
    return jwk_text(new_key())


@pytest.fixture(scope="session")
def wallet(key_text: str) -> Wallet:
    return Wallet(Secret(key_text))


@pytest.fixture(scope="session")
def pattern() -> bytes:
    """The bytes that make_golden.mjs repeats; a prime number of them, so that no two chunks are alike."""
    parts = (hashlib.sha256(str(number).encode()).digest() for number in range(PERIOD // 32 + 1))
    return b"".join(parts)[:PERIOD]


@pytest.fixture
def write(tmp_path: Path, pattern: bytes) -> Callable[[int], Path]:
    """Write a file of so many bytes."""

    def write(size: int) -> Path:
        path = tmp_path / f"{size}.bin"
        with path.open("wb") as file:
            for start in range(0, size, PERIOD):
                file.write(pattern[: min(PERIOD, size - start)])
        return path

    return write
