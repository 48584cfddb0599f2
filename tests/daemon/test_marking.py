"""MARK: each video and poster is signed once and no more, wherever a crash comes; and what cannot be signed is kept."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
import structlog

import publishers
from daemon import owner
from daemon.__main__ import main
from daemon.errors import JournalError
from daemon.job import Job, JobTake, Made, State, TakeState
from daemon.journal import Journal, dumps, read
from daemon.marking import Marking, Pen
from daemon.work import Work
from lipsync import marks_of
from publishers import Beat, Claim, Credentials, Receipt, Signer, SigningOrder, Standing, credentials_of, verify
from tests.daemon.bench import Bench

MADE = Made(1.0, 0.99, 64, 64, "25", 25, 25, "fake", "1")
FILES = ("ann.jpg", "ann.mp4", "卡.jpg", "卡.mp4")
SIGN = {"credentials": {"sign": True}}


def sign(orders: Sequence[SigningOrder], _signer: Signer, beat: Beat) -> tuple[Credentials, ...]:
    """Sign as the real one does, only faster: beside, then renamed; no two signatures are equal."""
    for order in orders:
        beat(0.0)
        beside = order.target.with_name(f".{order.target.name}.part")
        beside.write_bytes(b"signed %d " % time.monotonic_ns() + order.source.read_bytes())
        beside.replace(order.target)
    return tuple(Credentials("valid", "tester", False) for _ in orders)


def job(**changes: object) -> Job:
    takes = tuple(
        JobTake(name, f"{name}.png", "voice.wav", state=TakeState.RENDERED, stash=str(number), made=MADE)
        for number, name in enumerate(("ann", "卡"), 1)
    )
    return replace(Job("abc12345", "talk", "2026-11-21T00:00:00.000+00:00", "fake", takes, State.RENDERED), **changes)


def home(place: Path, whole: Job) -> Path:
    """A job in working/ whose videos have just got their names."""
    folder = place / "working" / "talk"
    (folder / ".lipsyncd").mkdir(parents=True)
    (folder / "inputs").mkdir()
    for name in FILES:
        (folder / name).write_bytes(name.encode())
    (folder / "job.json").write_text(dumps(whole), encoding="utf-8")
    return folder


def mark(folder: Path, sign_now: object = sign, switched_on: bool = True) -> Work:
    """Do the step as the daemon does it after a start."""
    journal = Journal(folder.parents[1])
    journal.prepare()
    hold = owner.Owners(owner.here()).take(folder)
    assert hold is not None
    work = Work(journal.load(folder), folder, hold, journal, structlog.get_logger())
    try:
        Marking(Pen(Signer(folder.parents[1] / "state"), "1", switched_on), sign_now).mark(work, lambda _progress: None)
    finally:
        hold.release()
    return work


def kill_at(number: int) -> None:
    """Kill this process at its ``number``-th line of the step."""
    lines = 0

    def trace(frame: FrameType, event: str, _argument: object) -> object:
        nonlocal lines
        module = Path(frame.f_code.co_filename).name
        if module not in ("marking.py", "durable.py", "journal.py", "test_marking.py"):
            return None
        if event == "line":
            lines += 1
            if lines == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def lived(folder: Path, number: int) -> bool:
    """Take the step in a process that is killed at a line of it; say whether it came to its end before."""
    pid = os.fork()
    if not pid:
        try:
            os.fsync = lambda _handle: None
            structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
            kill_at(number)
            mark(folder)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_killed_at_every_line_each_file_is_signed_once(tmp_path: Path) -> None:
    number = 0
    seen: set[tuple[bool, int]] = set()
    while True:
        number += 1
        folder = home(tmp_path / str(number), job())
        if lived(folder, number):
            break
        told = all(take.credentials for take in read(folder / "job.json").takes)
        early = {name: (folder / name).read_bytes() for name in FILES}
        seen.add((told, sum(data.startswith(b"signed") for data in early.values())))
        mark(folder)
        for name in FILES:
            data = (folder / name).read_bytes()
            assert data.count(b"signed") == 1, (number, name)
            assert data.endswith(name.encode())
            assert data == early[name] or not early[name].startswith(b"signed"), "what is in place stays as it is"
        assert all(take.credentials for take in read(folder / "job.json").takes)
        assert not list((folder / ".lipsyncd").glob("*.signed.*"))
    assert number > 60
    assert {(False, 0), (True, 0), (True, 1), (True, 2), (True, 3), (True, 4)} <= seen, "a kill at every stage"


def test_done_once_it_is_not_done_again(tmp_path: Path) -> None:
    folder = home(tmp_path, job())
    mark(folder)
    before = {name: (folder / name).read_bytes() for name in FILES}
    mark(folder, sign_now=None)  # would fail if it were called
    assert {name: (folder / name).read_bytes() for name in FILES} == before


def test_switched_off_nothing_is_signed(tmp_path: Path) -> None:
    folder = home(tmp_path, job())
    work = mark(folder, sign_now=None, switched_on=False)
    assert not any(take.credentials for take in work.job.takes)
    assert (folder / "ann.mp4").read_bytes() == b"ann.mp4"


def test_what_is_published_keeps_its_bytes(tmp_path: Path) -> None:
    """Published unsigned, by an older lipsyncd or with signing switched off, and used again by the next try."""
    whole = job(receipts=(Receipt("folder", "ann.mp4", "0" * 64, "folder:ann.mp4", "", "read back"),))
    old = replace(whole.takes[0], stash="previous/ann")
    folder = home(tmp_path, whole.with_take(old))
    mark(folder)
    assert (folder / "ann.mp4").read_bytes() == b"ann.mp4"
    assert (folder / "卡.mp4").read_bytes().startswith(b"signed")
    anew = home(tmp_path / "anew", whole)  # made anew, it has other bytes anyway
    mark(anew)
    assert (anew / "ann.mp4").read_bytes().startswith(b"signed")


# --- the whole daemon, and real signatures ---


def test_a_job_ends_with_signed_files(bench: Bench) -> None:
    bench.drop("周报", {"voice.wav": "words", "ann.png": "real", "鲍.mp4": "real too", "job.toml": 'title = "周报 1"'})
    assert bench.once(**SIGN) == 0
    done = bench.root / "done" / "周报"
    found = {one.file: one for one in credentials_of([done / n for n in ("ann.mp4", "ann.jpg", "鲍.mp4", "鲍.jpg")])}
    assert {one.state for one in found.values()} == {Standing.VALID}
    assert {one.title for one in found.values()} == {"周报 1"}
    assert found["ann.mp4"].actions == found["ann.jpg"].actions == ("c2pa.created",)
    assert found["鲍.mp4"].actions == ("c2pa.opened", "c2pa.edited")
    assert not verify(done)
    manifest = json.loads((done / "manifest.json").read_text(encoding="utf-8"))
    (told,) = {json.dumps(video["credentials"], sort_keys=True) for video in manifest["videos"]}
    assert json.loads(told)["certificate"] == bench.job("done/周报").takes[0].credentials.certificate
    assert "PRIVATE" not in (bench.place / "log").read_text(encoding="utf-8")


def test_labels_survive_and_are_signed_too(tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNCD_LABEL__PRODUCER", "李")
    words = ["render", str(sample / "hello.flac"), str(sample / "astronaut.jpg"), "-o", str(tmp_path / "out")]
    assert main([*words, "--engine", "null", "--device", "cpu"]) == 0
    files = [tmp_path / "out" / "astronaut.mp4", tmp_path / "out" / "astronaut.jpg"]
    orders = [SigningOrder(path, tmp_path / path.name, Claim("1", "photo")) for path in files]
    publishers.sign(orders, Signer(tmp_path / "state"))
    for path, order in zip(files, orders, strict=True):
        assert marks_of(order.target) == marks_of(path)
        assert marks_of(order.target).labelled
        data = order.target.read_bytes()
        at = data.index(b"AIGC")
        order.target.write_bytes(data[:at] + b"a" + data[at + 1 :])
    assert {one.state for one in credentials_of([order.target for order in orders])} == {Standing.TAMPERED}


def test_a_title_nobody_asked_for_is_not_public(bench: Bench) -> None:
    bench.drop("secret plans", {"voice.wav": "words", "ann.png": "real"})
    assert bench.once(**SIGN) == 0
    data = (bench.root / "done" / "secret plans" / "ann.mp4").read_bytes()
    assert credentials_of([bench.root / "done" / "secret plans" / "ann.mp4"])[0].title == ""
    assert b"secret" not in data
    assert b"ann.png" not in data


def test_what_is_signed_stays_signed_in_the_next_try(bench: Bench) -> None:
    bench.drop("talk", {"voice.wav": "words", "ann.png": "real", "bob.png": "real too"})
    home, failed = bench.root / "working" / "talk", bench.root / "failed" / "talk"
    with bench.watching(publish={"review": True}, **SIGN):
        bench.wait(lambda: _state(home) == "REVIEW")
        before = (home / "ann.mp4").read_bytes()
        (home / "CANCEL").touch()
        bench.wait(lambda: (failed / "WHY.txt").exists() and not home.exists())
    failed.rename(bench.root / "inbox" / "talk")
    assert bench.once(**SIGN) == 0
    assert (bench.root / "done" / "talk" / "ann.mp4").read_bytes() == before
    assert credentials_of([bench.root / "done" / "talk" / "ann.mp4"])[0].state is Standing.VALID
    assert bench.begun("ann.png") == 1


def test_nobody_to_sign_makes_jobs_wait_and_loses_nothing(bench: Bench) -> None:
    bench.drop("talk", {"voice.wav": "words", "ann.png": "real"})
    (bench.place / "press.pem").write_text("no certificate", encoding="ascii")
    (bench.place / "press.key").write_text("no key", encoding="ascii")
    (bench.place / "press.key").chmod(0o600)
    wrong = {"sign": True, "certificate": str(bench.place / "press.pem"), "key": str(bench.place / "press.key")}
    status = bench.root / "working" / "talk" / "STATUS.txt"
    with bench.watching(credentials=wrong):
        bench.wait(lambda: status.exists() and "cannot be signed" in status.read_text(encoding="utf-8"))
        assert "'press.pem' holds no certificate" in status.read_text(encoding="utf-8")
    assert bench.places() == ["working/talk"]
    assert (bench.root / "working" / "talk" / "ann.mp4").exists()
    assert bench.once(**SIGN) == 0
    assert credentials_of([bench.root / "done" / "talk" / "ann.mp4"])[0].state is Standing.VALID
    assert bench.begun("ann.png") == 1


def test_a_file_that_cannot_be_signed_fails_the_job_and_is_kept(bench: Bench) -> None:
    bench.drop("talk", {"voice.wav": "words", "ann.png": "ok"})  # what the fake renderer makes of it is no video
    assert bench.once(**SIGN) == 1
    assert bench.places() == ["failed/talk"]
    why = bench.text("failed/talk/WHY.txt")
    assert "nn.jpg cannot be signed" in why
    assert "credentials.sign = false" in why
    (bench.root / "failed" / "talk").rename(bench.root / "inbox" / "talk")
    assert bench.once() == 0
    assert bench.begun("ann.png") == 1, "it was kept"


def test_killed_while_it_signs(bench: Bench) -> None:
    """The real library, killed with the daemon at moments all over the step: signed once in the end, and well."""
    faces = {f"{number}.png": "real" for number in range(6)}
    bench.drop("talk", {"voice.wav": "words", **faces})
    home = bench.root / "working" / "talk"
    for wait in (0.0, 0.1, 0.2, 0.3, 0.35, 0.4):
        pid = bench.start(**SIGN)
        bench.wait(lambda: not home.exists() or _state(home) == "RENDERED")
        time.sleep(wait)
        os.kill(pid, signal.SIGKILL)
        bench.end(pid)
    assert bench.once(**SIGN) == 0
    done = bench.root / "done" / "talk"
    videos = [done / f"{number}{suffix}" for number in range(6) for suffix in (".mp4", ".jpg")]
    assert {one.state for one in credentials_of(videos)} == {Standing.VALID}
    assert not verify(done)
    assert not list(done.glob(".*"))


def _state(home: Path) -> str:
    try:
        return str(read(home / "job.json").state)
    except JournalError:
        return ""
