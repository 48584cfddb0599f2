"""Downloads from servers that break off, forget, change their mind, lie and lead astray; and from disks."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from publishers import (
    Mismatch,
    PublisherError,
    PublishError,
    Refused,
    Unreachable,
    Unstorable,
    Wanted,
    address,
    download,
    http_download,
    http_source,
)
from publishers.http_source import Mark
from tests.nodes.server import Call, Reply, Server

DATA = os.urandom(900_001)
SHA = hashlib.sha256(DATA).hexdigest()


class Shop(Server):
    """Serves one file with ranges and an ETag; `wrong` may answer first, with the number of the call."""

    def __init__(self) -> None:
        super().__init__()
        self.data = DATA
        self.tag = '"one"'
        self.wrong: Callable[[int, Call], Reply | None] = lambda number, call: None

    def answer(self, call: Call) -> Reply:
        reply = self.wrong(len(self.calls), call)
        return reply or self.right(call)

    def right(self, call: Call) -> Reply:
        begin = int(call.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if call.headers.get("If-Range", self.tag) != self.tag:
            begin = 0
        if begin >= len(self.data):
            return Reply(416, headers={"Content-Range": f"bytes */{len(self.data)}"})
        whole = f"bytes {begin}-{len(self.data) - 1}/{len(self.data)}"
        tag = {"ETag": self.tag} if self.tag else {}
        return Reply(206 if begin else 200, self.data[begin:], tag | ({"Content-Range": whole} if begin else {}))

    def cut(self, call: Call, much: int = 400_000) -> Reply:
        """The right answer, broken off in the middle."""
        reply = self.right(call)
        assert isinstance(reply.body, bytes)
        return Reply(reply.status, reply.body[:much], reply.headers, length=len(reply.body))

    @property
    def asked(self) -> list[tuple[str | None, str | None]]:
        return [(call.headers.get("Range"), call.headers.get("If-Range")) for call in self.calls]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as server:
        yield server


class Told:
    """What a download told."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        self.notes: list[str] = []
        self.waits: list[float] = []


def get(folder: Path, *urls: str, size: int = len(DATA), sha256: str = SHA, told: Told | None = None) -> Path:
    told = told or Told()
    wanted = Wanted("w.pth", urls, size, sha256)
    step = lambda here, of: told.steps.append((here, of))  # noqa: E731
    fetched = download(wanted, folder, step, told.notes.append, pause=told.waits.append)
    assert fetched.sha256 == hashlib.sha256(fetched.path.read_bytes()).hexdigest()
    assert fetched.bytes == fetched.path.stat().st_size
    return fetched.path


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_checked_and_alone(shop: Shop, tmp_path: Path) -> None:
    told = Told()
    path = get(tmp_path / "deep" / "weights", f"{shop.url}/w.pth", told=told)
    assert path.read_bytes() == DATA
    assert left(path.parent) == ["w.pth"]
    assert told.steps[-1] == (len(DATA), len(DATA))
    assert told.notes == []
    sent = {name.lower(): value for name, value in shop.calls[0].headers.items()}
    assert sent["accept-encoding"] == "identity"
    assert not {"authorization", "cookie", "range"} & set(sent)


def test_a_broken_line_goes_on_where_it_broke(shop: Shop, tmp_path: Path) -> None:
    shop.wrong = lambda number, call: shop.cut(call) if number <= 2 else None
    told = Told()
    assert get(tmp_path, f"{shop.url}/w.pth", told=told).read_bytes() == DATA
    assert [one[0] for one in shop.asked] == [None, "bytes=400000-", "bytes=800000-"]
    assert {one[1] for one in shop.asked[1:]} == {'"one"'}
    assert len(told.waits) == 2


def test_the_next_command_goes_on_too(shop: Shop, tmp_path: Path) -> None:
    shop.wrong = lambda number, call: shop.cut(call) if number == 1 else Reply(reset=True)
    with pytest.raises(Unreachable):
        get(tmp_path, f"{shop.url}/w.pth")
    assert left(tmp_path) == ["w.pth.part", "w.pth.part.json"]
    assert (tmp_path / "w.pth.part").stat().st_size == 400_000
    shop.calls.clear()
    shop.wrong = lambda number, call: None
    assert get(tmp_path, f"{shop.url}/w.pth").read_bytes() == DATA
    assert shop.asked == [("bytes=400000-", '"one"')]
    assert left(tmp_path) == ["w.pth"]


def test_ctrl_c_keeps_what_is_here(shop: Shop, tmp_path: Path) -> None:
    def stop(here: int, of: int) -> None:
        if here > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(Wanted("w.pth", (f"{shop.url}/w.pth",), len(DATA), SHA), tmp_path, stop, print)
    assert (tmp_path / "w.pth.part").stat().st_size > 500_000
    assert get(tmp_path, f"{shop.url}/w.pth").read_bytes() == DATA
    assert shop.asked[-1][0] is not None


def test_a_server_that_knows_no_ranges(shop: Shop, tmp_path: Path) -> None:
    whole = Reply(200, DATA)
    shop.wrong = lambda number, call: shop.cut(call) if number == 1 else whole
    assert get(tmp_path, f"{shop.url}/w.pth").read_bytes() == DATA


@pytest.mark.parametrize("sha256", [SHA, ""], ids=["known", "unknown"])
@pytest.mark.parametrize("listens", [True, False], ids=["If-Range", "deaf to If-Range"])
def test_a_file_that_changes_between_two_tries(shop: Shop, tmp_path: Path, listens: bool, sha256: str) -> None:
    old = os.urandom(len(DATA))

    def changing(number: int, call: Call) -> Reply | None:
        if number == 1:
            shop.data, shop.tag = old, '"old"'
            reply = shop.cut(call)
            shop.data, shop.tag = DATA, '"new"'
            return reply
        if not listens:
            call = Call(call.method, call.target, {k: v for k, v in call.headers.items() if k != "If-Range"}, b"")
        return shop.right(call)

    shop.wrong = changing
    assert get(tmp_path, f"{shop.url}/w.pth", sha256=sha256).read_bytes() == DATA


def test_without_anything_that_tells_versions_apart_it_starts_anew(shop: Shop, tmp_path: Path) -> None:
    shop.tag = ""
    shop.wrong = lambda number, call: shop.cut(call) if number == 1 else None
    assert get(tmp_path, f"{shop.url}/w.pth", size=0, sha256="").read_bytes() == DATA
    assert shop.asked == [(None, None), (None, None)]


def test_what_nobody_can_check_is_taken_up_by_the_same_command_alone(shop: Shop, tmp_path: Path) -> None:
    shop.wrong = lambda number, call: shop.cut(call) if number == 1 else Reply(404) if number == 2 else None
    with pytest.raises(Refused):
        get(tmp_path, f"{shop.url}/w.pth", sha256="")
    assert get(tmp_path, f"{shop.url}/w.pth", sha256="").read_bytes() == DATA
    assert [one[0] for one in shop.asked] == [None, "bytes=400000-", None]


def test_a_stale_part_of_something_else_is_thrown_away(shop: Shop, tmp_path: Path) -> None:
    for stale in (b"x" * 1000, b"x" * len(DATA), b"x" * (len(DATA) + 1)):
        (tmp_path / "w.pth.part").write_bytes(stale)
        assert get(tmp_path, f"{shop.url}/w.pth").read_bytes() == DATA


def test_a_whole_part_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "w.pth.part").write_bytes(DATA)
    assert get(tmp_path, "http://127.0.0.1:9/w.pth").read_bytes() == DATA


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, DATA + b"more"),
        Reply(200, [DATA, b"more"]),
        Reply(200, DATA[:-1]),
        Reply(200, bytes(len(DATA))),
        Reply(200, DATA, {"Content-Encoding": "gzip"}),
        Reply(200, b"<html>please log in</html>", {"Content-Type": "text/html; charset=utf-8"}),
        Reply(206, DATA[5:], {"Content-Range": f"bytes 5-{len(DATA) - 1}/{len(DATA)}"}),
        Reply(206, DATA, {"Content-Range": "bytes nonsense"}),
        Reply(416),
    ],
    ids=["more", "more in chunks", "less", "other", "packed", "a page", "another range", "nonsense", "416"],
)
def test_what_is_not_the_file_leaves_nothing_usable(shop: Shop, tmp_path: Path, reply: Reply) -> None:
    body = reply.body if isinstance(reply.body, bytes) else list(reply.body)
    shop.wrong = lambda number, call: Reply(reply.status, body, reply.headers)
    with pytest.raises(Mismatch):
        get(tmp_path, f"{shop.url}/w.pth")
    assert left(tmp_path) == []


def test_chunks_that_end_too_early_are_a_broken_line(shop: Shop, tmp_path: Path) -> None:
    shop.wrong = lambda number, call: Reply(200, [DATA[:200_000]], {"ETag": '"one"'}) if number == 1 else None
    assert get(tmp_path, f"{shop.url}/w.pth").read_bytes() == DATA
    assert shop.asked[1] == ("bytes=200000-", '"one"')


def test_a_prefix_of_the_hash_is_enough_to_refuse(shop: Shop, tmp_path: Path) -> None:
    assert get(tmp_path, f"{shop.url}/w.pth", size=0, sha256=SHA[:10]).read_bytes() == DATA
    with pytest.raises(Mismatch, match="thrown away"):
        get(tmp_path, f"{shop.url}/w.pth", sha256="0123456789")


@pytest.mark.parametrize(("status", "kind"), [(404, Refused), (403, Refused), (401, Refused), (503, Unreachable)])
def test_refusals(shop: Shop, tmp_path: Path, status: int, kind: type[PublishError]) -> None:
    shop.wrong = lambda number, call: Reply(status, b"no")
    with pytest.raises(kind, match=str(status)):
        get(tmp_path, f"{shop.url}/w.pth")
    assert left(tmp_path) == []


def test_offline_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"w\.pth could not be fetched: nothing answers at 127\.0\.0\.1:9"):
        get(tmp_path, "http://127.0.0.1:9/w.pth")


def test_mirrors_in_their_order(shop: Shop, tmp_path: Path) -> None:
    told = Told()
    shop.wrong = lambda number, call: Reply(404) if call.path == "/a" else None
    get(tmp_path, f"{shop.url}/a", f"{shop.url}/b", f"{shop.url}/c", told=told)
    assert [call.path for call in shop.calls] == ["/a", "/b"]
    assert "404" in told.notes[0]


def test_another_mirror_goes_on_with_what_is_here(shop: Shop, tmp_path: Path) -> None:
    once = iter([True])
    shop.wrong = lambda number, call: None if call.path == "/b" else shop.cut(call) if next(once, False) else Reply(404)
    assert get(tmp_path, f"{shop.url}/a", f"{shop.url}/b").read_bytes() == DATA
    assert shop.asked[-1] == ("bytes=400000-", None)


def test_redirects_are_followed_but_not_for_ever(shop: Shop, tmp_path: Path) -> None:
    shop.wrong = lambda number, call: Reply(302, headers={"Location": "/real"}) if call.path == "/w.pth" else None
    assert get(tmp_path, f"{shop.url}/w.pth").read_bytes() == DATA
    shop.wrong = lambda number, call: Reply(302, headers={"Location": f"/{number}"})
    with pytest.raises(Refused, match="from one address to the next"):
        get(tmp_path, f"{shop.url}/w.pth")
    for bad in ("file:///etc/passwd", "ftp://x/y", "http://me:pw@127.0.0.1/x", "http://[::1", ""):
        shop.wrong = lambda number, call, bad=bad: Reply(302, headers={"Location": bad})  # type: ignore[misc]
        with pytest.raises((Refused, Unreachable)):
            get(tmp_path / "other", f"{shop.url}/w.pth")


@pytest.mark.parametrize("bad", ["http://xn--/", "http://a..b/", "http://.../x", f"http://{'a' * 64}.example/"])
def test_led_to_what_no_host_can_be_called(shop: Shop, tmp_path: Path, bad: str) -> None:
    shop.wrong = lambda number, call: Reply(302, headers={"Location": bad})
    with pytest.raises(Unreachable, match="talks nonsense"):
        get(tmp_path, f"{shop.url}/w.pth")


def test_a_damaged_note_is_none(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "w.pth.part").write_bytes(DATA[:10])
    (tmp_path / "w.pth.part.json").write_text("[" * 100_000)
    assert get(tmp_path, f"{shop.url}/w.pth").read_bytes() == DATA


def test_nobody_leads_from_https_to_http() -> None:
    assert http_source._led("http://a/x", "https://b/y") == "https://b/y"
    assert http_source._led("https://a/x", "https://b/y") == "https://b/y"
    with pytest.raises(Refused, match="from https to http"):
        http_source._led("https://a/x", "http://b/y")


@pytest.mark.parametrize(
    "bad", ["ftp://x/y", "http://", "file://elsewhere/x", "https://me:secret@host/x", "x", "http://[::1"]
)
def test_addresses_that_are_none(bad: str, tmp_path: Path) -> None:
    with pytest.raises(PublisherError) as caught:
        get(tmp_path, bad)
    assert "secret" not in str(caught.value)


def test_mirrors_may_be_folders(tmp_path: Path) -> None:
    assert address("/mnt/my models", "w é.pth") == "file:///mnt/my%20models/w%20%C3%A9.pth"
    assert address("https://house.example/weights/", "a b") == "https://house.example/weights/a%20b"
    (tmp_path / "my models").mkdir()
    (tmp_path / "my models" / "w.pth").write_bytes(DATA)
    part = tmp_path / "out" / "w.pth.part"
    part.parent.mkdir()
    part.write_bytes(DATA[:1000])
    assert get(part.parent, address(str(tmp_path / "my models"), "w.pth")).read_bytes() == DATA
    with pytest.raises(Refused, match="No such file"):
        get(tmp_path / "other", address(str(tmp_path / "nowhere"), "w.pth"))


def test_a_pipe_or_folder_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", ""):
        with pytest.raises(Refused, match="is no file"):
            get(tmp_path / "out", address(str(tmp_path), name))


def test_two_at_once(shop: Shop, tmp_path: Path) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(number: int, call: Call) -> Reply:
        def pieces() -> Iterator[bytes]:
            yield DATA[:300_000]
            begun.set()
            go.wait(20)
            yield DATA[300_000:]

        return Reply(200, pieces(), {"ETag": '"one"'})

    shop.wrong = slow
    first = threading.Thread(target=get, args=(tmp_path, f"{shop.url}/w.pth"))
    first.start()
    try:
        assert begun.wait(20)
        with pytest.raises(Unstorable, match="by another command"):
            get(tmp_path, f"{shop.url}/w.pth")
    finally:
        go.set()
        first.join()
    assert left(tmp_path) == ["w.pth"]


def test_a_full_disk_keeps_what_is_here(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, count = os.write, iter(range(100))

    def full(handle: int, data: memoryview) -> int:
        if next(count) >= 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data)

    monkeypatch.setattr(http_download.os, "write", full)
    with pytest.raises(Unstorable, match="is full"):
        get(tmp_path, f"{shop.url}/w.pth")
    monkeypatch.undo()
    here = (tmp_path / "w.pth.part").stat().st_size
    assert 0 < here < len(DATA)
    assert get(tmp_path, f"{shop.url}/w.pth").read_bytes() == DATA
    assert shop.asked[-1][0] == f"bytes={here}-"


def test_no_room_is_told_before_anything_is_fetched(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(Unstorable, match=r"the disk lacks .* stay free"):
        download(
            Wanted("w.pth", (f"{shop.url}/w.pth",), len(DATA), SHA), tmp_path, lambda *_: None, print, spare=1 << 60
        )
    assert left(tmp_path) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unstorable):
        get(tmp_path / "file", "http://127.0.0.1:9/w.pth")
    (tmp_path / "w.pth.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unstorable):
        get(tmp_path, "http://127.0.0.1:9/w.pth")
    assert not (tmp_path / "elsewhere").exists()


def test_a_drip_is_as_good_as_a_broken_line(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_source, "WINDOW", 0.05)
    monkeypatch.setattr(http_source, "LEAST", 10**9)

    def drip(number: int, call: Call) -> Reply:
        def pieces() -> Iterator[bytes]:
            for index in range(100):
                shop.closing.wait(0.03)
                yield DATA[index : index + 1]

        return Reply(200, pieces())

    shop.wrong = drip
    with pytest.raises(Unreachable, match="too slow"):
        get(tmp_path, f"{shop.url}/w.pth")


def test_marks_of_two_versions() -> None:
    one = Mark("u", '"a"', "", 5)
    assert not http_source._differ(one, Mark("u", "", "", 0))
    assert http_source._differ(one, Mark("u", '"b"', "", 5))
    assert http_source._differ(one, Mark("u", '"a"', "", 6))
