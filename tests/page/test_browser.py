"""The page as a person sees it, in a real Chromium, with a real daemon behind it that draws nothing."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from daemon import live
from tests.e2e.house import House
from tests.page.test_with_daemon import shown
from tests.page.window import SAMPLE, Open, Witness, chromium, window, witness

__all__ = ["chromium", "window", "witness"]
pytestmark = pytest.mark.e2e
NAME = "weekly <i>周报"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    place = tmp_path_factory.mktemp("house")
    (place / "public").mkdir()
    publish = f'[publish.folder]\npath = "{place / "public"}"\nurl = "https://media.example.org"\n'
    house = House(place, engine="null", more=f'[page]\nlisten = "127.0.0.1:0"\n{publish}')
    with house.watching():
        house.wait(lambda: bool(shown(house)))
        yield house


@pytest.fixture
def base(house: House) -> str:
    return f"http://{shown(house)[-1]}"


def put(house: House, name: str, order: str = "", speech: int = 1) -> None:
    """Drop a folder whole: a face, and six seconds of speech, said so many times."""
    beside = house.place / name
    beside.mkdir()
    shutil.copy(SAMPLE / "astronaut.jpg", beside)
    heard, rate = soundfile.read(SAMPLE / "hello.en.flac")
    soundfile.write(beside / "hello.en.flac", np.tile(heard, speech), rate)
    if order:
        (beside / "job.toml").write_text(order, encoding="utf-8")
    beside.rename(house.root / "inbox" / name)


def test_from_drop_to_zip(window: Open, house: House, base: str, tmp_path: Path) -> None:
    page = window(base)
    page.goto("/")
    page.locator(".headline", has_text="Nothing to do").wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").wait_for()
    page.get_by_role("link", name="Drop").click()
    page.set_input_files("#files", [str(SAMPLE / "hello.en.flac"), str(SAMPLE / "astronaut.jpg")])
    page.locator("#rows li.whole").nth(1).wait_for()
    page.locator("#name").fill(NAME)
    page.get_by_role("button", name="Drop it").click()
    page.wait_for_url("**/")
    waiting = page.locator(".queue li", has_text=NAME)
    waiting.wait_for()  # without loading the page again: events bring it
    page.get_by_role("button", name="Resume").click()
    house.wait(lambda: (house.root / "done" / NAME / "manifest.json").exists())
    waiting.wait_for(state="detached")
    page.get_by_role("link", name="History").click()
    page.locator(".jobs a", has_text=NAME).click()
    page.locator(".tag.done").first.wait_for()
    _plays(page)
    with page.expect_download() as coming:
        page.locator("a[href$='/zip']").click()
    with zipfile.ZipFile(io.BytesIO(Path(coming.value.path()).read_bytes())) as whole:
        assert whole.testzip() is None
        names = {name.rpartition("/")[2]: name for name in whole.namelist()}
        assert whole.read(names["astronaut.mp4"]) == (house.root / "done" / NAME / "astronaut.mp4").read_bytes()
        assert json.loads(whole.read(names["manifest.json"]))


def _plays(page: Any) -> None:
    """See that the video is there, moves, can be wound, and has pictures of the right size."""
    video = page.locator("video").first
    video.evaluate("v => { v.muted = true; return v.play(); }")
    page.wait_for_function("() => { const v = document.querySelector('video'); return v.currentTime > .3; }")
    assert video.evaluate("v => [v.readyState >= 2, v.videoWidth > 100, v.error]") == [True, True, None]
    video.evaluate("v => new Promise(go => { v.pause(); v.onseeked = go; v.currentTime = 4; })")
    assert video.evaluate("v => v.seekable.end(0)") > 5


def seen(house: House) -> bool:
    """Say whether the daemon tells of a take that has come some way, with a picture of it."""
    said = live.read(house.place / "state")
    return any(take.share > 0.07 and (house.root / take.preview).is_file() for take in said.takes) if said else False


def test_progress_is_seen_while_it_is_made(window: Open, witness: Witness, tmp_path: Path) -> None:
    """The one that is drawn for real: half a minute of speech, so that its progress and picture can be seen."""
    house = House(tmp_path, more='[page]\nlisten = "127.0.0.1:0"\n')
    with house.watching():
        house.wait(lambda: bool(shown(house)))
        page = window(f"http://{shown(house)[-1]}")
        page.goto("/")
        put(house, "greeting", speech=5)
        house.wait(lambda: seen(house))
        renderer = next(line["pid"] for line in house.log() if line["event"] == "renderer started")
        os.kill(renderer, signal.SIGSTOP)  # on a fast machine it would be over before the page has looked
        page.wait_for_function(
            "() => Number(document.querySelector('.take .share')?.textContent) > 5"
            " && document.querySelector('.take .picture img')?.naturalWidth > 50"
        )
        os.kill(renderer, signal.SIGCONT)
        page.locator(".headline", has_text="Nothing to do").wait_for(timeout=240_000)
    assert (house.root / "done" / "greeting" / "astronaut.mp4").exists()


def test_a_failure_is_explained_and_deleted(window: Open, house: House, base: str) -> None:
    folder = house.place / "broken"
    folder.mkdir()
    shutil.copy(SAMPLE / "astronaut.jpg", folder)
    (folder / "speech.wav").write_bytes(b"RIFF" + bytes(2000))
    folder.rename(house.root / "inbox" / "broken")
    house.wait(lambda: (house.root / "failed" / "broken" / "WHY.txt").exists())
    page = window(base)
    page.goto("/jobs?show=failed")
    page.locator(".jobs a", has_text="broken").click()
    why = (house.root / "failed" / "broken" / "WHY.txt").read_text(encoding="utf-8")
    assert why.splitlines()[0] in page.locator(".letter").text_content()
    page.get_by_role("link", name="Delete").click()
    page.locator("main form button.danger").click()
    page.get_by_role("status").first.wait_for()
    assert not (house.root / "failed" / "broken").exists()
    assert [path.name for path in (house.root / "trash").glob("*/*")] or list((house.root / "trash").iterdir())


def test_what_waits_is_approved_with_a_note(window: Open, house: House, base: str) -> None:
    put(house, "greeting", 'title = "<b>Greeting</b>"\nreview = true\npublish = ["folder"]\n')
    page = window(base)
    page.goto("/")
    waiting = page.locator(".queue li", has_text="<b>Greeting</b>")
    waiting.get_by_role("link", name="Look at it").click()  # it comes by itself, from the events
    page.wait_for_url("**/review/*")
    _plays(page)
    assert "folder:astronaut.mp4" in page.locator("main").inner_text()
    assert not (house.place / "public" / "astronaut.mp4").exists()
    page.locator("#note").fill('seen by "Lena" <lena@example.org>')
    page.locator("button[value=approve]").click()
    page.get_by_role("status").first.wait_for()
    house.wait(lambda: (house.root / "done" / "greeting" / "manifest.json").exists())
    assert (house.place / "public" / "astronaut.mp4").exists()
    page.goto("/jobs")
    page.locator(".jobs a", has_text="greeting").click()
    assert 'seen by "Lena" <lena@example.org>' in page.locator("main").inner_text()


def test_the_log_is_followed_and_the_doctor_looks(window: Open, house: House, base: str) -> None:
    page = window(base)
    page.goto("/log")
    page.locator(".line").first.wait_for()
    put(house, "logged")
    page.locator(".line", has_text="logged").first.wait_for()
    page.goto("/doctor")
    page.locator("#doctor button").click()
    page.locator("#doctor[data-running=no] .findings").first.wait_for(timeout=90_000)
    assert page.locator(".findings").get_by_text("python", exact=True).count() == 1
