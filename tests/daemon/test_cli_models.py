"""Weights that people bring, as the command line fetches, imports and lists them."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.__main__ import main
from tests.nodes.server import Call, Reply, Server

DATA = os.urandom(300_000)
SHA = hashlib.sha256(DATA).hexdigest()


class House(Server):
    """A mirror of one house; slow where a test wants to come in between."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = False

    def answer(self, call: Call) -> Reply:
        if call.path != "/w/house.pth":
            return Reply(404)
        begin = int(call.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        headers = {"ETag": '"v"'} | ({"Content-Range": f"bytes {begin}-{len(DATA) - 1}/{len(DATA)}"} if begin else {})
        if not self.slow:
            return Reply(206 if begin else 200, DATA[begin:], headers)
        return Reply(200, self._pieces(), headers, length=len(DATA))

    def _pieces(self) -> Iterator[bytes]:
        yield DATA[:200_000]
        self.closing.wait(30)


@pytest.fixture
def house() -> Iterator[House]:
    with House() as server:
        yield server


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights, with the catalogue of a house in it."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("LIPSYNCD_PATHS__WEIGHTS", str(folder))
    monkeypatch.setenv("LIPSYNCD_PATHS__ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("LIPSYNCD_LIMITS__FREE_BYTES", "0")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    write(folder)
    return folder


def write(folder: Path, **entry: Any) -> None:
    house = {"name": "house", "file": "house.pth", "serves": "wav2lip", "use": "inside the house", "licence": "ours"}
    entries = [house | {"bytes": len(DATA), "sha256": SHA} | entry]
    (folder / "catalogue.json").write_text(json.dumps({"weights": entries}), encoding="utf-8")


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert main([*words, "--json"]) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_fetch_list_and_fetch_again(
    house: House, weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNCD_MODELS__MIRRORS", f"{house.url}/nothing,{house.url}/w")
    assert main(["models", "fetch", "house", "--accept"]) == 0
    told = capsys.readouterr()
    assert all(word in told.err for word in ("ours", "inside the house", "127.0.0.1", SHA, "404"))
    assert told.out == "house: fetched, house.pth (300.0 kB)\n"
    assert (weights / "house.pth").read_bytes() == DATA
    paper = json.loads((weights / "house.pth.paper.json").read_text())
    assert (paper["sha256"], paper["licence"], paper["source"]) == (SHA, "ours", f"{house.url}/w/house.pth")
    (one,) = said(capsys, "models", "list")["brought"]
    assert (one["name"], one["state"], one["serves"], one["sha256"]) == ("house", "usable", "wav2lip", SHA)
    house.calls.clear()
    assert said(capsys, "models", "fetch", "house")["fetched"][0]["state"] == "already here"
    assert house.calls == []


def test_without_consent_nothing_is_asked_for(
    house: House, weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNCD_MODELS__MIRRORS", f"{house.url}/w")
    assert main(["models", "fetch", "house"]) == 2
    told = capsys.readouterr()
    assert "--accept" in told.err
    assert "inside the house" in told.err
    assert told.out == ""
    assert house.calls == []


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 1)])
def test_a_person_is_asked_once(house: House, weights: Path, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"LIPSYNCD_MODELS__MIRRORS": f"{house.url}/w"}
    command = [sys.executable, "-m", "daemon", "models", "fetch", "house"]
    running = subprocess.Popen(command, env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    with running, os.fdopen(ours, "r+b", buffering=0) as terminal:
        seen = b""
        while b"[y/N]" not in seen:
            seen += terminal.read(1000)
        terminal.write(answer.encode())
        out = running.communicate(timeout=120)[0]
    assert running.returncode == code
    assert (b"fetched" in out, (weights / "house.pth").exists(), bool(house.calls)) == (code == 0,) * 3


def test_ctrl_c_says_that_it_goes_on(house: House, weights: Path, tmp_path: Path) -> None:
    house.slow = True
    environment = os.environ | {"LIPSYNCD_MODELS__MIRRORS": f"{house.url}/w"}
    command = [sys.executable, "-m", "daemon", "models", "fetch", "house", "--accept"]
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        running = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, heard)
    part = weights / "house.pth.part"
    with running:
        end = time.monotonic() + 120
        while not (part.exists() and part.stat().st_size == 200_000):
            assert time.monotonic() < end
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        told = running.communicate(timeout=120)[1]
    assert running.returncode == 130
    assert "house.pth is here to 67%; `lipsyncd models fetch house` goes on from there" in told
    house.slow = False
    again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 0
    assert house.calls[-1].headers["Range"] == "bytes=200000-"


def test_a_broken_fetch_is_listed(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (weights / "house.pth.part").write_bytes(DATA[:1000])
    (weights / "house.pth.part.json").write_text("{}")
    (one,) = said(capsys, "models", "list")["brought"]
    assert (one["name"], one["state"], one["bytes"]) == ("house", "partial", 1000)


def test_what_does_not_match_is_thrown_away(
    house: House, weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNCD_MODELS__MIRRORS", f"{house.url}/w")
    write(weights, sha256="ab" * 32)
    assert "thrown away" in said(capsys, "models", "fetch", "house", "--accept", code=1)["error"]["message"]
    assert sorted(path.name for path in weights.iterdir()) == ["catalogue.json"]


def test_a_house_without_a_way_out_asks_its_folder_alone(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNCD_MODELS__PUBLISHERS", "false")
    lacking = said(capsys, "models", "fetch", "wav2lip", "--accept", code=3)["error"]
    assert "no mirror" in lacking["message"]
    assert "import" in lacking["hint"]
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "house.pth").write_bytes(DATA)
    monkeypatch.setenv("LIPSYNCD_MODELS__MIRRORS", str(tmp_path / "mirror"))
    assert said(capsys, "models", "fetch", "house", "--accept")["fetched"][0]["source"].startswith("file:///")


def test_import_only(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = said(capsys, "models", "fetch", "house", "--accept", code=3)["error"]
    assert "nowhere" in error["message"]
    assert "import" in error["hint"]


def test_names_that_are_unknown(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean wav2lip?" in said(capsys, "models", "fetch", "wav2lpi", code=2)["error"]["hint"]
    assert "came with the package" in said(capsys, "models", "fetch", "face", code=3)["error"]["message"]
    assert {"wav2lip", "house"} <= {one["name"] for one in said(capsys, "models", "fetch")["offers"]}


def test_import_is_recognised_whatever_it_is_called(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "download (3).bin").write_bytes(DATA)
    imported = said(capsys, "models", "import", str(tmp_path / "download (3).bin"))["imported"]
    assert (imported["name"], imported["file"], imported["licence"], imported["known"]) == (
        "house",
        "house.pth",
        "ours",
        True,
    )
    assert (weights / "house.pth").read_bytes() == DATA
    assert (weights / "house.pth").stat().st_ino != (tmp_path / "download (3).bin").stat().st_ino
    paper = json.loads((weights / "house.pth.paper.json").read_text())
    assert paper["source"] == "file download (3).bin"


def test_damage_is_seen_at_once_or_with_verify(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = weights / "house.pth"
    path.write_bytes(DATA)
    assert said(capsys, "models", "list")["brought"][0]["state"] == "usable"
    facts = path.stat()
    with path.open("r+b") as stream:  # as a failing disk does it: the bytes change, nothing else
        stream.write(b"rotten")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert said(capsys, "models", "list")["brought"][0]["state"] == "usable"
    assert said(capsys, "models", "list", "--verify")["brought"][0]["state"] == "damaged"
    os.utime(path)
    assert said(capsys, "models", "list")["brought"][0]["state"] == "damaged"


def test_the_list_is_for_people_too(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (weights / "house.pth").write_bytes(DATA)
    (weights / "stranger \x1b[31m.pth").write_bytes(b"x")
    (weights / "stranger.pth").write_bytes(b"x")
    assert main(["models", "list"]) == 0
    told = capsys.readouterr().out
    assert "stranger.pth: nobody knows what it is" in told
    assert "engine wav2lip: usable now (house)" in told
    assert "\x1b" not in told


def test_the_doctor_looks_at_what_the_settings_name(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from daemon import brought
    from daemon.config import Settings

    assert list(brought.checks(Settings())) == []
    monkeypatch.setenv("LIPSYNCD_RENDER__ENGINE", "wav2lip")
    (check,) = brought.checks(Settings())
    assert (check.state, check.advice) == ("fail", "`lipsyncd models fetch wav2lip`.")
    (weights / "house.pth").write_bytes(DATA)
    (check,) = brought.checks(Settings())
    assert (check.name, check.state, check.found) == ("weights for wav2lip", "ok", "house")
    assert not (weights / "house.pth.paper.json").exists(), "the doctor changes nothing"
    monkeypatch.setenv("LIPSYNCD_RENDER__WAV2LIP__CHECKPOINT", "other")
    (check,) = brought.checks(Settings())
    assert check.state == "fail"
    assert "house" in check.found
    monkeypatch.delenv("LIPSYNCD_RENDER__WAV2LIP__CHECKPOINT")
    (weights / "house.pth").write_bytes(DATA[::-1])
    (check,) = brought.checks(Settings())
    assert (check.state, check.found) == ("fail", "house.pth is damaged")
    (weights / "house.pth").rename(weights / "mine.pth")
    (check,) = brought.checks(Settings())
    assert (check.state, check.found) == ("warn", "mine.pth, which nobody vouches for")
    (weights / "catalogue.json").write_text("{")
    (check,) = brought.checks(Settings())
    assert check.state == "fail"
    assert "catalogue.json" in check.found


def test_no_room(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNCD_LIMITS__FREE_BYTES", str(1 << 60))
    (tmp_path / "house.pth").write_bytes(DATA)
    assert "the disk lacks" in said(capsys, "models", "import", str(tmp_path / "house.pth"), code=3)["error"]["message"]
    monkeypatch.setenv("LIPSYNCD_MODELS__MIRRORS", str(tmp_path))
    assert "the disk lacks" in said(capsys, "models", "fetch", "house", "--accept", code=1)["error"]["message"]
    assert sorted(path.name for path in weights.iterdir()) == ["catalogue.json"]


def test_somebodys_own_file_is_never_replaced(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (weights / "wav2lip.pth").write_bytes(b"months of work")
    error = said(capsys, "models", "fetch", "wav2lip", "--accept", code=1)["error"]
    assert "of your own" in error["message"]
    assert (weights / "wav2lip.pth").read_bytes() == b"months of work"


def test_two_fetches_at_once(
    weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNCD_MODELS__MIRRORS", "/nowhere")
    with (weights / "house.pth.part").open("wb") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        message = said(capsys, "models", "fetch", "house", "--accept", code=1)["error"]["message"]
    assert "being fetched by another command" in message
    assert (weights / "house.pth.part").exists(), "it belongs to the other one"
