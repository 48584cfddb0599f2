"""The jobs that wait for approval: what is shown, what is decided, and what is refused."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from daemon import review
from daemon.job import Job, JobTake, State
from daemon.journal import dumps
from daemon.page.house import House
from daemon.page.waiting import Waiting
from publishers import Quote, QuoteLine
from tests.page.conftest import Visitor
from tests.page.shelf import job, put
from tests.page.test_history import EVIL, asked_as_it_is, links

WINSTON = 2_500_000_000


def waiting(number: int = 1, name: str = "weekly", *, takes: tuple[str, ...] = ("alice",)) -> Job:
    """A job that waits for approval, with what it would come to at two publishers; a third said nothing."""
    one = replace(job(number, name, takes=takes), state=State.REVIEW, receipts=(), review=True)
    files = [(f"{take.name}{suffix}", kept) for take in one.takes for suffix, kept in parts(take)]
    ipfs = [QuoteLine(name, f"ipfs://{cid}", 0) for name, cid in files] + [QuoteLine("", "ipfs://bafywhole", 0)]
    arweave = [QuoteLine(name, "", WINSTON, paid=name.endswith(".jpg")) for name, _ in files]
    quotes = (Quote("ipfs", tuple(ipfs), 0), Quote("arweave", tuple(arweave), 2 * WINSTON, "Prices of today."))
    return replace(one, publish=("ipfs", "arweave", "folder"), quotes=quotes)


def parts(take: JobTake) -> list[tuple[str, str]]:
    assert take.video
    assert take.poster
    return [(".mp4", take.video.cid), (".jpg", take.poster.cid)]


def laid(house: House, one: Job) -> Path:
    """Put a job that waits into working/, its files as long as its job.json says."""
    home = put(house.root, one, place="working")
    for file, _ in review.see(home, one).files:
        os.truncate(home / file.name, file.bytes)
    return home


def seen(text: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]{64})"', text)
    assert found
    return found[1]


def test_everything_is_shown_as_in_review_txt(browser: TestClient, house: House) -> None:
    one = waiting()
    home = laid(house, one)
    text = browser.get("/review/00000001").text
    for file, offers in review.see(home, one).files:
        assert file.sha256 in text
        assert file.cid in text
        assert all(offer.line.address in text for offer in offers)
    for said in ("ipfs://bafywhole", "0.0025 AR", "0.005 AR in all", "published already", "Prices of today."):
        assert said in text, said
    assert "known once it is signed" in text
    assert "names no addresses" in text
    (video,) = re.findall(r'<video class="result"[^>]* src="([^"]+)"', text)
    assert browser.get(video, headers={"range": "bytes=4-7"}).content == b"ftyp"
    assert browser.get("/review/00000001", headers={"accept-language": "zh"}).text.count("批准并发布") == 1
    assert "differs" not in text


def test_the_list_and_how_many(browser: TestClient, house: House) -> None:
    assert "Nothing waits for approval." in browser.get("/review").text
    laid(house, waiting(1, "周报"))
    laid(house, waiting(2, "other"))
    laid(house, replace(waiting(3, "gone on"), approved=True))
    put(house.root, replace(job(4, "queued"), state=State.QUEUED), place="working")
    text = browser.get("/review").text
    assert "周报" in text
    assert "gone on" not in text
    assert "2 wait for approval" in browser.get("/jobs").text or "2 wait for approval" in text
    assert 'href="/review/00000002"' in browser.get("/jobs/00000002").text


def test_approval_is_what_the_command_line_does(browser: TestClient, house: House) -> None:
    home = laid(house, waiting())
    mark = seen(browser.get("/review/00000001").text)
    form = {"seen": mark, "decision": "approve", "note": "fine\n for\x1b me"}
    answer = browser.post("/review/00000001", data=form)
    assert "weekly is approved." in answer.text
    assert (home / "APPROVE").read_text() == "fine for\\x1b me\n"
    again = browser.post("/review/00000001", data=form | {"note": "twice"})
    assert "does not wait for approval any more" in again.text
    assert (home / "APPROVE").read_text() == "fine for\\x1b me\n"
    assert not (home / "CANCEL").exists()
    answer = browser.post("/review/00000001", data={"decision": "reject"})
    assert not (home / "CANCEL").exists(), "that has been decided on"


def test_rejection(browser: TestClient, house: House) -> None:
    home = laid(house, waiting())
    answer = browser.post("/review/00000001", data={"decision": "reject", "note": "the wrong face"})
    assert "weekly is rejected." in answer.text
    assert (home / "CANCEL").read_text() == "the wrong face\n"
    assert not (home / "APPROVE").exists()
    assert "Nothing waits" in answer.text


@pytest.mark.parametrize("change", ["quotes", "video", "hash", "gone"])
def test_what_was_not_seen_is_not_approved(browser: TestClient, house: House, change: str) -> None:
    one = waiting()
    home = laid(house, one)
    mark = seen(browser.get("/review/00000001").text)
    (take,) = one.takes
    assert take.video
    if change == "quotes":
        dearer = replace(one.quotes[1], winston=9 * WINSTON)
        (home / "job.json").write_text(dumps(replace(one, quotes=(one.quotes[0], dearer))), encoding="utf-8")
    elif change == "hash":
        other = replace(take, video=replace(take.video, sha256="0" * 64))
        (home / "job.json").write_text(dumps(replace(one, takes=(other,))), encoding="utf-8")
    elif change == "video":
        (home / "alice.mp4").write_bytes(b"another one")
    else:
        (home / "alice.mp4").unlink()
    answer = browser.post("/review/00000001", data={"seen": mark, "decision": "approve", "note": "<b>fine"})
    assert answer.status_code == 409
    assert "has changed since you opened" in answer.text
    assert "&lt;b&gt;fine</textarea>" in answer.text
    assert not (home / "APPROVE").exists()
    fresh = browser.post("/review/00000001", data={"seen": seen(answer.text), "decision": "approve"})
    assert fresh.status_code == 200
    assert (home / "APPROVE").exists()


def test_a_double_click_approves_once(browser: TestClient, house: House) -> None:
    home = laid(house, waiting())
    form = {"seen": seen(browser.get("/review/00000001").text), "decision": "approve", "note": "once"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: browser.post("/review/00000001", data=form, follow_redirects=False), range(4))
        )
    assert {answer.status_code for answer in answers} <= {303}
    assert (home / "APPROVE").read_text() == "once\n"
    assert not list(home.glob(".*.part"))


def test_refusals(browser: TestClient, visitor: Visitor, house: House) -> None:
    home = laid(house, waiting())
    put(house.root, job(2, "over"))
    mark = seen(browser.get("/review/00000001").text)
    stranger = visitor(house)
    assert stranger.post("/review/00000001", data={"seen": mark, "decision": "approve"}).status_code == 403
    assert browser.post("/review/00000001", data={"seen": mark}).status_code == 400
    assert browser.post("/review/00000001", data={"decision": "approve"}).status_code == 409
    assert browser.get("/review/00000002", follow_redirects=False).headers["location"] == "/review"
    for path in (
        "/review/..",
        "/review/%2e%2e%2fworking",
        "/review/nothing",
        "/review/%00",
        "/review/working%2fweekly",
    ):
        assert asked_as_it_is(browser, path) == 404, path
    assert not (home / "APPROVE").exists()
    assert not (home / "CANCEL").exists()


def test_names_and_notes_are_data(browser: TestClient, house: House) -> None:
    one = waiting()
    (take,) = one.takes
    odd = replace(take, name=EVIL, face=f"{EVIL}.png")
    lines = (QuoteLine(f"{EVIL}.mp4", EVIL, 0), QuoteLine("", f"javascript:{EVIL}", None))
    quotes = (Quote(EVIL, lines, None, EVIL),)
    one = replace(one, name=EVIL, title=EVIL, description=EVIL, takes=(odd,), publish=(EVIL,), quotes=quotes)
    home = put(house.root, one, folder=EVIL, place="working")
    for page in ("/review", "/review/00000001"):
        for language in ("en", "zh"):
            text = browser.get(page, headers={"accept-language": language}).text
            assert "<img src=x" not in text
            assert "<script>" not in text
            assert 'href="javascript:' not in text
    assert all(browser.get(link).status_code == 200 for link in links(browser.get("/review/00000001").text))
    form = {"seen": "0", "decision": "approve", "note": f"</textarea>{EVIL}"}
    assert "</textarea>\"'" not in browser.post("/review/00000001", data=form).text
    browser.post("/review/00000001", data=form | {"decision": "reject"})
    assert (home / "CANCEL").read_text().count("\n") == 1


def test_a_note_is_shown_afterwards(browser: TestClient, house: House) -> None:
    put(house.root, replace(job(1, "weekly"), approved=True, remark=EVIL))
    text = browser.get("/jobs/00000001").text
    assert "Approved with the note: &#34;&#39;&gt;" in text
    assert "<img src=x" not in text


def test_only_what_changed_is_read_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    home = laid(house, waiting())
    laid(house, waiting(2, "other"))
    found, read = Waiting(house.journal), list[str]()
    load = house.journal.load
    monkeypatch.setattr(house.journal, "load", lambda home: read.append(home.name) or load(home))
    assert [filed.job.id for filed in found.jobs()] == ["00000001", "00000002"]
    assert found.count() == 2
    assert len(read) == 2
    (home / "APPROVE").touch()
    assert [filed.job.id for filed in found.jobs()] == ["00000002"]
    assert len(read) == 2
    (house.root / "working" / "torn").mkdir()
    (house.root / "working" / "torn" / "job.json").write_text("{")
    assert len(found.jobs()) == 1
