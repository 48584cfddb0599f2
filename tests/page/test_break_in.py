"""What strangers, and people who may come in, try with requests that no browser of ours would send."""

from __future__ import annotations

import pytest

from daemon.page.body import LARGEST
from tests.page.conftest import Visitor

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("path", ["/login", "/drop/form", "/drop/up/x/y"])
def test_a_stranger_cannot_fill_the_memory(visitor: Visitor, path: str) -> None:
    """The guard looks for the token in a form: of that it reads only so much, also where files of any size may come."""
    answer = visitor(listen="0.0.0.0:7860").post(path, content=b"a" * (LARGEST + 1), headers={"content-type": FORM})
    assert answer.status_code == 413
