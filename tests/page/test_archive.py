"""A job as a ZIP: every name usable and different, every byte right, the length as announced, and flat in memory."""

from __future__ import annotations

import asyncio
import io
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from daemon.page.archive import archive, usable
from daemon.page.card import tag_of
from daemon.page.holdings import RESULT, Held
from daemon.page.house import House, Opened
from tests.page.shelf import failed, job, partly, put

MB = 1_000_000
Opening = Callable[[Held], Opened]


def unzipped(browser: TestClient, path: str) -> zipfile.ZipFile:
    answer = browser.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    return archive


def test_results_alone_or_with_what_was_dropped(browser: TestClient, house: House) -> None:
    home = put(house.root, job(1, "周报 47"))
    archive = unzipped(browser, "/jobs/00000001/zip")
    papers = ["manifest.json", "post.md"]
    made = ["alice.mp4", "alice.jpg", "bob.mp4", "bob.jpg"]
    assert sorted(archive.namelist()) == sorted(f"周报 47/{name}" for name in [*made, *papers])
    assert archive.read("周报 47/alice.mp4") == (home / "alice.mp4").read_bytes()
    whole = unzipped(browser, "/jobs/00000001/zip?inputs")
    assert {"周报 47/inputs/voice.wav", "周报 47/inputs/alice.png"} < set(whole.namelist())
    assert whole.read("周报 47/inputs/alice.png") == (home / "inputs" / "alice.png").read_bytes()
    said = browser.head("/jobs/00000001/zip").headers["content-disposition"]
    assert said.endswith("filename*=UTF-8''%E5%91%A8%E6%8A%A5%2047.zip")


def test_a_failed_job(browser: TestClient, house: House) -> None:
    home = put(house.root, failed(partly(job(1, "weekly"))), place="failed")
    (home / "WHY.txt").write_text("no face")
    assert sorted(unzipped(browser, "/jobs/00000001/zip").namelist()) == [
        *("weekly/WHY.txt", "weekly/alice.jpg", "weekly/alice.mp4"),
    ]
    whole = unzipped(browser, "/jobs/00000001/zip?inputs").namelist()
    assert {"weekly/inputs/voice.wav", "weekly/inputs/alice.png", "weekly/WHY.txt"} < set(whole)


def test_what_is_ours_and_what_is_no_file_stays_out(browser: TestClient, house: House, tmp_path: Path) -> None:
    home = put(house.root, job(1, "weekly"))
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (home / "inputs" / "link.txt").symlink_to(secret)
    (home / "inputs" / ".hidden").write_text("hidden")
    (home / "inputs" / "Thumbs.db").write_text("ignorable")
    (home / "inputs" / "folder").mkdir()
    os.mkfifo(home / "inputs" / "pipe")
    (home / "job.log").write_text("log")
    (home / "somebody's own.txt").write_text("own")
    (home / "bob.mp4").unlink()
    (home / "bob.mp4").symlink_to(secret)
    names = {Path(name).name for name in unzipped(browser, "/jobs/00000001/zip?inputs").namelist()}
    assert names == {*("alice.mp4", "alice.jpg", "bob.jpg"), *("manifest.json", "post.md"), "voice.wav"} | {
        "alice.png",
        "bob.png",
    }


def test_inputs_that_are_a_link_lead_nowhere(browser: TestClient, house: House, tmp_path: Path) -> None:
    home = put(house.root, job(1, "weekly"))
    (home / "inputs").rename(tmp_path / "elsewhere")
    (home / "inputs").symlink_to(tmp_path / "elsewhere")
    assert not [name for name in unzipped(browser, "/jobs/00000001/zip?inputs").namelist() if "inputs" in name]


def test_names_from_everywhere(browser: TestClient, house: House) -> None:
    odd = ["a:b?.txt", "CON.txt", "two\nlines.txt", "Alice.PNG", "alice.png ", "c" * 250 + ".txt", "txt..", "a\\..\\b"]
    home = put(house.root, job(1, "..", takes=("alice",)), folder="<b>.. weekly: x")
    for name in odd:
        (home / "inputs" / name).write_text(name)
    (home / "inputs" / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    names = unzipped(browser, f"/jobs/{tag_of('done', home.name)}/zip?inputs").namelist()
    assert len({name.casefold() for name in names}) == len(names) == 4 + 2 + len(odd) + 1
    for name in names:
        parts = name.split("/")
        assert parts[0] == "_b_.. weekly_ x"
        assert not {"", ".", ".."} & set(parts)
        assert all(
            len(part.encode()) <= 230 and part.isprintable() and not set(part) & set('<>:"|?*\\') for part in parts
        )


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("weekly", "weekly"),
        ("周报 47", "周报 47"),
        ("nul", "_nul"),
        ("Com1.mp4", "_Com1.mp4"),
        ("...", "_"),
        ("", "_"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\x", "C__x"),
        ("name. ", "name"),
        (".profile", "profile"),
        ("报" * 100 + ".mp4", "报" * 66 + ".mp4"),
    ],
)
def test_usable(name: str, safe: str) -> None:
    assert usable(name) == safe


def drained(answer: StreamingResponse) -> tuple[int, int]:
    """Take an answer in, and give its length and the most memory that it took."""

    async def taken() -> int:
        return sum([len(piece) async for piece in answer.body_iterator])

    tracemalloc.start()
    try:
        return asyncio.run(taken()), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def video(house: House) -> tuple[Path, Opening]:
    """A job with a video, and how to open its files."""
    home = put(house.root, job(1, "weekly", takes=("alice",)))
    filed = house.journal.find("weekly")
    return home / "alice.mp4", lambda held: house.file(filed, held.name, held.folder)


def test_a_large_file_takes_little_memory(video: tuple[Path, Opening]) -> None:
    path, opening = video
    os.truncate(path, 200 * MB)  # takes no room on the disk
    answer = archive("weekly", [Held(RESULT, "", path.name, 200 * MB, 0.0)], opening)
    count, peak = drained(answer)
    assert count == int(answer.headers["content-length"]) > 200 * MB
    assert peak < 3 * MB


@pytest.mark.soak
def test_more_than_the_old_format_can_hold(video: tuple[Path, Opening]) -> None:
    path, opening = video
    os.truncate(path, 5000 * MB)
    held = [Held(RESULT, "", path.name, 5000 * MB, 0.0), Held(RESULT, "", "alice.jpg", 12, 0.0)]
    answer = archive("weekly", held, opening)
    count, peak = drained(answer)
    assert count == int(answer.headers["content-length"]) > 5000 * MB
    assert peak < 3 * MB


def test_a_file_that_changes_breaks_the_archive_off(video: tuple[Path, Opening]) -> None:
    path, opening = video
    size = path.stat().st_size
    with pytest.raises(OSError, match="became shorter"):
        drained(archive("weekly", [Held(RESULT, "", path.name, size + 1, 0.0)], opening))
    longer = archive("weekly", [Held(RESULT, "", path.name, size - 1, 0.0)], opening)
    assert drained(longer)[0] == int(longer.headers["content-length"])  # what was there when it began


def test_a_download_that_is_broken_off_leaves_no_file_open(video: tuple[Path, Opening]) -> None:
    path, opening = video
    os.truncate(path, 50 * MB)
    opened: list[Opened] = []

    def remembering(held: Held) -> Opened:
        opened.append(opening(held))
        return opened[-1]

    async def gone() -> dict[str, object]:
        while not opened:
            await asyncio.sleep(0.001)
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        await asyncio.sleep(0)

    answer = archive("weekly", [Held(RESULT, "", path.name, 50 * MB, 0.0)], remembering)
    asyncio.run(answer({"type": "http", "asgi": {"spec_version": "2.3"}}, gone, send))
    assert [one.file.closed for one in opened] == [True]
