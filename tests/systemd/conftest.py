"""One machine with a real systemd for all tests of a file, lipsyncd installed on it as the documents say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.machine import Machine, booted, lacking


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if why := lacking():
        pytest.skip(why)
    share: Path = tmp_path_factory.mktemp("share")
    share.chmod(0o755)
    with booted(share) as machine:
        yield machine
