"""Files over HTTP: in parts, with conditions, with any name, and nothing inline that a browser could run."""

from __future__ import annotations

import asyncio
import io
import os
import urllib.parse
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from daemon.page.house import Opened
from daemon.page.media import CHUNK, disposition, kind, serve

DATA = bytes(range(256)) * 4


def opened(path: Path) -> Opened:
    file = path.open("rb")
    return Opened(path.name, file, os.fstat(file.fileno()))


def request(method: str = "GET", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return Request({"type": "http", "method": method, "headers": raw, "path": "/", "query_string": b""})


def sent(answer: Response) -> tuple[int, dict[str, str], bytes]:
    """Give what goes over the wire."""
    body, head = io.BytesIO(), {}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            head.update(message)
        else:
            body.write(message.get("body", b""))  # type: ignore[arg-type]

    async def receive() -> dict[str, object]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    asyncio.run(answer({"type": "http", "method": "GET", "asgi": {"spec_version": "2.3"}}, receive, send))
    headers = {name.decode(): text.decode() for name, text in head["headers"]}
    return head["status"], headers, body.getvalue()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "alice.mp4"
    path.write_bytes(DATA)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def ask(path: Path, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    there = opened(path)
    try:
        return sent(serve(request(method, **headers), there))
    finally:
        assert there.file.closed


def test_whole(video: Path) -> None:
    status, headers, body = ask(video)
    assert (status, body) == (200, DATA)
    assert headers["content-length"] == "1024"
    assert headers["content-type"] == "video/mp4"
    assert headers["accept-ranges"] == "bytes"
    assert headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert headers["content-disposition"].startswith("inline;")


@pytest.mark.parametrize(
    ("said", "begin", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 1024),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-5000", 1000, 1024),
        ("bytes=1023-", 1023, 1024),
        ("bytes=-1", 1023, 1024),
        ("bytes=-5000", 0, 1024),
        ("bytes= 10-19 ", 10, 20),
    ],
)
def test_ranges(video: Path, said: str, begin: int, end: int) -> None:
    status, headers, body = ask(video, range=said)
    assert (status, body) == (206, DATA[begin:end])
    assert headers["content-range"] == f"bytes {begin}-{end - 1}/1024"
    assert headers["content-length"] == str(end - begin)


@pytest.mark.parametrize("said", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_ranges_that_nothing_is_in(video: Path, said: str) -> None:
    status, headers, body = ask(video, range=said)
    assert (status, body) == (416, b"")
    assert headers["content-range"] == "bytes */1024"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-3",
        "bytes=a-b",
        "items=0-1",
        "bytes=0-1,5-9",
        "bytes=²-",
        "bytes=" + "9" * 99,
    ],
)
def test_ranges_that_are_none_are_passed_over(video: Path, said: str) -> None:
    status, headers, body = ask(video, range=said)
    assert (status, body) == (200, DATA)
    assert "content-range" not in headers


def test_a_range_of_what_has_changed_is_the_whole(video: Path) -> None:
    _, headers, _ = ask(video)
    for right in (headers["etag"], headers["last-modified"]):
        assert ask(video, range="bytes=0-1", if_range=right)[0] == 206
    for wrong in ('"other"', f"W/{headers['etag']}", "Tue, 14 Nov 2023 22:13:21 GMT"):
        assert ask(video, range="bytes=0-1", if_range=wrong)[0] == 200
    os.utime(video, (1_700_000_001, 1_700_000_001))
    assert ask(video, range="bytes=0-1", if_range=headers["etag"])[0] == 200


def test_conditions(video: Path) -> None:
    _, headers, _ = ask(video)
    for said in (headers["etag"], f'"a", W/{headers["etag"]}', "*"):
        status, again, body = ask(video, if_none_match=said)
        assert (status, body) == (304, b"")
        assert again["etag"] == headers["etag"]
    assert ask(video, if_none_match='"a"')[0] == 200
    assert ask(video, if_modified_since=headers["last-modified"])[0] == 304
    assert ask(video, if_modified_since="Tue, 14 Nov 2023 22:13:19 GMT")[0] == 200
    assert ask(video, if_modified_since="yesterday")[0] == 200
    assert ask(video, if_none_match='"a"', if_modified_since=headers["last-modified"])[0] == 200


def test_head(video: Path) -> None:
    status, headers, body = ask(video, "HEAD")
    assert (status, body, headers["content-length"]) == (200, b"", "1024")
    assert ask(video, "HEAD", range="bytes=0-1")[0] == 200  # ranges are for GET alone


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert ask(path)[::2] == (200, b"")
    assert ask(path, range="bytes=0-")[0] == 416


def test_more_than_one_piece(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    path.write_bytes(os.urandom(2 * CHUNK + 17))
    assert ask(path)[2] == path.read_bytes()
    assert ask(path, range=f"bytes={CHUNK - 3}-{2 * CHUNK + 3}")[2] == path.read_bytes()[CHUNK - 3 : 2 * CHUNK + 4]


def test_a_file_that_becomes_shorter_breaks_off(video: Path) -> None:
    there = opened(video)
    answer = serve(request(), there)
    os.truncate(video, 10)
    with pytest.raises(OSError, match="became shorter"):
        sent(answer)
    assert there.file.closed


@pytest.mark.parametrize(
    "name", ["a.svg", "a.html", "a.xml", "a.htm", "a.xhtml", "a.js", "a.pdf", "a.txt", "a", "a.mp4.html", ".mp4"]
)
def test_only_known_media_are_shown(tmp_path: Path, name: str) -> None:
    assert kind(name) == ""
    path = tmp_path / name
    path.write_bytes(b"<svg onload=alert(1)>")
    _, headers, _ = ask(path)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment;")


def test_saved_if_asked_for(video: Path) -> None:
    _, headers, _ = sent(serve(request(), opened(video), download=True))
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["content-type"] == "video/mp4"


@pytest.mark.parametrize(
    ("name", "plain", "whole"),
    [
        ("alice.mp4", "alice.mp4", "alice.mp4"),
        ("周报.mp4", "__.mp4", "周报.mp4"),
        ('a"; x="b.mp4', "a_; x=_b.mp4", 'a"; x="b.mp4'),
        ("a\r\nSet-Cookie: x.mp4", "a_r_nSet-Cookie: x.mp4", "a\\r\\nSet-Cookie: x.mp4"),
        ("50%.mp4", "50_.mp4", "50%.mp4"),
        (os.fsdecode(b"caf\xe9.mp4"), "caf_udce9.mp4", "caf\\udce9.mp4"),
        ("a/b\\c.mp4", "a_b_c.mp4", "a_b\\c.mp4"),
        ("a\u202egpj.mp4", "a_u202egpj.mp4", "a\\u202egpj.mp4"),
    ],
)
def test_names(name: str, plain: str, whole: str) -> None:
    said = disposition(name)
    assert said.isascii()
    assert said.isprintable()
    head, _, tail = said.partition("; filename*=UTF-8''")
    assert head == f'attachment; filename="{plain}"'
    assert urllib.parse.unquote(tail) == whole
