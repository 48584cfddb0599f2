"""The log on the page: the end of it, chosen lines, what is added, and that nothing in it is obeyed."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from daemon.job import State
from daemon.log import open_log
from daemon.page.follower import KEPT, Follower
from daemon.page.house import House
from daemon.page.line import Filter, line_of
from daemon.page.logs import _of_service
from daemon.page.tail import Tail
from daemon.ring import FILE_NAME, OLDER, Ring, ring_of
from daemon.settings import Settings
from tests.page.conftest import Visitor, settings_at
from tests.page.shelf import failed, job, put
from tests.page.test_history import EVIL, asked_as_it_is


def event(text: str, level: str = "info", **more: object) -> bytes:
    said = {"timestamp": "2026-11-21T12:00:00.5Z", "level": level, "event": text, "job": "-", "take": "-"} | more
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def service(house: House, *lines: bytes) -> Path:
    path = house.state / FILE_NAME
    with path.open("ab") as file:
        file.writelines(lines)
    return path


def texts(tail: Tail) -> list[str]:
    return [line.text for line in tail.look()]


def test_the_newest_come_first_and_can_be_chosen(browser: TestClient, house: House) -> None:
    assert "Nothing has been written down yet." in browser.get("/log").text
    service(house, event("begun", who="ann"), event("disk slow", "warning"), event("fell", "error", exception="Tr\nE"))
    service(house, event("about a job", job="00000001"), b"no event of ours\n")
    text = browser.get("/log").text
    assert text.index("no event of ours") < text.index("fell") < text.index("disk slow") < text.index("begun who=ann")
    assert 'href="/jobs/00000001/log"' in text
    assert '<pre class="trace" lang="en" tabindex="0">Tr\nE</pre>' in text
    text = browser.get("/log?level=warning").text
    assert ("begun" in text, "disk slow" in text, "fell" in text) == (False, True, True)
    text = browser.get("/log?level=error").text
    assert ("disk slow" in text, "fell" in text) == (False, True)
    text = browser.get("/log?q=DISK&level=nonsense").text
    assert ("begun" in text, "disk slow" in text) == (False, True)
    assert "警告" in browser.get("/log", headers={"accept-language": "zh"}).text


def test_no_more_than_two_hundred_lines(browser: TestClient, house: House) -> None:
    service(house, *(event(f"line {number}.") for number in range(400)))
    text = browser.get("/log").text
    assert text.count('<time class="soft figures">2026') == 200
    assert ("line 200." in text, "line 199." in text) == (True, False)


def test_the_log_of_a_job_wherever_it_is(browser: TestClient, house: House) -> None:
    home = put(house.root, replace(job(1, "weekly"), state=State.QUEUED), place="working")
    (home / "job.log").write_bytes(event("take started", job="00000001"))
    assert "take started" in browser.get("/jobs/00000001/log").text
    assert 'href="/jobs/00000001/log"' in browser.get("/jobs/00000001").text
    put(house.root, failed(job(2, "bad")), place="failed")
    (house.root / "failed" / "bad" / ".lipsyncd" / "job.log").write_bytes(event("job over", "warning"))
    assert "job over" in browser.get("/jobs/00000002/log").text
    put(house.root, job(3, "silent"))
    assert "Nothing has been written down yet." in browser.get("/jobs/00000003/log").text


@pytest.mark.parametrize(
    "path",
    ["/jobs/../log", "/jobs/%2e%2e/log", "/jobs/weekly/log", "/jobs/done%2fweekly/log", "/jobs/nothing/log/events"],
)
def test_ways_out_lead_nowhere(browser: TestClient, house: House, path: str) -> None:
    put(house.root, job(1, "weekly"))
    assert asked_as_it_is(browser, path) == 404


def test_links_and_pipes_are_no_logs(browser: TestClient, house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret\n")
    (house.state / FILE_NAME).symlink_to(secret)
    os.mkfifo(house.state / OLDER)
    (put(house.root, job(1, "weekly")) / "job.log").symlink_to(secret)
    for page in ("/log", "/jobs/00000001/log"):
        assert "secret" not in browser.get(page).text


def test_lines_are_data(browser: TestClient, house: House) -> None:
    lines = [event(EVIL, EVIL, job=EVIL, take=EVIL, exception=f"{EVIL}\n{EVIL}", who=[EVIL], timestamp=EVIL)]
    lines += [f"{EVIL}\n".encode(), b"\x1b[31mred\x1b[0m \x1b]0;title\x07 \xff\xfe \x00\n", b"[" * 50_000 + b"\n"]
    lines += [
        b'{"level": {}, "event": [], "job": null, "timestamp": 7}\n',
        b"\xe2\x80\xaeturned\n",
        b"x" * 200_000 + b"\n",
    ]
    service(house, *lines)
    for language in ("en", "zh"):
        for page in ("/log", f"/log?q={EVIL}&level={EVIL}"):
            text = browser.get(page, headers={"accept-language": language}).text
            assert "<img src=x" not in text
            assert "<script>" not in text
            assert "\x1b" not in text
            assert "\u202e" not in text
    text = browser.get("/log").text
    assert ">red  " in text
    assert "x" * 4001 not in text
    assert len(text) < 60_000


def test_only_the_end_is_read(house: House) -> None:
    path = service(house, *(event(f"line {number}") for number in range(2000)))
    tail = Tail(lambda: [("one", path.open("rb"))], most=10_000)
    found = texts(tail)
    assert 50 < len(found) < 110
    assert found[-1] == "line 1999"
    with path.open("ab") as file:
        file.writelines(event(f"more {number}") for number in range(1000))
    found = texts(tail)
    assert 50 < len(found) < 110, "what came meanwhile is left out where it is too much"
    assert found[-1] == "more 999"
    with path.open("ab") as file:
        file.write(b"half a li")
    assert texts(tail) == []
    with path.open("ab") as file:
        file.write(b"ne\nand")
    assert texts(tail) == ["half a line"]
    path.write_bytes(b"cut\n")
    assert texts(tail) == ["cut"]
    path.unlink()
    gone = Tail(list)
    assert texts(gone) == []


def test_a_ring_turns_and_nothing_is_lost(house: House) -> None:
    ring, tail = Ring(house.state, largest=2000), Tail(partial(_of_service, house.state))
    heard: list[str] = []
    for number in range(200):
        ring.append(event(f"line {number}"))
        if number % 7 == 0:
            heard += texts(tail)
    heard += texts(tail)
    assert heard == [f"line {number}" for number in range(200)]
    assert all((house.state / name).stat().st_size <= 2000 for name in (FILE_NAME, OLDER))
    assert (house.state / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_ring_that_cannot_be_written_stops_nobody(tmp_path: Path, house: House) -> None:
    (tmp_path / "file").touch()
    Ring(tmp_path / "file").append(b"x\n")
    settings = settings_at(tmp_path)
    assert ring_of(settings, once=True) is None
    assert ring_of(Settings(paths=settings.paths), once=False) is None
    stream = io.StringIO()
    open_log(stream, ring=ring_of(settings, once=False)).warning("hello", name="a\nb")
    assert (settings.paths.state / FILE_NAME).read_text() == stream.getvalue()


def test_a_job_that_fails_is_followed_into_its_copy(house: House) -> None:
    """Its log is copied then: the same bytes in another file."""
    path = house.state / "job.log"
    path.write_bytes(event("one"))
    tail = Tail(lambda: [("job", path.open("rb"))])
    assert texts(tail) == ["one"]
    shutil.copy(path, house.state / "copy")
    (house.state / "copy").replace(path)
    with path.open("ab") as file:
        file.write(event("two"))
    assert texts(tail) == ["two"]


def always() -> bool:
    return True


async def hear(follower: Follower, until: Callable[[list[bytes]], bool], **how: Any) -> list[bytes]:
    heard: list[bytes] = []
    stream = follower.listen(how.get("after", ""), how.get("wanted", Filter()), always)
    async for piece in stream:
        heard.append(piece)
        if until(heard):
            break
    await stream.aclose()  # type: ignore[attr-defined]
    return heard


def said(heard: list[bytes]) -> list[str]:
    data = [piece.split(b"data: ", 1)[1] for piece in heard if piece.startswith(b"id: ")]
    return [line["text"] for piece in data for line in json.loads(piece)]


def following(house: House) -> Follower:
    return Follower(lambda: Tail(partial(_of_service, house.state)), asyncio.Event(), every=0.01)


def test_what_is_added_is_told_from_the_last_line_on(house: House) -> None:
    service(house, event("old"), event("last"))
    mark = Tail(partial(_of_service, house.state)).look()[-1].mark

    async def scene() -> None:
        follower = following(house)
        listening = asyncio.create_task(hear(follower, lambda heard: "three" in said(heard), after=mark))
        errors = asyncio.create_task(
            hear(follower, lambda heard: bool(said(heard)), after=mark, wanted=Filter("error", "thr"))
        )
        lost = asyncio.create_task(hear(follower, lambda heard: "three" in said(heard), after="gone-7"))
        for text in ("one", "two", "three"):
            await asyncio.sleep(0.05)
            service(house, event(text, "error" if text == "three" else "info"))
        assert said(await asyncio.wait_for(listening, 60)) == ["one", "two", "three"]
        assert said(await asyncio.wait_for(errors, 60)) == ["three"]
        heard = await asyncio.wait_for(lost, 60)
        assert heard[1] == b"event: anew\ndata: \n\n"
        assert said(heard) == ["old", "last", "one", "two", "three"]
        await asyncio.sleep(0.3)
        assert follower.listeners == 0

    asyncio.run(scene())


def test_fifty_listeners_hold_no_memory(house: House) -> None:
    """Most of them never take anything; the lines are kept once, and only the last."""
    ring = Ring(house.state)

    async def scene() -> tuple[int, list[str]]:
        follower = following(house)
        silent = [follower.listen("", Filter(), always) for _ in range(50)]
        for one in silent:
            await anext(one)
        reading = asyncio.create_task(hear(follower, lambda heard: "the last" in said(heard)))
        gc.collect()
        tracemalloc.start()
        for number in range(1200):
            ring.append(event(f"line {number} " + "x" * 300))
            if number % 100 == 0:
                await asyncio.sleep(0.01)
        ring.append(event("the last"))
        heard = said(await asyncio.wait_for(reading, 60))
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        late = said([await asyncio.wait_for(anext(silent[0]), 60) for _ in range(2)])
        assert 0 < len(late) <= KEPT
        for one in silent:
            await one.aclose()  # type: ignore[attr-defined]
        return grown, heard

    grown, heard = asyncio.run(scene())
    assert grown < 4_000_000, grown
    assert heard[-1] == "the last"


def test_it_ends_with_the_page(house: House) -> None:
    async def scene() -> None:
        closing = asyncio.Event()
        follower = Follower(lambda: Tail(partial(_of_service, house.state)), closing, every=10)
        listening = asyncio.create_task(hear(follower, lambda heard: False))
        await asyncio.sleep(0.05)
        closing.set()
        await asyncio.wait_for(listening, 60)

    asyncio.run(scene())


def test_too_many_listeners_are_told_to_come_again(browser: TestClient, house: House) -> None:
    crowd = following(house)
    crowd.listeners = 200
    browser.app._app.state.followers["other"] = crowd  # type: ignore[attr-defined]
    assert browser.get("/log/events").status_code == 503


def test_strangers_read_no_log(visitor: Visitor, house: House) -> None:
    client = visitor(house)
    assert client.post("/log").status_code == 403
    assert line_of(b"plain\r\n", "x-1").text == "plain"
