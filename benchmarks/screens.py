"""Photographs of the page for docs/page: a real house, every screen, on a desk and on a phone, by day and by night.

python -m benchmarks.screens            draws docs/page/*.jpg
python -m benchmarks.screens FOLDER     every screen in every dress, to look at
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, Route, sync_playwright

from benchmarks.material import SAMPLE
from benchmarks.screens_house import DONE, FAILED, JUDGED, RUNNING, furnished, paint
from tests.e2e.press import Press
from tests.page.stage import stage
from tests.page.test_with_daemon import shown

OUT = Path(__file__).parents[1] / "docs" / "page"
QUALITY = 70
LARGEST = 2_500_000
"""Bytes of all pictures in docs/page together."""


LETTERS = '"Inter", system-ui'
"""The page takes the system's own letters; a bare Debian has none that anybody would choose (apt: fonts-inter,
fonts-noto-cjk)."""


@dataclass(frozen=True)
class Dress:
    """How the page is looked at."""

    name: str
    width: int = 1280
    height: int = 800
    language: str = "en-GB"
    dark: bool = False

    @property
    def phone(self) -> bool:
        """Whether it is held in a hand."""
        return self.width < 500


DESK = Dress("desk")
DRESSES = (
    DESK,
    Dress("dark", dark=True),
    Dress("zh", language="zh-CN"),
    Dress("phone", 375, 740),
    Dress("phone-zh-dark", 375, 740, "zh-CN", True),
)
KEPT = {
    "desk": ("now", "drop", "history", "job", "failed", "review", "log", "doctor"),
    "dark": ("now", "history", "review"),
    "zh": ("now", "history", "drop", "failed"),
    "phone": ("now", "drop", "job", "review"),
    "phone-zh-dark": ("now", "history"),
}
"""What docs/page shows; the rest is there to be looked at."""


def addresses(house: Press, found: Page) -> dict[str, str]:
    """Give the path of each screen."""
    ids = {name: house.job(name)["id"] for name in (DONE[-1].name, DONE[1].name, JUDGED.name, RUNNING.name)}
    found.goto("/jobs?show=failed")
    failed = found.locator(".jobs a", has_text=FAILED.name).first.get_attribute("href") or ""
    job = f"/jobs/{ids[DONE[-1].name]}"
    fixed = {"now": "/", "drop": "/drop", "history": "/jobs", "job": job, "job-zh": f"/jobs/{ids[DONE[1].name]}"}
    fixed |= {"failed": failed, "delete": f"{failed}/delete", "cancel": f"/jobs/{ids[RUNNING.name]}/cancel"}
    fixed |= {"waiting": f"/jobs/{ids[JUDGED.name]}", "none": "/jobs?q=nobody", "wrong": "/nowhere"}
    return fixed | {
        "reviews": "/review",
        "review": f"/review/{ids[JUDGED.name]}",
        "log": f"{job}/log",
        "doctor": "/doctor",
    }


def prepare(page: Page, name: str, files: list[Path]) -> None:
    """Do what a person would have done before this picture."""
    page.wait_for_load_state("load")
    if name == "now":
        page.wait_for_selector(".picture img", timeout=60_000)
    elif name == "drop":
        page.set_input_files("#files", files)
        page.wait_for_selector("#rows li.whole >> nth=2", timeout=30_000)
        page.wait_for_selector("#verdict:not([hidden])")
    elif name == "doctor":
        if not page.locator(".findings").count():
            page.locator("#doctor button.main").click()
        page.wait_for_selector("#doctor[data-running=no] .findings", timeout=120_000)
    elif name in ("job", "waiting", "review"):
        for video in page.query_selector_all("video"):
            video.evaluate("v => new Promise(go => { v.onseeked = go; v.preload = 'auto'; v.currentTime = 1.5; })")
    page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach(i => i.loading = 'eager')")
    page.evaluate("Promise.all([...document.images].map(one => one.decode().catch(() => null)))")
    page.wait_for_timeout(500)


def dressed(browser: Browser, base: str, dress: Dress) -> Page:
    """Open a window."""
    context = browser.new_context(
        base_url=base,
        viewport={"width": dress.width, "height": dress.height},
        device_scale_factor=2 if dress.phone else 1,
        is_mobile=dress.phone,
        has_touch=dress.phone,
        locale=dress.language,
        color_scheme="dark" if dress.dark else "light",
        timezone_id="Europe/Berlin",
    )
    context.route("**/page.css*", _lettered)
    return context.new_page()


def _lettered(route: Route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace("system-ui", LETTERS, 1))


def shoot(house: Press, base: str, out: Path, *, all_of_them: bool) -> None:
    """Photograph."""
    with sync_playwright() as play, tempfile.TemporaryDirectory() as name:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        paths = addresses(house, dressed(browser, base, DESK))
        files = list(_files(Path(name)))
        for dress in DRESSES:
            page = dressed(browser, base, dress)
            for screen, path in paths.items():
                if all_of_them or screen in KEPT[dress.name]:
                    page.goto(path)
                    prepare(page, screen, files)
                    _photograph(page, out / f"{screen}-{dress.name}.jpg", dress)
                    if screen == "drop":
                        with page.expect_navigation():
                            page.click("#cancel")
            page.context.close()
        with stage(Path(name), locked=True) as base:
            page = dressed(browser, base, DESK)
            page.goto("/login")
            _photograph(page, out / "login-desk.jpg", DESK)
        browser.close()


def _photograph(page: Page, path: Path, dress: Dress) -> None:
    tall = min(int(page.evaluate("document.documentElement.scrollHeight")), dress.height * 17 // 10)
    wide = int(page.evaluate("document.documentElement.scrollWidth"))
    if path.name.startswith(("log-", "doctor-")):
        tall = dress.height
    page.set_viewport_size({"width": dress.width, "height": max(tall, dress.height)})
    page.screenshot(path=path, type="jpeg", quality=QUALITY)
    page.set_viewport_size({"width": dress.width, "height": dress.height})
    print(path.name, f"{path.stat().st_size // 1024} KB", "TOO WIDE" if wide > dress.width else "", flush=True)


def _files(folder: Path) -> Iterator[Path]:
    """What is dropped in the picture of Drop."""
    import cv2

    for kind in ("anna", "boris"):
        cv2.imwrite(str(folder / f"{kind}.jpg"), paint("wide" if kind == "anna" else "warm"))
        yield folder / f"{kind}.jpg"
    shutil.copy(SAMPLE / "hello.en.flac", folder / "welcome.flac")
    yield folder / "welcome.flac"


def main(words: list[str]) -> None:
    """Furnish the house and photograph it."""
    out = Path(words[0]) if words else OUT
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, furnished(Path(name)) as house:
        shoot(house, f"http://{shown(house)[-1]}", out, all_of_them=bool(words))
    size = sum(path.stat().st_size for path in OUT.glob("*.jpg"))
    if not words and size > LARGEST:
        sys.exit(f"{size} bytes in {OUT}, more than {LARGEST}")


if __name__ == "__main__":
    main(sys.argv[1:])
