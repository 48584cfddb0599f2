"""Dying at any boundary between two effects: before or after the nth call of the web or the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from publishers.http import Web
from publishers.ledger import Ledger

EFFECTS = ((Web, "call"), (Ledger, "intend"), (Ledger, "update"))


class DiedError(BaseException):
    """What no code of ours catches, as nothing is caught by a process that is killed."""


class Mishap:
    """Counts boundaries (two a call: before it and after it), and dies at one of them.

    Attributes:
        at: The boundary at which it dies, counted from 0; -1 for none.
        passed: Boundaries that were passed.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at, self.passed = -1, 0
        self._lock = threading.Lock()
        self._monkeypatch = monkeypatch
        for owner, name in EFFECTS:
            self.watch(owner, name)

    def watch(self, owner: type, name: str) -> None:
        """Let calls of one more method be effects."""
        self._monkeypatch.setattr(owner, name, self._wrapped(getattr(owner, name)))

    def arm(self, at: int) -> None:
        """Die at that boundary, counted from now."""
        self.at, self.passed = at, 0

    def _wrapped(self, effect: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **named: Any) -> Any:
            self._boundary()
            result = effect(*args, **named)
            self._boundary()
            return result

        return wrapped

    def _boundary(self) -> None:
        with self._lock:
            here, self.passed = self.passed, self.passed + 1
        if here == self.at:
            raise DiedError
