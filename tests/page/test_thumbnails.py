"""Thumbnails: small, made once, kept within bounds; and what is wrong with a poster is no trouble for anybody else."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from daemon import landlock, seccomp
from daemon.page import thumbnails
from daemon.page.house import House, Opened
from daemon.page.shrinker import Shrinker
from daemon.page.thumbnail_process import ANSWER
from daemon.page.thumbnails import Thumbnails
from lipsync import MediaError, thumbnail
from tests.page.posters import poster
from tests.page.shelf import failed, job, put
from tests.page.test_history import links
from tests.page.uploader import Browser, page


class Pen:
    """A shrinker that only counts."""

    def __init__(self, size: int = 1000) -> None:
        self.asked: list[tuple[int, int]] = []
        self.size = size

    def shrink(self, _data: bytes, width: int, height: int) -> bytes:
        self.asked.append((width, height))
        return bytes(self.size)


def opened(path: Path) -> Opened:
    file = path.open("rb")
    return Opened(path.name, file, os.fstat(file.fileno()))


def made(kept: Thumbnails, path: Path, width: int = 320) -> bytes:
    found = opened(path)
    with found.file:
        return kept.made(found, width)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (640, 640), (16, 9)])
def test_one_fills_its_frame(width: int, height: int) -> None:
    whole = poster(1, 1280, 720) if width > 700 else None
    picture = Image.open(io.BytesIO(whole)).resize((width, height)) if whole else Image.new("RGB", (width, height))
    out = io.BytesIO()
    picture.save(out, "JPEG", comment=b"somebody's" * 9)
    small = thumbnail(out.getvalue(), 320, 180)
    assert Image.open(io.BytesIO(small)).size == (320, 180)
    assert len(small) < 20_000
    assert b"somebody's" not in small


def test_it_shows_what_the_poster_shows() -> None:
    picture = Image.new("RGB", (720, 1280), "blue")
    picture.paste("red", (0, 0, 720, 640))
    out = io.BytesIO()
    picture.save(out, "JPEG")
    small = Image.open(io.BytesIO(thumbnail(out.getvalue(), 320, 180))).convert("RGB")
    assert small.getpixel((160, 5))[0] > 200  # of a tall one the upper part, where faces are
    assert small.getpixel((160, 175))[0] > 200


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 a poster", b"GIF89a" + bytes(99), poster(1)[:9000]])
def test_what_is_no_whole_jpeg_is_refused(data: bytes) -> None:
    with pytest.raises(MediaError):
        thumbnail(data, 320, 180)


def test_a_picture_that_would_take_all_memory_is_refused() -> None:
    data = bytearray(poster(1))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"  # 65535 × 65535
    with pytest.raises(MediaError, match="the poster"):
        thumbnail(bytes(data), 320, 180)


def test_one_is_made_once_and_anew_when_the_poster_changes(tmp_path: Path) -> None:
    pen, path = Pen(), tmp_path / "alice.jpg"
    path.write_bytes(poster(1))
    kept = Thumbnails(tmp_path / "state", pen)  # type: ignore[arg-type]
    assert made(kept, path) == made(kept, path) == bytes(1000)
    assert made(Thumbnails(tmp_path / "state", pen), path) == bytes(1000)  # type: ignore[arg-type]
    assert pen.asked == [(320, 180)]
    made(kept, path, 640)
    path.write_bytes(poster(2))
    made(kept, path)
    assert pen.asked == [(320, 180), (640, 360), (320, 180)]
    shutil.rmtree(tmp_path / "state")
    assert made(kept, path) == bytes(1000)
    assert (tmp_path / "state" / "page").stat().st_mode & 0o777 == 0o700


def test_they_take_no_more_room_than_they_may(tmp_path: Path) -> None:
    pen, path = Pen(), tmp_path / "alice.jpg"
    kept = Thumbnails(tmp_path, pen, room=10_000)  # type: ignore[arg-type]
    folder = tmp_path / "page" / "thumbnails"
    for number in range(40):
        path.write_bytes(b"\xff\xd8" + bytes(number))
        made(kept, path)
        for file in folder.iterdir():  # all a minute older, but for the first, which is seen each time
            os.utime(file, (time.time() - 60 * (40 - number),) * 2) if file.stat().st_mtime > time.time() - 10 else None
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 10_000
    assert 7 <= len(list(folder.iterdir())) <= 10
    path.write_bytes(b"\xff\xd8" + bytes(39))
    assert len(pen.asked) == 40


def test_what_cannot_be_made_is_not_tried_all_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pen, path = Pen(0), tmp_path / "alice.jpg"
    path.write_bytes(poster(1))
    kept = Thumbnails(tmp_path, pen)  # type: ignore[arg-type]
    assert [made(kept, path) for _ in range(3)] == [b"", b"", b""]
    assert len(pen.asked) == 1
    monkeypatch.setattr(thumbnails, "_AGAIN", 0.0)
    made(kept, path)
    assert len(pen.asked) == 2
    path.write_bytes(b"%PDF")
    assert made(kept, path) == b""
    assert len(pen.asked) == 2  # nobody is asked about what is no JPEG


def test_a_full_disk_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "alice.jpg"
    path.write_bytes(poster(1))
    (tmp_path / "page").write_text("in the way")
    assert made(Thumbnails(tmp_path, Pen()), path) == bytes(1000)  # type: ignore[arg-type]


def shrinker(script: str, patience: float = 30) -> Shrinker:
    return Shrinker((sys.executable, "-c", script), patience)


@pytest.mark.parametrize(
    "script",
    [
        "raise SystemExit(1)",
        "import time; time.sleep(60)",
        "import sys; sys.stdin.buffer.read(8); sys.stdout.buffer.write(b'\\xff\\xff\\xff\\xff')",
        "import sys; sys.stdin.buffer.read(8); sys.stdout.buffer.write(b'\\x09\\0\\0\\0 half')",
    ],
)
def test_whatever_the_process_does_there_is_an_answer(script: str) -> None:
    pen = shrinker(script, 0.6)
    begun = time.monotonic()
    assert pen.shrink(poster(1), 320, 180) == b""
    assert pen.shrink(poster(1), 320, 180) == b""
    assert time.monotonic() - begun < 12
    pen.close()


def test_the_process_goes_when_it_is_not_needed_and_comes_again() -> None:
    small = ANSWER.pack(3) + b"one"
    script = (
        f"import sys\nwhile sys.stdin.buffer.read({8 + 4}):\n sys.stdout.buffer.write({small!r}); sys.stdout.flush()"
    )
    pen = Shrinker((sys.executable, "-c", script), idle=0.2)
    assert pen.shrink(b"jpeg", 320, 180) == b"one"
    process = pen._process
    assert process
    process.wait(20)
    assert pen.shrink(b"jpeg", 320, 180) == b"one"
    pen.close()
    assert pen._process is None


@pytest.mark.skipif(not (seccomp.known() and landlock.version()), reason="this kernel puts up no walls")
def test_who_opens_strangers_pictures_can_do_nothing_else() -> None:
    pen = Shrinker()
    with contextlib.closing(pen):
        assert pen.shrink(poster(1), 320, 180)[:2] == b"\xff\xd8"
        process = pen._process
        assert process
        said = Path(f"/proc/{process.pid}/status").read_text()
        assert "Seccomp:\t2" in said
        assert "NoNewPrivs:\t1" in said
        assert not pen.shrink(poster(1)[:9000], 320, 180)  # a damaged one
        assert pen.shrink(poster(2), 640, 360)
        assert pen._process is process  # has not even noticed


def test_the_end_of_the_page_waits_for_no_picture() -> None:
    pen = shrinker("import time; time.sleep(60)", 60)
    asker = threading.Thread(target=pen.shrink, args=(b"jpeg", 320, 180))
    asker.start()
    while pen._process is None:
        time.sleep(0.01)
    begun = time.monotonic()
    pen.close()
    assert time.monotonic() - begun < 10
    asker.join(10)
    pen.close()


def test_over_http(browser: TestClient, house: House) -> None:
    home = put(house.root, job(1, "weekly"))
    (home / "alice.jpg").write_bytes(poster(1))
    text = browser.get("/jobs").text
    (link,) = links(text, r"/thumbnail/320\?v=\w+")
    assert f'srcset="{link} 320w, {link.replace("320", "640")} 640w"' in text
    answer = browser.get(link)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert Image.open(io.BytesIO(answer.content)).size == (320, 180)
    again = browser.get(link, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    large = browser.get(link.replace("320", "640"))
    assert Image.open(io.BytesIO(large.content)).size == (640, 360)
    assert large.headers["etag"] != answer.headers["etag"]
    assert browser.get(link.replace("320", "321")).status_code == 404
    assert browser.get("/jobs/nobody/thumbnail/320").status_code == 404
    (home / "alice.jpg").write_bytes(poster(2))
    assert links(browser.get("/jobs").text, r"/thumbnail/320\?v=\w+") != [link]
    old = browser.get(link)  # an address of before shows what is there, and is not kept
    assert old.headers["cache-control"] == "private, no-cache"
    assert old.content != answer.content
    (home / "alice.jpg").unlink()
    text = browser.get("/jobs").text
    assert not links(text, r"/thumbnail/320\?v=\w+")
    assert '<span class="initial" aria-hidden="true">W</span>' in text
    assert browser.get(link).headers["content-type"] == "image/gif"


def test_a_broken_poster_shows_the_letter_beneath_it(browser: TestClient, house: House) -> None:
    put(house.root, failed(job(1, "bad")), place="failed")
    (link,) = links(browser.get("/jobs").text, r"/thumbnail/320\?v=\w+")
    answer = browser.get(link)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.headers["cache-control"] == "private, max-age=60"


@pytest.mark.e2e
def test_the_real_page_keeps_them_within_its_walls(tmp_path: Path) -> None:
    with page(tmp_path) as running:
        for number in range(12):
            home = put(tmp_path / "root", job(number, f"weekly {number}"))
            (home / "alice.jpg").write_bytes(poster(1) if number else b"\xff\xd8\xff" + bytes(9999))
        asker = Browser(running.port)
        found = links(asker.ask("GET", "/jobs")[2].decode(), r"/thumbnail/320\?v=\w+")
        assert len(found) == 12
        with ThreadPoolExecutor(len(found)) as crowd:
            sizes = list(crowd.map(lambda link: len(asker.ask("GET", link)[2]), found))
        assert sorted(sizes)[0] < 50  # the broken one
        assert all(2000 < size < 20_000 for size in sorted(sizes)[1:])
        kept = list((tmp_path / "state" / "page" / "thumbnails").iterdir())
        assert len(kept) == 11
        assert all(file.suffix == ".jpg" for file in kept)
