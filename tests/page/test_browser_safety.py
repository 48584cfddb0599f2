"""Nobody does through a browser what they may not: names are text, sessions are one's own, other sites get nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest

from tests.page.conftest import token_of
from tests.page.stage import EVIL, WORD, stage
from tests.page.window import Open, Witness, chromium, window, witness

__all__ = ["chromium", "window", "witness"]
pytestmark = pytest.mark.e2e
WEEKLY = "00000016"
UPWARD = ("../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//etc/passwd", "%00")


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stage(tmp_path_factory.mktemp("open")) as base:
        yield base


@pytest.fixture(scope="module")
def locked_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stage(tmp_path_factory.mktemp("locked"), locked=True) as base:
        yield base


def log_in(page: Any, word: str = WORD) -> None:
    page.goto("/login")
    page.locator("#password").fill(word)
    page.locator("main button").click()


def test_names_are_nothing_but_text(window: Open, witness: Witness, open_house: str) -> None:
    """The walk over every page, in both languages; the windows complain of any script, and of anything refused."""
    for locale in ("en-GB", "zh-CN"):
        page = window(open_house, locale=locale)
        page.goto("/jobs")
        jobs = [link.get_attribute("href") for link in page.query_selector_all(".jobs a")]
        page.goto("/")
        entries = [link.get_attribute("href") for link in page.query_selector_all(".top nav a")]
        page.goto("/review")
        cases = [link.get_attribute("href") for link in page.query_selector_all("main a[href^='/review/']")]
        wicked = [f"/jobs?q={quote(name)}" for name in EVIL]
        paths = [*entries, *jobs, *cases, *wicked, *(f"{job}/delete" for job in jobs[-2:])]
        for path in dict.fromkeys(paths if locale == "en-GB" else paths[:8]):
            page.goto(path)
            page.wait_for_load_state("load")
            witness.look(page)
            assert page.locator("img[src=x], main script, [onerror]").count() == 0, path
    page.goto("/")
    assert EVIL[0] in page.locator("main").inner_text()
    page.goto(wicked[0])
    assert page.locator("#q").input_value() == EVIL[0]


def test_nothing_turns_the_line_around(window: Open, open_house: str) -> None:
    page = window(open_house)
    page.goto("/jobs")
    assert "\u202e" not in page.content()


def test_the_password_opens_and_closes(window: Open, witness: Witness, locked_house: str) -> None:
    witness.statuses |= {401, 403, 429}
    page = window(locked_house)
    page.goto("/jobs?q=weekly")
    assert page.url.endswith("/login?next=%2Fjobs%3Fq%3Dweekly")
    page.locator("#password:focus").wait_for()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    assert page.locator("#password").input_value() == ""
    page.locator("#password").fill(WORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs?q=weekly")
    page.get_by_role("button", name="Log out").click()
    page.locator("#password").wait_for()
    page.go_back()
    assert "weekly" not in page.locator("body").inner_text()  # nothing is kept that a later person could go back to
    page.goto("/jobs")
    assert "/login" in page.url


def test_a_session_cannot_be_given_to_somebody(window: Open, locked_house: str) -> None:
    thief, victim = window(locked_house), window(locked_house)
    thief.goto("/login")
    planted = thief.context.cookies()
    victim.context.add_cookies(planted)
    log_in(victim)
    victim.wait_for_url("**/")
    known = {one["value"] for one in planted}
    assert not known & {one["value"] for one in victim.context.cookies() if "said" not in one["name"]}
    thief.goto("/jobs")
    assert "/login" in thief.url
    flags = [(one["httpOnly"], one["sameSite"]) for one in victim.context.cookies() if "said" not in one["name"]]
    assert flags
    assert all(http_only and site in ("Lax", "Strict") for http_only, site in flags)
    old = victim.context.cookies()
    victim.get_by_role("button", name="Log out").click()
    victim.locator("#password").wait_for()
    thief.context.add_cookies(old)  # a copy of a session that is over is worth nothing
    thief.goto("/jobs")
    assert "/login" in thief.url


@contextlib.contextmanager
def foreign(base: str) -> Iterator[str]:
    """Another site, whose pages send forms and ask for things here as soon as they are loaded."""
    text = f"""<!doctype html><form id=f method=post action="{base}/now/pause"><input name=paused value=yes></form>
      <iframe src="{base}/"></iframe><script>
      window.got = [];
      for (const how of ["cors", "no-cors"])
        fetch("{base}/jobs", {{mode: how, credentials: "include"}})
          .then(a => a.text()).then(t => got.push(t.length), () => got.push("refused"));
      </script>"""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_another_site_gets_and_does_nothing(chromium: Any, open_house: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(open_house)  # somebody has the page open, and then visits another site
    with foreign(open_house) as site:
        page.goto(site)
        page.wait_for_function("got.length == 2")
        assert set(map(str, page.evaluate("got"))) <= {"0", "refused"}
        assert page.frames[1].url in ("", "about:blank", "chrome-error://chromewebdata/")
        with page.expect_navigation() as went:
            page.evaluate("document.getElementById('f').submit()")
        assert went.value.status == 403
    page.goto(open_house)
    assert page.get_by_role("button", name="Pause").is_visible()
    context.close()


def test_a_form_without_its_token_does_nothing(window: Open, witness: Witness, open_house: str) -> None:
    witness.statuses |= {403}
    page = window(open_house)
    page.goto("/")
    page.evaluate("document.querySelectorAll('input[name=csrf]').forEach(one => one.value = 'x')")
    with page.expect_navigation() as went:
        page.locator("form[action='/now/pause'] button").click()
    assert went.value.status == 403
    other = window(open_house)
    other.goto("/")
    token = token_of(other.content())
    answer = page.evaluate(
        "token => fetch('/now/pause', {method: 'POST', body: new URLSearchParams({paused: 'yes', csrf: token})})"
        ".then(answer => answer.status)",
        token,
    )
    assert answer == 403  # a token of somebody else's session


def test_no_path_leads_out(window: Open, witness: Witness, open_house: str) -> None:
    witness.statuses |= {400, 403, 404}
    page = window(open_house)
    page.goto("/")
    places = (
        "/jobs/",
        f"/jobs/{WEEKLY}/file/",
        "/static/",
        "/now/preview/",
        "/review/",
        "/log/",
        "/drop/up/",
        "/jobs/x/",
    )
    paths = [place + upward for place in places for upward in UPWARD]
    found = page.evaluate(
        "paths => Promise.all(paths.map(path => fetch(path).then(async a => [path, a.status, await a.text()])))", paths
    )
    for path, status, text in found:
        assert "root:" not in text, path
        assert status in (400, 404) or "lipsyncd" in text, json.dumps([path, status])
