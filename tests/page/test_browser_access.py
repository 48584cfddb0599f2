"""The page for everybody: what axe-core finds, in both languages, by day and night; without script; by keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.nodes.cache import AXE, Missing, installed
from tests.nodes.fixtures import unavailable
from tests.page.stage import EVIL, stage
from tests.page.window import Open, Witness, chromium, window, witness

__all__ = ["chromium", "window", "witness"]
pytestmark = pytest.mark.e2e
DRESSES = {
    "desk": {"viewport": {"width": 1280, "height": 800}},
    "dark zh": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark", "locale": "zh-CN"},
    "phone": {"viewport": {"width": 375, "height": 700}, "is_mobile": True, "has_touch": True},
}
LOOK = """() => axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
  .then(found => found.violations.filter(one => ["serious", "critical", "moderate"].includes(one.impact))
  .map(one => ({id: one.id, impact: one.impact, nodes: one.nodes.slice(0, 3).map(at => [at.html, at.failureSummary])})))
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stage(tmp_path_factory.mktemp("stage")) as base:
        yield base


@pytest.fixture(scope="module")
def axe() -> str:
    try:
        return (installed(AXE) / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    except Missing as reason:
        unavailable(reason)
        raise


def screens(page: Any) -> list[str]:
    """Every screen there is: those of the navigation, and those that are reached from them."""
    page.goto("/")
    found = [link.get_attribute("href") for link in page.query_selector_all(".top nav a")]
    page.goto("/jobs")
    jobs = {link.inner_text(): link.get_attribute("href") for link in page.query_selector_all(".jobs a")}
    weekly = next(path for text, path in jobs.items() if "weekly" in text)
    broken = next(path for text, path in jobs.items() if "failed" in text)
    wicked = next(path for text, path in jobs.items() if text.strip().endswith(EVIL[1]))
    return [*found, weekly, broken, wicked, f"{weekly}/delete", "/jobs/0000001e/cancel", "/jobs?q=nothing", "/nowhere"]


@pytest.mark.parametrize("dress", DRESSES)
def test_nothing_serious_is_found(window: Open, witness: Witness, shown: str, axe: str, dress: str) -> None:
    witness.statuses.add(404)
    page = window(shown, **DRESSES[dress], bypass_csp=True)  # the policy forbids the script that looks, too
    faults = dict[str, Any]()
    for path in screens(page):
        page.goto(path)
        page.wait_for_load_state("load")
        page.evaluate(axe)
        if found := page.evaluate(LOOK):
            faults[path] = found
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            faults[f"{path} is too wide"] = wide
    assert not faults, json.dumps(faults, indent=1, ensure_ascii=False)


def test_the_judge_is_awake(window: Open, shown: str, axe: str) -> None:
    page = window(shown, bypass_csp=True)
    page.goto("/doctor")
    page.evaluate(axe)
    page.evaluate("document.documentElement.removeAttribute('lang'); document.querySelector('h1').style.color = '#ccc'")
    assert {"html-has-lang", "color-contrast"} <= {one["id"] for one in page.evaluate(LOOK)}


def test_the_login_is_for_everybody(window: Open, axe: str, tmp_path: Path) -> None:
    with stage(tmp_path, locked=True) as base:
        for dress in DRESSES.values():
            page = window(base, **dress, bypass_csp=True)
            page.goto("/login")
            page.evaluate(axe)
            assert page.evaluate(LOOK) == []


def test_it_works_without_script(window: Open, shown: str) -> None:
    page = window(shown, java_script_enabled=False)
    page.goto("/")
    for entry in range(page.locator(".top nav a").count()):
        page.locator(".top nav a").nth(entry).click()
        page.get_by_role("heading", level=1).wait_for()
        assert page.locator(".top nav a[aria-current]").count() == 1
    page.goto("/")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("link", name=re.compile("^Cancel")).first.click()
    page.get_by_role("link", name="Keep").or_(page.locator("form a.button")).first.click()
    page.goto("/jobs")
    page.get_by_role("searchbox").fill("weekly")
    page.get_by_role("searchbox").press("Enter")
    page.locator(".jobs a", has_text="weekly").first.click()
    page.locator("h1", has_text="weekly").wait_for()
    page.get_by_role("link", name="Delete").click()
    page.locator("a.button").click()  # not after all
    page.get_by_role("link", name="中文").click()
    page.locator("html[lang=zh-Hans]").wait_for(state="attached")


def test_the_main_path_by_keyboard_alone(window: Open, shown: str) -> None:
    page = window(shown)
    page.goto("/")

    def tab_to(text: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            here = page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id")
            seen = page.evaluate("(s => s.outlineStyle + s.outlineWidth)(getComputedStyle(document.activeElement))")
            assert seen == "solid3px", here
            if text in here:
                return
        raise AssertionError(f"{text} is not reached")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    tab_to("Pause")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Resume").wait_for()
    page.goto("/jobs")
    tab_to("weekly")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="weekly").wait_for()
    tab_to("ZIP")
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    assert coming.value.suggested_filename.endswith(".zip")
