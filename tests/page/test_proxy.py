"""The page behind Caddy and nginx, over TLS: what docs/page.md says works, by the configurations that stand there."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from daemon.live import FILE_NAME, Live, space
from daemon.page import password
from daemon.vitals import born
from tests.page import proxy, shelf
from tests.page.conftest import settings_at, token_of
from tests.page.uploader import Browser, page

pytestmark = pytest.mark.e2e
WORD = "correct horse"
ORIGIN = f"https://{proxy.NAME}"
FORM = {"Content_Type": "application/x-www-form-urlencoded"}
WAV = b"RIFF\x2c\x00\x00\x00WAVE" + b"\0" * 40
FREE = b"\0\0\0\x08free"
MIB = 1 << 20
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


@dataclass
class Visitor(Browser):
    """A browser that comes by way of the proxy."""

    proxy: proxy.Proxy | None = None

    def __post_init__(self) -> None:
        self.headers = {}

    def line(self) -> http.client.HTTPConnection:
        """Give a line to the proxy."""
        assert self.proxy
        return self.proxy.line()

    def guess(self, word: str, **headers: str) -> tuple[int, http.client.HTTPMessage]:
        """Try a password, as the form does; each time as somebody who was never here."""
        self.headers = {}
        status, heard, text = self.ask("GET", "/login", Accept="text/html", **headers)
        assert status == 200, text
        self.headers = {"Cookie": str(heard["set-cookie"]).partition(";")[0], "Origin": ORIGIN}
        told = urlencode({"password": word, "csrf": token_of(text.decode())})
        status, heard, _ = self.ask("POST", "/login", told, **FORM, **headers)
        return status, heard

    def log_in(self) -> http.client.HTTPMessage:
        """Come in."""
        status, heard = self.guess(WORD)
        assert status == 303
        self.headers["Cookie"] = str(heard["set-cookie"]).partition(";")[0]
        self.headers["X-CSRF-Token"] = token_of(self.ask("GET", "/drop")[2].decode())
        return heard


@dataclass(frozen=True)
class Site:
    """The page, and the proxy before it."""

    proxy: proxy.Proxy
    root: Path
    state: Path

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the daemon for a while."""
        (self.root / "PAUSE").touch()
        try:
            yield
        finally:
            (self.root / "PAUSE").unlink()

    def alive(self) -> None:
        """Have the page see a daemon."""
        live = Live(time.time(), os.getpid(), born(os.getpid()) or 0, space())
        new = self.state / "live.new"
        new.write_text(json.dumps(asdict(live)), encoding="utf-8")
        new.rename(self.state / FILE_NAME)

    def visitor(self) -> Visitor:
        """Give a browser that is logged in."""
        visitor = Visitor(0, proxy=self.proxy)
        visitor.log_in()
        return visitor


@pytest.fixture(scope="module", params=["caddy", "nginx"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home, folder = tmp_path_factory.mktemp("house"), tmp_path_factory.mktemp(request.param)
    settings = settings_at(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "_COST", 4)
        password.write(password.kept(settings).path, password.hashed(WORD))
    shelf.put(settings.paths.root, shelf.job(1, "weekly"))
    behind = {"proxy": True, "hosts": [proxy.NAME]}
    with page(home, **behind) as shown, getattr(proxy, request.param)(folder, shown.port) as running:
        yield Site(running, settings.paths.root, settings.paths.state)


def test_nobody_comes_in_without_the_password(site: Site) -> None:
    visitor = Visitor(0, proxy=site.proxy)
    status, heard, _ = visitor.ask("GET", "/jobs", Accept="text/html")
    assert (status, heard["location"]) == (303, "/login?next=%2Fjobs")
    assert visitor.guess("wrong")[0] == 403


def test_the_cookie_is_for_tls_alone(site: Site) -> None:
    cookie = str(Visitor(0, proxy=site.proxy).log_in()["set-cookie"])
    assert {"Secure", "HttpOnly", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}


def test_plain_http_leads_to_tls(site: Site) -> None:
    line = http.client.HTTPConnection("127.0.0.1", site.proxy.http, timeout=60)
    line.request("GET", "/jobs?q=x", headers={"Host": proxy.NAME})
    answer = line.getresponse()
    line.close()
    assert answer.status in (301, 308)
    assert re.fullmatch(rf"{ORIGIN}(:\d+)?/jobs\?q=x", str(answer.headers["location"]))


def test_events_come_as_they_happen(site: Site) -> None:
    site.alive()
    line = site.proxy.line()
    line.request("GET", "/events", headers=site.visitor().headers)
    answer = line.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    _next(answer)
    begun = time.monotonic()
    with site.paused():
        _next(answer)
    assert time.monotonic() - begun < 30  # the page looks every second
    line.close()


def _next(answer: http.client.HTTPResponse) -> object:
    while not (line := answer.readline()).startswith(b"data: "):
        assert line
    return json.loads(line.removeprefix(b"data: "))


def test_forty_megabytes_are_uploaded(site: Site) -> None:
    visitor = site.visitor()
    tray = visitor.begin()
    visitor.upload(tray, "ann.mp4", 40 * MIB, FREE)
    visitor.upload(tray, "hello.wav", len(WAV), WAV)
    assert visitor.ask("POST", f"/drop/{tray}", b"name=by+tus", **FORM)[0] == 200
    home = site.root / "inbox" / "by tus"
    assert {path.name: path.stat().st_size for path in home.iterdir()} == {"ann.mp4": 40 * MIB, "hello.wav": len(WAV)}


def test_an_upload_reaches_the_page_as_it_comes(site: Site) -> None:
    visitor = site.visitor()
    address = visitor.announce(visitor.begin(), "ann.mp4", 8 * MIB)
    told = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    line = site.proxy.line()
    line.putrequest("PATCH", address)
    for name, value in {**visitor.headers, **told, "Content-Length": str(8 * MIB)}.items():
        line.putheader(name, value)
    line.endheaders(FREE + bytes(4 * MIB))
    end = time.monotonic() + 60
    while visitor.offset(address) < 3 * MIB:  # the rest has not even been sent
        assert time.monotonic() < end
        time.sleep(0.05)
    line.close()
    assert visitor.send(address, bytes(MIB), 0) == 409
    assert visitor.go_on(address, bytes(8 * MIB)) >= 3 * MIB


def test_a_browser_without_script_sends_all_at_once(site: Site) -> None:
    assert site.visitor().form(24 * MIB, {"hello.wav": WAV}) == 303
    assert [path.stat().st_size for path in (site.root / "inbox").rglob("big.mp4")] == [24 * MIB]


def test_videos_are_sent_in_parts(site: Site) -> None:
    visitor = site.visitor()
    job = re.findall(r'href="(/jobs/[^"/?]+)"', visitor.ask("GET", "/jobs")[2].decode())[0]
    video = re.findall(rf'src="({job}/file/[^"]+)"', visitor.ask("GET", job)[2].decode())[0]
    status, heard, data = visitor.ask("GET", video, Range="bytes=4-11")
    assert (status, data) == (206, b"ftypmp42")
    assert heard["content-range"].startswith("bytes 4-11/")
    assert visitor.ask("GET", video, Range="bytes=999999-")[0] == 416
    assert visitor.ask("GET", video, If_None_Match=str(heard["etag"]))[0] == 304
    status, heard, data = visitor.ask("GET", f"{job}/zip")
    assert (status, data[:2], int(heard["content-length"])) == (200, b"PK", len(data))


def test_forms_come_from_our_own_pages(site: Site) -> None:
    visitor = site.visitor()
    sent = [visitor.ask("POST", "/drop/new", Origin=origin)[0] for origin in (ORIGIN, "https://evil.example.org")]
    sent += [visitor.ask("POST", "/drop/new", Origin=f"{ORIGIN}:8443")[0]]
    sent += [visitor.ask("POST", "/drop/new", Sec_Fetch_Site="cross-site")[0]]
    assert sent == [201, 403, 403, 403]


def test_other_names_lead_nowhere(site: Site) -> None:
    _, heard, text = site.visitor().ask("GET", "/", Host="evil.example.org")
    assert b"csrf" not in text
    assert heard["set-cookie"] is None


def test_the_policy_comes_through(site: Site) -> None:
    _, heard, _ = site.visitor().ask("GET", "/")
    assert heard["content-security-policy"].startswith("default-src 'none'")
    assert heard["cache-control"] == "no-store"


def test_a_real_browser_finds_everything(site: Site, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    sync_api.expect.set_options(timeout=90_000)
    if not CHROMIUM:
        pytest.skip("there is no chromium on this machine")
    (tmp_path / "hello.wav").write_bytes(WAV)
    (tmp_path / "ann.mp4").write_bytes(FREE + bytes(20 * MIB))
    way = f"--host-resolver-rules=MAP {proxy.NAME}:443 127.0.0.1:{site.proxy.https}"
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", way])
        context = browser.new_context(ignore_https_errors=True, locale="en-GB")
        tab = context.new_page()
        tab.goto(f"{ORIGIN}/drop")
        tab.get_by_label("Password").fill(WORD)
        tab.get_by_role("button", name="Log in").click()
        tab.wait_for_url("**/drop")
        assert tab.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") in ("h2", "h3")
        tab.set_input_files("#files", [str(tmp_path / "hello.wav"), str(tmp_path / "ann.mp4")])
        tab.get_by_label("Name").fill("by chromium")
        tab.get_by_role("button", name="Drop it").click()
        tab.wait_for_url(f"{ORIGIN}/")
        site.alive()
        with site.paused():
            sync_api.expect(tab.locator("main")).to_contain_text("Paused")
        tab.goto(f"data:text/html,<a href='{ORIGIN}/jobs'>the link in a notice, read on another site</a>")
        tab.get_by_role("link").click()
        tab.wait_for_url(f"{ORIGIN}/jobs")
        assert all(cookie["secure"] for cookie in context.cookies())
        browser.close()
    assert sorted(path.name for path in (site.root / "inbox" / "by chromium").iterdir()) == ["ann.mp4", "hello.wav"]


def test_who_guesses_cannot_pretend_to_be_many(site: Site) -> None:
    visitor = Visitor(0, proxy=site.proxy)
    codes = [visitor.guess("wrong", X_Forwarded_For=f"198.51.100.{number}")[0] for number in range(8)]
    assert 429 in codes
