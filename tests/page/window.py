"""A real browser's windows that nothing may go wrong in: Chromium, and a witness of whatever it complains about."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import daemon.sample

SAMPLE = Path(daemon.sample.__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
LISTENER = """
window.violations = [];
document.addEventListener("securitypolicyviolation", e =>
  window.violations.push(`${e.violatedDirective} forbids ${e.blockedURI} at ${location.pathname}`));
"""
Open = Callable[..., Any]


@dataclass
class Witness:
    """What went wrong in a window, and whom it asked.

    Attributes:
        faults: Script errors, lines on the console, dialogs, violations of the policy.
        hosts: All hosts that were asked for something.
        statuses: Statuses of answers that are expected to be no success here; Chromium puts them on the console.
    """

    faults: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)

    def watch(self, context: Any) -> None:
        """Watch all windows of a context."""
        context.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        context.on("console", lambda said: self._said(said))
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("dialog", lambda dialog: (self.faults.append(f"a dialog: {dialog.message}"), dialog.dismiss()))

    def _said(self, said: Any) -> None:
        expected = any(f"status of {status}" in said.text for status in self.statuses)
        expected |= "/now/preview/" in said.location.get("url", "") and "404" in said.text  # made in the meantime
        if said.type in ("error", "warning", "assert") and not expected:
            self.faults.append(f"{said.text} ({said.location.get('url', '')})")

    def look(self, page: Any) -> None:
        """Add what the policy was violated by on this page."""
        with contextlib.suppress(Exception):
            self.faults += page.evaluate("window.violations || []")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser; one for a module."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("there is no chromium on this machine")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def window(chromium: Any, witness: Witness) -> Iterator[Open]:
    """Open windows: ``window(base, locale="zh-CN", …)``; at the end nothing may have gone wrong in any of them."""
    opened: list[Any] = []

    def visit(base: str, **more: Any) -> Any:
        told = {"base_url": base, "locale": "en-GB", "accept_downloads": True} | more
        context = chromium.new_context(**told)
        context.set_default_timeout(90_000)
        context.add_init_script(LISTENER)
        witness.watch(context)
        opened.append(context)
        return context.new_page()

    yield visit
    for context in opened:
        for page in context.pages:
            witness.look(page)
        context.close()
    assert witness.faults == []
    assert {host.rpartition(":")[0] for host in witness.hosts} <= {"127.0.0.1", ""}
