"""The page in its rare states: for everybody (axe-core), as wide as the window, in Chinese, and by keyboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.page.moods import JOBS, MOODS, STATES, Mood, mood
from tests.page.test_browser_access import LOOK, axe
from tests.page.window import Open, Witness, chromium, window, witness

__all__ = ["axe", "chromium", "window", "witness"]
pytestmark = pytest.mark.e2e
DRESSES = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "phone, at night": {"viewport": {"width": 375, "height": 740}, "color_scheme": "dark", "locale": "zh-CN"},
}
REACHABLE = """() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, pre[tabindex]")]
  .filter(one => !one.disabled && one.checkVisibility({visibilityProperty: true}) && !one.matches("[tabindex='-1']"))
  .map((one, number) => { one.dataset.reach = number; return one.outerHTML.slice(0, 120); })"""
HERE = """() => {
  const one = document.activeElement, drawn = getComputedStyle(one);
  const label = one.closest(".chooser")?.querySelector("label");
  const line = label ? getComputedStyle(label) : drawn;
  return [one.dataset.reach ?? "", line.outlineStyle !== "none" && parseFloat(line.outlineWidth) >= 2];
}"""


def pages(one: Mood) -> dict[str, str]:
    """Give the pages of a house in this state."""
    found = {path: path for path in one.paths}
    return found | ({name: f"/jobs/{key}" for name, key in JOBS.items()} | STATES if one.name == "over" else {})


@pytest.mark.parametrize("one", MOODS, ids=[one.name for one in MOODS])
def test_rare_states_are_for_everybody(window: Open, witness: Witness, axe: str, tmp_path: Path, one: Mood) -> None:
    witness.statuses |= {403, 404}
    faults = dict[str, Any]()
    with mood(one, tmp_path) as base:
        for name, dress in DRESSES.items():
            page = window(base, **dress, bypass_csp=True)
            for path in pages(one).values():
                page.goto(path)
                _look(page, axe, f"{name}: {path}", faults)
            if one.locked:
                page.fill("#password", "wrong")
                page.keyboard.press("Enter")
                page.wait_for_selector("#fault")
                _look(page, axe, f"{name}: wrong password", faults)
            page.close()  # before the page's process ends, of which it would complain
    assert not faults, json.dumps(faults, indent=1, ensure_ascii=False)


def _look(page: Any, axe: str, where: str, faults: dict[str, Any]) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    if not where.endswith(JOBS["crowd"]):  # hundreds of the same keep axe busy for a minute
        page.evaluate(axe)
        if found := page.evaluate(LOOK):
            faults[where] = found
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        faults[f"{where} is too wide"] = wide


def test_all_that_can_be_done_can_be_reached_by_keyboard(window: Open, tmp_path: Path) -> None:
    one = next(one for one in MOODS if one.name == "over")
    with mood(one, tmp_path) as base:
        page = window(base, viewport={"width": 1280, "height": 900})
        jobs = [f"/jobs/{JOBS[name]}" for name in ("partly", "silent")]
        for path in ("/", "/drop", "/jobs", "/log", "/doctor", *jobs, *STATES.values()):
            page.goto(path)
            wanted = dict(enumerate(page.evaluate(REACHABLE)))
            page.evaluate("document.activeElement.blur()")
            for _ in range(len(wanted) * 6 + 40):  # a player has several stops
                page.keyboard.press("Tab")
                number, seen = page.evaluate(HERE)
                if number:
                    assert seen, f"{path}: one does not see where one is: {wanted.get(int(number), number)}"
                    wanted.pop(int(number), None)
                if not wanted:
                    break
            assert not wanted, f"{path}: not reached: {wanted}"
        page.close()
