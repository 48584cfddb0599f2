"""Uploads to the real process: killed in the middle, connections that stall, and memory that stays flat."""

from __future__ import annotations

import hashlib
import random
import socket
import time
from pathlib import Path

import pytest

from daemon.page import server, upload_stream
from tests.page.conftest import settings_at
from tests.page.test_server import serving
from tests.page.uploader import Browser, page

MIB = 1 << 20
WAV = b"RIFF\x2c\x00\x00\x00WAVE" + b"\0" * 40
FREE = b"\0\0\0\x08free"
"""A box of an MP4: bytes that are no page and no archive."""


def begun(browser: Browser, address: str, data: bytes, offset: int, send: int) -> socket.socket:
    """Begin to send a piece, and stall."""
    line = socket.create_connection(("127.0.0.1", browser.port), 60)
    headers = {
        **browser.headers,
        "Host": "localhost",
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(len(data)),
    }
    head = f"PATCH {address} HTTP/1.1\r\n" + "".join(f"{name}: {text}\r\n" for name, text in headers.items()) + "\r\n"
    line.sendall(head.encode() + data[:send])
    return line


def reached(browser: Browser, address: str, least: int) -> int:
    """Wait until so much is there."""
    end = time.monotonic() + 60
    while (offset := browser.offset(address)) < least:
        assert time.monotonic() < end, offset
        time.sleep(0.02)
    return offset


@pytest.mark.e2e
def test_an_upload_goes_on_after_the_page_was_killed(tmp_path: Path) -> None:
    data = FREE + random.Random(7).randbytes(6 * MIB)
    with page(tmp_path) as first:
        browser = Browser(first.port)
        tray = browser.begin()
        address = browser.announce(tray, "ann.mp4", len(data))
        line = begun(browser, address, data, 0, 4 * MIB)
        reached(browser, address, 3 * MIB)
        first.process.kill()
        first.process.wait(60)
        line.close()
    with page(tmp_path) as second:
        browser.port = second.port
        offset = browser.offset(address)
        assert 3 * MIB <= offset <= 4 * MIB
        assert browser.send(address, data[:MIB], 0) == 409
        assert browser.send(address, data[offset:], offset) == 204
        browser.upload(tray, "hello.wav", len(WAV), WAV)
        told = {"Content_Type": "application/x-www-form-urlencoded"}
        assert browser.ask("POST", f"/drop/{tray}", b"name=weekly", **told)[0] == 200
    home = tmp_path / "root" / "inbox" / "weekly"
    assert sorted(path.name for path in home.iterdir()) == ["ann.mp4", "hello.wav"]
    assert hashlib.sha256((home / "ann.mp4").read_bytes()).digest() == hashlib.sha256(data).digest()


@pytest.mark.e2e
def test_whoever_goes_on_takes_over_from_who_stalls(tmp_path: Path) -> None:
    data = FREE + random.Random(8).randbytes(3 * MIB)
    with page(tmp_path) as shown:
        browser = Browser(shown.port)
        tray = browser.begin()
        address = browser.announce(tray, "ann.mp4", len(data))
        stalled = begun(browser, address, data, 0, 2 * MIB)
        reached(browser, address, MIB)
        offset = browser.go_on(address, data, 1000)
        stalled.sendall(b"x" * MIB)  # the old one wakes up: nothing of it counts any more
        assert b" 409 " in stalled.recv(4096)
        stalled.close()
        assert browser.send(address, data[offset + 1000 :], offset + 1000) == 204
        part = tmp_path / "root" / ".incoming" / tray / "drop" / "ann.mp4"
        assert part.read_bytes() == data


@pytest.mark.e2e
def test_what_came_before_the_connection_was_lost_stays(tmp_path: Path) -> None:
    data = FREE + bytes(3000)
    with page(tmp_path) as shown:
        browser = Browser(shown.port)
        for pause in (0.5, 2, 8):  # what has reached the area counts; what only the server has is lost with the line
            address = browser.announce(browser.begin(), "ann.mp4", len(data))
            line = begun(browser, address, data, 0, 2000)
            time.sleep(pause)
            line.close()
            end = time.monotonic() + pause
            while browser.offset(address) < 2000 and time.monotonic() < end:
                time.sleep(0.05)
            if (offset := browser.offset(address)) == 2000:
                break
        assert offset == 2000


def test_who_sends_nothing_more_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "confine", lambda _settings, _log: None)
    monkeypatch.setattr(upload_stream, "PATIENCE", 0.3)
    with serving(settings_at(tmp_path, listen="127.0.0.1:0")) as running:
        browser = Browser(running.port)
        address = browser.announce(browser.begin(), "ann.mp4", 4000)
        line = begun(browser, address, FREE + bytes(3000), 0, 2000)
        assert b" 408 " in line.recv(4096)
        line.close()
        assert browser.offset(address) == 2000


def _flat(folder: Path, length: int) -> None:
    """Upload so much in both ways: memory is that of a small one."""
    with page(folder) as shown:
        browser = Browser(shown.port)
        tray = browser.begin()
        browser.upload(tray, "hello.wav", len(WAV), WAV)
        browser.upload(tray, "small.mp4", 2 * MIB, FREE)
        assert browser.form(2 * MIB, {"hello.wav": WAV}) == 303
        before = shown.memory()[1]
        browser.upload(tray, "ann.mp4", length, FREE)
        assert browser.form(length, {"hello.wav": WAV}) == 303
        assert shown.memory()[1] - before < 16 * MIB
    sizes = sorted(path.stat().st_size for path in (folder / "root" / "inbox").rglob("*.mp4"))
    assert sizes == [2 * MIB, length]


@pytest.mark.e2e
def test_memory_stays_flat(tmp_path: Path) -> None:
    _flat(tmp_path, 96 * MIB)


@pytest.mark.soak
def test_memory_stays_flat_with_a_gigabyte(tmp_path: Path) -> None:
    _flat(tmp_path, 1024 * MIB)
