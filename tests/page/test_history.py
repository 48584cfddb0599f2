"""The list of jobs and the page of each: what they say, what they do, and what they refuse."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import time
import urllib.parse
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from daemon.job import Job, JobTake, MadeLabel, MadeWith, Note, State, TakeState
from daemon.journal import Journal
from daemon.page.card import tag_of
from daemon.page.house import House
from publishers import Credentials, Receipt
from tests.page.conftest import Visitor, settings_at, token_of
from tests.page.shelf import failed, job, partly, put, shelf

EVIL = "\"'><img src=x onerror=alert(1)><script>alert(2)<script>"
"""A name that a careless page would obey; no part of it needs a slash."""


def links(text: str, end: str = "") -> list[str]:
    return re.findall(rf'(?:href|src|poster)="(/jobs/[^"]*{end})"', text)


def test_the_list(browser: TestClient, house: House) -> None:
    put(house.root, job(1, "周报 47"))
    put(house.root, failed(job(2, "bad")), place="failed")
    text = browser.get("/jobs").text
    assert "周报 47" in text
    assert "alice.mp4" not in text
    assert text.index("bad") < text.index("周报 47")  # the newest first
    assert "the audio is silent" in text
    assert 'loading="lazy"' in text
    assert len(links(text, r"/thumbnail/320\?v=\w+")) == 2


def test_search_and_filter(browser: TestClient, house: House) -> None:
    put(house.root, job(1, "周报 47"))
    put(house.root, job(2, "weekly"))
    put(house.root, failed(job(3, "周报 48")), place="failed")
    found = browser.get("/jobs", params={"q": "周报"}).text
    assert ("周报 47" in found, "周报 48" in found, "weekly" in found) == (True, True, False)
    found = browser.get("/jobs", params={"q": "周报", "show": "failed"}).text
    assert ("周报 47" in found, "周报 48" in found) == (False, True)
    assert 'name="show" value="failed"' in found
    assert "No job matches." in browser.get("/jobs?q=nobody").text
    assert "weekly" in browser.get("/jobs?show=nonsense&before=nonsense&after=x").text
    long = browser.get("/jobs", params={"q": "x" * 5000})
    assert long.status_code == 200
    assert "x" * 201 not in long.text


def test_an_empty_share(browser: TestClient) -> None:
    assert "There are no jobs yet." in browser.get("/jobs").text


def test_pages(browser: TestClient, house: House) -> None:
    shelf(house.root, 50)
    house.census.look(whole=True)
    first = browser.get("/jobs").text
    assert "1–24 of 50" in first
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    second = browser.get(older[1].replace("&amp;", "&")).text
    assert "25–48 of 50" in second
    newer = re.search(r'rel="prev" href="([^"]+)"', second)
    assert newer
    assert "1–24 of 50" in browser.get(newer[1].replace("&amp;", "&")).text
    assert "27–50 of 50" in browser.get("/jobs?oldest=1").text


def test_what_is_not_read_yet_is_said(browser: TestClient, house: House) -> None:
    shelf(house.root, 400)
    text = browser.get("/jobs").text
    assert re.search(r"Still reading the folders: \d+ of 400 are left", text)
    limit = time.monotonic() + 60
    while "Still reading" in text:
        assert time.monotonic() < limit
        time.sleep(0.1)
        text = browser.get("/jobs").text
    assert "of 400" in text


def test_the_page_of_a_job(browser: TestClient, house: House) -> None:
    one = job(1, "weekly", takes=("alice",))
    (take,) = one.takes
    assert take.made
    label = MadeLabel("AI generated", "corner", ("AIGC", "IPTC"))
    made = replace(take.made, warnings=("the light is poor",), weights=(MadeWith("own", "0" * 64, "MIT"),), label=label)
    home = put(house.root, replace(one, takes=(replace(take, made=made),), description="What happened."))
    text = browser.get("/jobs/00000001").text
    for said in (
        *("weekly", "周报", "What happened.", "done/weekly", "00000001"),
        *("12 s", "1280 × 720", "25 fps", "99 %", "reshape 1.2", "own", "(MIT)"),
        *("the light is poor", "AI generated", "AIGC, IPTC", "lipsyncd on cellar", "no known authority"),
        *("ipfs://", "read back", "manifest.json", "post.md"),
    ):
        assert said in text, said
    (video,) = re.findall(r'<video class="result"[^>]* src="([^"]+)"', text)
    answer = browser.get(video, headers={"range": "bytes=4-7"})
    assert (answer.status_code, answer.content) == (206, b"ftyp")
    assert answer.headers["x-content-type-options"] == "nosniff"
    (photo,) = re.findall(r'<img class="original" src="([^"]+)"', text)
    assert browser.get(photo).content == (home / "inputs" / "alice.png").read_bytes()
    assert browser.get(photo).headers["content-type"] == "image/png"
    assert browser.get(f"{photo}?save").headers["content-disposition"].startswith("attachment")


def test_originals_that_move_play_beside_the_result(browser: TestClient, house: House) -> None:
    one = job(1, "weekly", takes=("alice",))
    home = put(house.root, replace(one, takes=(replace(one.takes[0], face="alice.MOV"),)))
    (home / "inputs" / "alice.MOV").write_bytes(b"moving")
    text = browser.get("/jobs/00000001").text
    (source,) = re.findall(r'<video class="original" controls muted[^>]* src="([^"]+)"', text)
    assert browser.get(source).headers["content-type"] == "video/quicktime"
    assert 'class="row together" hidden' in text


def test_a_failed_job_says_why(browser: TestClient, house: House) -> None:
    home = put(house.root, failed(partly(job(1, "weekly"))), place="failed")
    (home / "WHY.txt").write_text("weekly\n  What was wrong: <b>the audio is silent</b>.\n")
    text = browser.get("/jobs/00000001").text
    assert "What was wrong: &lt;b&gt;the audio is silent&lt;/b&gt;." in text
    (video,) = re.findall(r'<video class="result"[^>]* src="([^"]+)"', text)
    assert browser.get(video).content == (home / ".lipsyncd" / "alice.mp4").read_bytes()


def test_jobs_in_hand_and_damaged_ones(browser: TestClient, house: House) -> None:
    home = put(house.root, replace(job(1, "in hand"), state=State.QUEUED), place="working")
    (home / "STATUS.txt").write_text("1/2 alice.mp4 43 %\n")
    text = browser.get("/jobs/00000001").text
    assert "1/2 alice.mp4 43 %" in text
    assert "/delete" not in text
    torn = put(house.root, job(2, "torn"))
    (torn / "job.json").write_text("torn")
    key = tag_of("done", "torn")
    text = browser.get(f"/jobs/{key}").text
    assert "cannot be read" in text
    assert browser.post(f"/jobs/{key}/retry").status_code == 404
    assert browser.get(f"/jobs/{key}/zip").status_code == 404
    assert browser.post(f"/jobs/{key}/delete", follow_redirects=False).status_code == 303
    assert (house.root / "trash" / "torn").is_dir()


def test_a_page_follows_its_job(browser: TestClient, house: House) -> None:
    home = put(house.root, replace(job(1, "weekly"), state=State.QUEUED), place="working")
    assert "working/weekly" in browser.get("/jobs/00000001").text
    home.rename(house.root / "done" / "weekly (2)")
    assert "done/weekly (2)" in browser.get("/jobs/00000001").text
    shutil.rmtree(house.root / "done" / "weekly (2)")
    assert browser.get("/jobs/00000001").status_code == 404


def test_a_copied_folder_has_a_page_of_its_own(browser: TestClient, house: House) -> None:
    home = put(house.root, job(1, "weekly"))
    shutil.copytree(home, home.with_name("weekly copy"))
    found = {link for link in links(browser.get("/jobs").text) if link.count("/") == 2}
    assert found == {f"/jobs/{tag_of('done', name)}" for name in ("weekly", "weekly copy")}
    assert "done/weekly copy" in browser.get(f"/jobs/{tag_of('done', 'weekly copy')}").text


def test_retry(browser: TestClient, house: House) -> None:
    put(house.root, partly(job(1, "in part")))
    put(house.root, failed(job(2, "bad")), place="failed")
    put(house.root, job(3, "whole"))
    assert browser.post("/jobs/00000001/retry", follow_redirects=False).headers["location"] == "/jobs/00000001"
    assert (house.root / "working" / "in part").is_dir()
    answer = browser.post("/jobs/00000002/retry")
    assert "bad will be made once more." in answer.text
    assert (house.root / "inbox" / "bad").is_dir()
    assert "/retry" not in browser.get("/jobs/00000003").text
    answer = browser.post("/jobs/00000003/retry")
    assert answer.status_code == 409
    assert "nothing of whole can be made again" in answer.text


def test_deletion_asks_first(browser: TestClient, house: House) -> None:
    put(house.root, job(1, "weekly"))
    text = browser.get("/jobs/00000001/delete").text
    assert "done/weekly" in text
    assert "nobody can take it back" in text
    assert (house.root / "done" / "weekly").is_dir()
    answer = browser.post("/jobs/00000001/delete")
    assert "weekly is in trash/weekly now." in answer.text
    assert "There are no jobs yet." in answer.text
    assert (house.root / "trash" / "weekly" / "alice.mp4").is_file()
    assert browser.post("/jobs/00000001/delete").status_code == 404
    put(house.root, replace(job(2, "in hand"), state=State.QUEUED), place="working")
    for act in (browser.get, browser.post):
        assert act("/jobs/00000002/delete").status_code == 409
    assert (house.root / "working" / "in hand").is_dir()


@pytest.mark.parametrize("act", ["retry", "delete", "ask"])
def test_nothing_is_done_without_a_token(visitor: Visitor, house: House, act: str) -> None:
    put(house.root, failed(job(1, "weekly")), place="failed")
    client = visitor(house)
    assert client.post(f"/jobs/00000001/{act}").status_code == 403
    assert client.get(f"/jobs/00000001/{act}").status_code in (200, 405)  # a link asks at most
    assert (house.root / "failed" / "weekly").is_dir()


@pytest.mark.parametrize(
    "path",
    [
        *("/jobs/..", "/jobs/%2e%2e", "/jobs/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/jobs/done%2fweekly", "/jobs/weekly"),
        *("/jobs/00000001/file/..%2fjob.json", "/jobs/00000001/file/job.json", "/jobs/00000001/file/%2fetc%2fpasswd"),
        *("/jobs/00000001/file/..", "/jobs/00000001/file/inputs%2fvoice.wav", "/jobs/00000001/file/", "/jobs/%00"),
        *(
            "/jobs/00000001/../../../etc/passwd",
            "/jobs/00000001%00/thumbnail/320",
            "/jobs/*",
            "/jobs/%25",
            "/jobs/' OR 1=1",
        ),
        *("/jobs/" + "a" * 5000, "/jobs/00000001/file/" + "0" * 16, "/jobs/%ff%fe", "/jobs/\\..\\.."),
    ],
)
def test_ways_out_lead_nowhere(browser: TestClient, house: House, path: str) -> None:
    put(house.root, job(1, "weekly"))
    assert asked_as_it_is(browser, path) in (400, 404)


def asked_as_it_is(browser: TestClient, path: str) -> int:
    """Ask for a path that clients would tidy up before they send it."""
    status: list[int] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            status.append(int(str(message["status"])))

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "query_string": b"",
        "root_path": "",
    }
    scope |= {"path": urllib.parse.unquote(path), "raw_path": path.encode(), "asgi": {"spec_version": "2.3"}}
    scope |= {"headers": [(b"host", b"127.0.0.1:7860")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 7860)}
    asyncio.run(browser.app(scope, receive, send))  # type: ignore[arg-type]
    return status[0]


def test_links_and_odd_files_are_no_files_of_a_job(browser: TestClient, house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_text("secret")
    home = put(house.root, job(1, "weekly"))
    for name in ("alice.mp4", "alice.jpg", "post.md", "inputs/alice.png"):
        (home / name).unlink()
        (home / name).symlink_to(secret)
    os.mkfifo(home / "inputs" / "pipe.wav")
    text = browser.get("/jobs/00000001").text
    assert "secret" not in text
    assert browser.get("/jobs/00000001/thumbnail/320").headers["content-type"] == "image/gif"  # nothing to be seen
    for link in set(links(text)):
        if "/file/" in link:
            assert browser.get(link).text != "secret"
    (house.root / "done" / "stray").symlink_to(tmp_path)
    assert "stray" not in browser.get("/jobs").text


def evil() -> Job:
    """A job in which everything that is text is an attack."""
    take = JobTake(EVIL, f"{EVIL}.png", EVIL, state=TakeState.RENDERED, made=job(1, "x").takes[0].made)
    assert take.made
    made = replace(
        take.made, engine=EVIL, version=EVIL, fps=EVIL, warnings=(EVIL,), weights=(MadeWith(EVIL, EVIL, EVIL),)
    )
    made = replace(made, label=MadeLabel(EVIL, EVIL, (EVIL,)))
    good = replace(take, made=made, credentials=Credentials(EVIL, EVIL, False, EVIL, ""))
    bad = replace(take, name=f"{EVIL}2", face=f"{EVIL}2", state=TakeState.FAILED, error=EVIL, hint=EVIL, made=None)
    addresses = (EVIL, f"ipfs://{EVIL}", "javascript:alert(1)", f"ar://{EVIL}", "data:text/html,<script>")
    receipts = tuple(Receipt(EVIL, f"{EVIL}.mp4", "0" * 64, one, f"javascript:{EVIL}", EVIL) for one in addresses)
    receipts += (Receipt(EVIL, "", "0" * 64, "ipfs://x", f"https://{EVIL}", EVIL),)
    odd = replace(
        job(1, EVIL), title=EVIL, description=EVIL, takes=(good, bad), receipts=receipts, error=EVIL, hint=EVIL
    )
    return replace(odd, notes=(Note(EVIL, EVIL, EVIL),), id=EVIL)


@pytest.mark.parametrize("place", ["done", "failed", "working"])
def test_names_are_data_everywhere(browser: TestClient, house: House, place: str) -> None:
    one = evil() if place == "done" else replace(evil(), state=State.FAILED if place == "failed" else State.QUEUED)
    home = put(house.root, one, folder=EVIL, place=place)
    for name in ("post.md", "manifest.json", "WHY.txt", "STATUS.txt"):
        (home / name).write_text(f"</textarea></pre>{EVIL}")
    key = tag_of(place, EVIL)
    pages = ["/jobs", f"/jobs?q={EVIL}&show={EVIL}&before={EVIL}", f"/jobs/{key}"]
    pages += [f"/jobs/{key}/delete"] if place != "working" else []
    for language in ("en", "zh"):
        for page in pages:
            answer = browser.get(page, headers={"accept-language": language})
            assert answer.status_code == 200, page
            assert "<img src=x" not in answer.text
            assert "<script>" not in answer.text
            assert "</textarea></pre>" not in answer.text
            assert not re.search(r'(?:href|src|action|poster)="(?:javascript|data):', answer.text)
            assert not re.search(r"<[a-z]+[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', answer.text))


def test_damaged_names_are_data(browser: TestClient, house: House) -> None:
    home = put(house.root, job(1, "x"), folder=EVIL)
    (home / "job.json").write_text(f'{{"schema": "{EVIL}')
    for page in ("/jobs", f"/jobs/{tag_of('done', EVIL)}", f"/jobs/{tag_of('done', EVIL)}/delete"):
        answer = browser.get(page)
        assert answer.status_code == 200
        assert "<img src=x" not in answer.text
    assert browser.post(f"/jobs/{tag_of('done', EVIL)}/delete").status_code == 200
    assert (house.root / "trash" / EVIL).is_dir()


def test_html_that_was_dropped_is_never_shown(browser: TestClient, house: House) -> None:
    home = put(house.root, job(1, "weekly"))
    for name in ("a.html", "a.svg", "a.xml"):
        (home / "inputs" / name).write_text("<script>alert(1)</script>")
    found = [link for link in set(links(browser.get("/jobs/00000001").text)) if "/file/" in link]
    shown = [browser.get(link.removesuffix("?save")) for link in found]
    kinds = {answer.headers["content-type"] for answer in shown if b"<script>" in answer.content}
    assert kinds == {"application/octet-stream"}
    for answer in shown:
        if b"<script>" in answer.content:
            assert answer.headers["content-disposition"].startswith("attachment")


def test_addresses_are_asked_only_when_told_to(tmp_path: Path, visitor: Visitor) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    settings = settings_at(tmp_path).model_dump() | {"publish": {"to": ["folder"], "folder": {"path": str(archive)}}}
    house = House.of(type(settings_at(tmp_path))(**settings))
    one = job(1, "weekly", takes=("alice",))
    kept = one.takes[0].video
    assert kept
    receipt = Receipt("folder", "alice.mp4", kept.sha256, "folder:alice.mp4", "", "read back")
    home = put(house.root, replace(one, receipts=(receipt, replace(receipt, publisher="nobody"))))
    client = visitor(house)
    client.headers["x-csrf-token"] = token_of(client.get("/jobs/00000001").text)
    assert "Nobody is asked unless you say so." in client.get("/jobs/00000001").text
    assert house.asking.known("00000001") is None
    text = client.post("/jobs/00000001/ask").text
    assert "could not be fetched" in text
    assert "nobody" in text
    assert (home / "job.json").is_file()
    video = b"the video"
    (archive / "alice.mp4").write_bytes(video)
    assert "other bytes are there" in client.post("/jobs/00000001/ask").text
    right = replace(receipt, sha256=hashlib.sha256(video).hexdigest())
    shutil.rmtree(home)
    put(house.root, replace(one, receipts=(right,)))
    assert "there now, the bytes are right" in client.post("/jobs/00000001/ask").text


def test_deleting_what_is_made_again_at_the_same_moment(browser: TestClient, house: House) -> None:
    put(house.root, failed(job(1, "weekly")), place="failed")
    assert browser.get("/jobs/00000001/delete").status_code == 200  # somebody still thinks about it …
    assert browser.post("/jobs/00000001/retry", follow_redirects=False).status_code == 303
    assert browser.post("/jobs/00000001/delete").status_code == 404  # … when it is not there any more
    assert (house.root / "inbox" / "weekly").is_dir()
    assert not (house.root / "trash").exists()
    assert Journal(house.root).jobs() == []
