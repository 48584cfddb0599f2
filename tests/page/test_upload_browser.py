"""Uploads in a real Chromium: dragged in, cut off, loaded again, the page killed meanwhile; and to the real daemon."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import daemon.sample
from tests.e2e.house import House
from tests.page.test_with_daemon import shown
from tests.page.uploader import page

SAMPLE = Path(daemon.sample.__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
sync_api.expect.set_options(timeout=90_000)
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not CHROMIUM, reason="there is no chromium on this machine")]
MIB = 1 << 20


@pytest.fixture(scope="module")
def chromium() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: sync_api.Browser) -> Iterator[sync_api.Page]:
    """A tab; whatever its script throws, or the browser refuses to run, fails the test."""
    faults: list[str] = []
    context = chromium.new_context(locale="en-GB")
    opened = context.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    opened.on("dialog", lambda dialog: dialog.accept() if dialog.type == "beforeunload" else faults.append("a dialog"))
    yield opened
    context.close()
    assert faults == []


def large(folder: Path, size: int) -> Path:
    """Make a file that a video player would find empty, and that is no other kind either."""
    path = folder / "ann.mp4"
    with path.open("wb") as file:
        file.write(b"\0\0\0\x08free")
        file.truncate(size)
    return path


def drag(tab: sync_api.Page, path: Path) -> None:
    """Drag a file or a folder from the desk onto the page."""
    box = tab.locator("#zone").bounding_box()
    assert box
    line = tab.context.new_cdp_session(tab)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        line.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 20, "y": box["y"] + 20, "data": data})
        if kind == "dragOver":
            sync_api.expect(tab.locator("#call")).to_have_text("Let go to add them")


def slow(tab: sync_api.Page, rate: int) -> None:
    """Let the tab send no more than so many bytes a second; -1 for as many as it can."""
    line = tab.context.new_cdp_session(tab)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate}
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", limits)


def row(tab: sync_api.Page, name: str) -> sync_api.Locator:
    return tab.locator("#rows li", has_text=name)


def test_a_folder_is_dragged_in_and_becomes_a_video(tab: sync_api.Page, tmp_path: Path) -> None:
    house = House(tmp_path, engine="null", more='[page]\nlisten = "127.0.0.1:0"\n')
    folder = tmp_path / "weekly <b>周报"
    (folder / "sub").mkdir(parents=True)
    for name in ("hello.flac", "astronaut.jpg"):
        shutil.copy(SAMPLE / name, folder)
    shutil.copy(SAMPLE / "astronaut.jpg", folder / "sub")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "<img src=x onerror=alert(1)>.txt").write_bytes(b"x")
    with house.watching():
        house.wait(lambda: bool(shown(house)))
        tab.goto(f"http://{shown(house)[-1]}/drop")
        drag(tab, folder)
        sync_api.expect(tab.locator("#rows li.whole")).to_have_count(2)
        sync_api.expect(row(tab, "sub/astronaut.jpg")).to_contain_text("is in a folder of its own. Put the files")
        sync_api.expect(row(tab, ".txt")).to_contain_text("is left out")
        sync_api.expect(tab.locator("#rows li")).to_have_count(4)
        sync_api.expect(tab.locator("#verdict")).to_contain_text("astronaut.jpg speaks with hello.flac")
        sync_api.expect(tab.get_by_label("Name")).to_have_value("weekly <b>周报")
        tab.get_by_text("Options").click()
        tab.get_by_label("Title of the post").fill('"Weekly" 周报')
        tab.get_by_role("button", name="Drop it").click()
        tab.wait_for_url("**/")
        sync_api.expect(tab.get_by_role("status").first).to_contain_text("weekly <b>周报 is in the inbox")
        house.wait(lambda: (house.root / "done" / folder.name / "manifest.json").exists())
    inputs = house.root / "done" / folder.name / "inputs"
    assert sorted(path.name for path in inputs.iterdir()) == ["astronaut.jpg", "hello.flac", "job.toml"]
    assert (inputs / "hello.flac").read_bytes() == (SAMPLE / "hello.flac").read_bytes()


def test_an_upload_survives_whatever_happens(tab: sync_api.Page, tmp_path: Path) -> None:
    size = 160 * MIB
    big, inbox = large(tmp_path, size), tmp_path / "root" / "inbox"
    with page(tmp_path) as first:
        port = first.port
        tab.goto(f"http://127.0.0.1:{port}/drop")
        slow(tab, 16 * MIB)
        tab.set_input_files("#files", [str(SAMPLE / "hello.flac"), str(big)])
        sync_api.expect(row(tab, "ann.mp4")).to_contain_text("%")
        tab.context.set_offline(True)
        sync_api.expect(row(tab, "ann.mp4")).to_contain_text("The connection is lost")
        tab.context.set_offline(False)
        slow(tab, 4 * MIB)
        sync_api.expect(row(tab, "ann.mp4")).to_contain_text("%")
        first.process.kill()
        sync_api.expect(row(tab, "ann.mp4")).to_contain_text("The connection is lost")
    with page(tmp_path, port):
        sync_api.expect(row(tab, "ann.mp4")).to_contain_text("%")
        tab.reload()
        sync_api.expect(row(tab, "hello.flac")).to_contain_text("here")
        sync_api.expect(row(tab, "ann.mp4")).to_contain_text("Choose the same file again")
        slow(tab, -1)
        tab.set_input_files("#files", str(big))
        tab.get_by_label("Name").fill("")
        tab.get_by_role("button", name="Drop it").click()  # all that is missing comes first
        tab.wait_for_url(f"http://127.0.0.1:{port}/", timeout=90_000)
    assert {path.name: path.stat().st_size for path in (inbox / "hello").iterdir()} == {
        "ann.mp4": size,
        "hello.flac": (SAMPLE / "hello.flac").stat().st_size,
    }
    with (inbox / "hello" / "ann.mp4").open("rb") as file:
        assert file.read(8) == b"\0\0\0\x08free"


def test_it_works_by_keyboard_and_can_be_cancelled(tab: sync_api.Page, tmp_path: Path) -> None:
    with page(tmp_path) as running:
        tab.goto(f"http://127.0.0.1:{running.port}/drop")
        asked: list[sync_api.FileChooser] = []
        tab.on("filechooser", lambda chooser: asked.append(chooser))
        for _ in range(20):  # a window that has just opened sometimes has no ear for keys yet
            tab.get_by_label("Choose files").press("Enter")
            tab.wait_for_timeout(300)
            if asked:
                break
        asked[0].set_files([str(SAMPLE / "hello.flac"), str(SAMPLE / "astronaut.jpg")])
        sync_api.expect(tab.locator("#said")).to_have_text("All files are here.")
        tab.get_by_role("button", name="Remove astronaut.jpg").focus()
        tab.keyboard.press("Enter")
        sync_api.expect(tab.locator("#verdict")).to_contain_text("there is no face in it. Add one or more photos")
        sync_api.expect(tab.get_by_role("button", name="Remove hello.flac")).to_be_focused()
        tab.get_by_role("button", name="Drop it").click()
        sync_api.expect(tab.get_by_role("alert")).to_contain_text("there is no face in it")
        tab.get_by_role("button", name="Cancel").click()
        sync_api.expect(tab.get_by_role("status").first).to_contain_text("Nothing was dropped")
    assert [path for path in (tmp_path / "root" / ".incoming").iterdir() if path.is_dir()] == []
    assert list((tmp_path / "root" / "inbox").iterdir()) == []


def test_a_proxy_that_takes_only_little_is_served(tab: sync_api.Page, tmp_path: Path) -> None:
    big = large(tmp_path, 3 * MIB)

    def proxy(route: sync_api.Route) -> None:
        if len(route.request.post_data_buffer or b"") > MIB:
            route.fulfill(status=413, content_type="text/html", body="<h1>413 Request Entity Too Large</h1>")
        else:
            route.continue_()

    with page(tmp_path) as running:
        tab.route("**/drop/up/**", proxy)
        tab.goto(f"http://127.0.0.1:{running.port}/drop")
        tab.set_input_files("#files", [str(big)])
        sync_api.expect(row(tab, "ann.mp4")).to_contain_text("It seems to end too early")  # it is no video


def test_without_script_the_form_does_it(chromium: sync_api.Browser, tmp_path: Path) -> None:
    with page(tmp_path) as running:
        context = chromium.new_context(java_script_enabled=False, locale="zh-CN")
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{running.port}/drop")
        tab.set_input_files("#files", [str(SAMPLE / "hello.flac"), str(SAMPLE / "astronaut.jpg")])
        tab.fill("#name", "周报")
        tab.click("#go")
        sync_api.expect(tab.locator(".message.done")).to_contain_text("“周报”已放入收件箱")
        context.close()
    home = tmp_path / "root" / "inbox" / "周报"
    assert (home / "hello.flac").read_bytes() == (SAMPLE / "hello.flac").read_bytes()
    assert sorted(path.name for path in home.iterdir()) == ["astronaut.jpg", "hello.flac"]


def test_what_is_chosen_before_the_script_is_there_is_uploaded(tab: sync_api.Page, tmp_path: Path) -> None:
    """The chooser is on the page a moment earlier than what listens to it."""
    held: list[sync_api.Route] = []
    tab.route("**/upload.js*", lambda route: held.append(route))
    with page(tmp_path) as running:
        tab.goto(f"http://127.0.0.1:{running.port}/drop", wait_until="commit")
        tab.set_input_files("#files", [str(SAMPLE / "hello.en.flac"), str(SAMPLE / "astronaut.jpg")])
        assert held
        for route in held:
            route.continue_()
        sync_api.expect(tab.locator("#rows li.whole")).to_have_count(2)
