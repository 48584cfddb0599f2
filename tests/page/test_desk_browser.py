"""Log and Review in a real Chromium: lines appear as they are written, and a job is approved without script."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.page.house import House
from daemon.ring import Ring
from tests.page.conftest import settings_at
from tests.page.test_history import EVIL
from tests.page.test_logs import event
from tests.page.test_review import laid, waiting
from tests.page.uploader import page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
sync_api.expect.set_options(timeout=90_000)
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not CHROMIUM, reason="there is no chromium on this machine")]


@pytest.fixture(scope="module")
def chromium() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def test_lines_appear_as_they_are_written(chromium: sync_api.Browser, tmp_path: Path) -> None:
    ring = Ring(settings_at(tmp_path).paths.state, largest=3000)
    for number in range(3):
        ring.append(event(f"old {number}"))
    with page(tmp_path) as process:
        tab = chromium.new_page()
        faults: list[str] = []
        tab.on("pageerror", lambda fault: faults.append(str(fault)))
        tab.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        tab.goto(f"http://127.0.0.1:{process.port}/log")
        sync_api.expect(tab.locator("#lines > li")).to_have_count(3)
        for number in range(40):  # the ring turns meanwhile
            ring.append(event(f"new {number}", "error" if number == 39 else "info"))
            if number % 8 == 0:
                tab.wait_for_timeout(300)
        ring.append(event(EVIL, job=EVIL, exception=EVIL))
        first = tab.locator("#lines > li").first
        sync_api.expect(first.locator(".text")).to_contain_text("onerror=alert(1)")
        assert tab.locator("#lines img, #lines script").count() == 0
        sync_api.expect(tab.locator("#lines > li").nth(1)).to_contain_text("new 39")
        sync_api.expect(tab.locator("#lines > li")).to_have_count(44)
        tab.locator("#follow").click()
        ring.append(event("unheard"))
        tab.wait_for_timeout(1500)
        assert "unheard" not in tab.locator("#lines").inner_text()
        tab.locator("#follow").click()
        sync_api.expect(first).to_contain_text("unheard")
        sync_api.expect(tab.locator("#lines > li")).to_have_count(45)
        tab.select_option("#level", "error")
        sync_api.expect(tab.locator("#lines > li")).to_have_count(1)
        ring.append(event("not this"))
        ring.append(event("but this", "error"))
        sync_api.expect(first).to_contain_text("but this")
        sync_api.expect(tab.locator("#lines > li")).to_have_count(2)
        assert not faults
        tab.close()


def test_a_job_is_approved_without_script(chromium: sync_api.Browser, tmp_path: Path) -> None:
    home = laid(House.of(settings_at(tmp_path)), waiting(1, EVIL))
    with page(tmp_path) as process:
        context = chromium.new_context(java_script_enabled=False)
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{process.port}/review")
        tab.locator("main a.button").click()
        tab.locator("#note").fill("fine <b>for me</b>")
        tab.locator("button[value=approve]").click()
        sync_api.expect(tab.locator(".message.done")).to_contain_text("is approved.")
        assert (home / "APPROVE").read_text() == "fine <b>for me</b>\n"
        context.close()
