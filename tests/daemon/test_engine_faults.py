"""Engines that crash, hang and rave, disks that are full, and being asked to end meanwhile."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from daemon.job import TakeState
from daemon.rendition import Rendition
from daemon.work import Work
from daemon.worker import Pulse
from tests.daemon.bench import Bench

FILES = {"voice.wav": "some words", "ann.png": "ok", "bob.mp4": "ok too"}


def test_one_speech_is_heard_once_for_all_faces(bench: Bench) -> None:
    bench.drop("talk", {"voice.wav": "words"} | {f"face{number}.png": "ok" for number in range(4)})
    bench.once()
    assert [line["speeches_heard"] for line in bench.log if "speeches_heard" in line] == [1, 1, 1, 1]
    assert len({entry["pid"] for entry in bench.diary}) == 1, "one warm process"


@pytest.mark.parametrize(
    ("word", "reason"),
    [("exit", "exit code 3"), ("segv", "SIGSEGV"), ("hang", "not finished after"), ("nonsense", "nonsense"),
     ("empty", "said that it was finished"), ("tired", "the GPU is busy")],
)  # fmt: skip
def test_an_engine_that_dies_costs_its_own_take_only(bench: Bench, word: str, reason: str) -> None:
    bench.drop("talk", FILES | {"ann.png": word})
    assert bench.once(render={"attempts": 1}, limits={"take_timeout_s": 3 if word == "hang" else 60}) == 1
    job = bench.job("done/talk")
    ann, bob = job.takes
    assert (ann.state, bob.state) == (TakeState.FAILED, TakeState.RENDERED)
    assert reason in ann.error
    assert "ann.png" in bench.text("done/talk/WHY.txt")


def test_what_a_crash_leaves_takes_no_room(bench: Bench) -> None:
    bench.drop("talk", FILES | {"ann.png": "once:segv", "bob.mp4": "slow 60"})
    with bench.watching():
        bench.wait(lambda: bench.begun("bob.mp4"))
        torn = bench.root / "working/talk/.lipsyncd/.0123456789abcdef.part.mp4"
        torn.write_text("half a video")
        os.kill(bench.diary[-1]["pid"], signal.SIGKILL)
        bench.wait(lambda: bench.begun("bob.mp4") == 2)
        assert not torn.exists()


def test_a_crash_costs_one_attempt(bench: Bench) -> None:
    bench.drop("talk", FILES | {"ann.png": "once:segv", "bob.mp4": "segv"})
    assert bench.once() == 1
    assert bench.begun("ann.png") == 2
    assert bench.begun("bob.mp4") == 2
    job = bench.job("done/talk")
    assert job.takes[0].state is TakeState.RENDERED
    assert "SIGSEGV, 2 times" in job.takes[1].error


def test_a_full_disk_is_waited_for(bench: Bench) -> None:
    bench.drop("talk", FILES | {"ann.png": "full"})
    with bench.watching():
        bench.wait(lambda: (bench.root / "working/talk/STATUS.txt").exists())
        bench.wait(
            lambda: "Waiting: ann.mp4 cannot be written: the disk is full" in bench.text("working/talk/STATUS.txt")
        )
    assert bench.job("working/talk").takes[0].attempts == 0


def test_too_little_space_is_said(bench: Bench) -> None:
    bench.drop("talk", FILES)
    with bench.watching(limits={"free_bytes": 1 << 60}):
        bench.wait(lambda: any("nearly full" in str(line.get("reason", "")) for line in bench.log))
    assert not bench.diary
    assert bench.places() == ["inbox/talk"], "nothing is taken that could not be finished"


def test_sigterm_leaves_a_long_take_within_seconds(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "once:slow 60"})
    pid = bench.start(once=False)
    bench.wait(lambda: bench.begun("bob.mp4"))
    time.sleep(0.5)
    begin = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    assert bench.end(pid) == 0
    assert time.monotonic() - begin < 30
    assert "goes on when lipsyncd starts" in bench.text("working/talk/STATUS.txt")
    assert bench.job("working/talk").takes[1].attempts == 0
    assert bench.once() == 0
    assert bench.begun("ann.png") == 1


def test_sigterm_lets_a_short_take_end(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "slow 2"})
    pid = bench.start(once=False)
    bench.wait(lambda: bench.begun("bob.mp4"))
    time.sleep(0.8)
    os.kill(pid, signal.SIGTERM)
    assert bench.end(pid) == 0
    assert (bench.root / "working/talk/bob.mp4").exists()


def test_no_render_process_outlives_the_daemon(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "slow 60"})
    pid = bench.start(once=False)
    bench.wait(lambda: bench.begun("bob.mp4"))
    renderer = bench.diary[-1]["pid"]
    os.kill(pid, signal.SIGTERM)
    bench.end(pid)
    assert not Path(f"/proc/{renderer}").exists()


def test_a_job_whose_papers_are_damaged_is_said_to_be(bench: Bench) -> None:
    bench.drop("talk", FILES | {"job.toml": "review = true"})
    assert bench.once() == 0
    (bench.root / "working/talk/job.json").write_text("{")
    assert bench.once() == 1
    assert "job.json cannot be read" in bench.text("working/talk/STATUS.txt")
    (bench.root / "working/talk/inputs").rename(bench.root / "inbox/talk")
    (bench.root / "inbox/talk/job.toml").unlink()
    assert bench.once() == 0
    assert bench.places() == ["done/talk"]


def test_a_bug_parks_one_job_and_the_others_go_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Rendition.hash_inputs

    def broken(self: Rendition, work: Work, pulse: Pulse) -> None:
        if "bad" in str(work.home):
            raise RuntimeError("a bug")
        honest(self, work, pulse)

    monkeypatch.setattr(Rendition, "hash_inputs", broken)
    monkeypatch.setattr("daemon.app._BUG_PAUSE", 0.1)
    bench.drop("bad", FILES)
    bench.drop("good", FILES)
    assert bench.once() == 1
    assert bench.places() == ["done/good", "working/bad"]
    assert "Traceback" in bench.text("working/bad/job.log")
    monkeypatch.undo()
    assert bench.once() == 0
    assert bench.places() == ["done/bad", "done/good"]
