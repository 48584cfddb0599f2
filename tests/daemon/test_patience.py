"""What a render process may take, and when it is started afresh."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from daemon import memory
from daemon.child import RenderCrash
from daemon.log import open_log
from daemon.message import Request
from daemon.worker import Patience, RenderError, Worker
from lipsync import Options
from tests.daemon.bench import FAKE, looked

BALLAST = "ballast = bytearray(b'x') * 60_000_000; print('ready', flush=True); input()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {BALLAST!r}])"


def worker_of(place: Path, patience: Patience) -> Worker:
    command = (sys.executable, "-S", "-E", str(FAKE), str(place / "diary"))
    return Worker(open_log(io.StringIO()), command=command, patience=patience)


def render(worker: Worker, place: Path, face: str) -> None:
    (place / "ann.png").write_text(face)
    (place / "voice.wav").write_text("words")
    asked = Request(place / "ann.png", place / "voice.wav", "left", place / "1.mp4", place / "1.jpg", Options())
    looked(worker.render(asked, open_log(io.StringIO())))


def pids(place: Path) -> list[int]:
    diary = place / "diary"
    lines = diary.read_text().splitlines() if diary.exists() else []
    return [json.loads(line)["pid"] for line in lines if '"begun"' in line]


def test_memory_is_that_of_a_process_and_its_children() -> None:
    with subprocess.Popen(
        [sys.executable, "-S", "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert 60_000_000 < memory.held(process.pid) < 120_000_000
        process.communicate("\n")
    assert memory.held(process.pid) == 0


def test_what_ran_out_of_something_is_started_afresh(tmp_path: Path) -> None:
    worker = worker_of(tmp_path, Patience())
    try:
        with pytest.raises(RenderError, match="the GPU is busy"):
            render(worker, tmp_path, "tired")
        with pytest.raises(RenderError, match="the disk is full"):
            render(worker, tmp_path, "full")
        render(worker, tmp_path, "ok")
    finally:
        worker.close()
    tired, full, made = pids(tmp_path)
    assert tired != full, "what it has used up is gone with it"
    assert full == made, "a full disk is no fault of the process"


def test_one_that_has_grown_is_started_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "held", lambda _pid: 180_000_000 if len(pids(tmp_path)) > 1 else 100_000_000)
    monkeypatch.setattr("daemon.child._WEIGHED_EVERY", 0.0)
    worker = worker_of(tmp_path, Patience(memory=150_000_000))
    try:
        for _ in range(3):
            render(worker, tmp_path, "slow 0.15")
    finally:
        worker.close()
    first, second, third = pids(tmp_path)
    assert first == second != third, "the second take left too much behind"


@pytest.mark.parametrize(
    ("patience", "reason"),
    [
        (Patience(take=0.5), "was not finished after 0.5 s"),
        (Patience(silence=0.5), "gave no sign of life for 0.5 s"),
    ],
)
def test_patience_ends(tmp_path: Path, patience: Patience, reason: str) -> None:
    worker = worker_of(tmp_path, patience)
    try:
        with pytest.raises(RenderCrash, match=reason):
            render(worker, tmp_path, "hang")
    finally:
        worker.close()


def test_silence_is_counted_from_the_last_sign_of_life(tmp_path: Path) -> None:
    worker = worker_of(tmp_path, Patience(silence=2.5))
    try:
        render(worker, tmp_path, "slow 4")
    finally:
        worker.close()


def test_too_much_memory_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holds = count(100_000_000, 50_000_000)
    monkeypatch.setattr(memory, "held", lambda _pid: next(holds))
    monkeypatch.setattr("daemon.child._WEIGHED_EVERY", 0.0)
    worker = worker_of(tmp_path, Patience(memory=250_000_000))
    try:
        with pytest.raises(RenderCrash, match=r"took more than 0\.[23] GB of memory"):
            render(worker, tmp_path, "slow 20")
    finally:
        worker.close()
