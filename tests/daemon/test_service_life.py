"""Living on a share under a service manager: who is told, whose the results are, and a share that is not there."""

from __future__ import annotations

import io
import os
import socket
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from daemon import app
from daemon.log import open_log
from daemon.message import Request
from daemon.mount import Ground, Mount
from daemon.worker import Patience, Worker
from lipsync import Options
from tests.daemon.bench import FAKE, Bench, looked

FILES = {"voice.wav": "some words", "ann.png": "ok", "bob.mp4": "ok too"}


def test_a_long_render_does_not_starve_the_watchdog(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(bench.place / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    heard: list[tuple[float, str]] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.settimeout(60)
        bench.drop("talk", FILES | {"bob.mp4": "slow 5"})
        pid = bench.start()
        while not heard or heard[-1][1] != "STOPPING=1":
            heard.append((time.monotonic(), server.recv(1000).decode()))
        assert bench.end(pid) == 0
    said = [text for _, text in heard]
    assert said[0] == "READY=1"
    pings = [moment for moment, text in heard if text == "WATCHDOG=1"]
    assert max(after - before for before, after in pairwise(pings)) < 4.5
    assert any("bob.mp4" in text for text in said if text.startswith("STATUS="))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_results_belong_to_who_dropped_the_folder(bench: Bench) -> None:
    for name, face in (("good", "ok"), ("bad", "no-face")):
        folder = bench.drop(name, FILES | {"ann.png": face, "bob.mp4": face})
        os.chown(folder, 4321, 4322)
    bench.once()
    made = [bench.root / "done/good", *(path for path in (bench.root / "done/good").iterdir() if path.name != "inputs")]
    made += [bench.root / "failed/bad/WHY.txt", bench.root / "failed/bad/.lipsyncd"]
    assert {(path.name, path.stat().st_uid, path.stat().st_gid) for path in made} == {
        (path.name, 4321, 4322) for path in made
    }


def test_a_share_that_is_not_there_is_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = bench.place / "mounted"
    here = bench.root.parent

    def where(_folder: Path) -> Mount:
        return Mount(here if mounted.exists() else Path("/"), "cifs")

    monkeypatch.setattr(app, "Ground", lambda root, guard: Ground(root, guard, where))
    bench.drop("talk", FILES)
    with bench.watching(inbox={"mount_guard": True}):
        bench.wait(lambda: (bench.place / "log").exists() and "not mounted" in (bench.place / "log").read_text())
        time.sleep(0.6)
        assert bench.places() == ["inbox/talk"]
        mounted.touch()
        bench.wait(lambda: (bench.root / "done/talk").exists())
    mounted.unlink()
    assert bench.once(inbox={"mount_guard": True}) == 1, "once, there is nothing to wait for"


def test_a_job_whose_folder_somebody_removed_is_let_go(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "held"})
    with bench.watching():
        bench.wait(lambda: bench.begun("bob.mp4"))
        (bench.root / "working/talk").rename(bench.place / "taken away")
        bench.release("bob.mp4")
        bench.drop("walk", FILES)
        bench.wait(lambda: (bench.root / "done/walk").exists())
    assert any(line["event"] == "a job's folder is gone" for line in bench.log)


def test_the_render_process_is_renewed_now_and_then(tmp_path: Path) -> None:
    log = open_log(io.StringIO())
    (tmp_path / "ann.png").write_text("ok")
    (tmp_path / "voice.wav").write_text("words")
    asked = Request(
        tmp_path / "ann.png", tmp_path / "voice.wav", "left", tmp_path / "1.mp4", tmp_path / "1.jpg", Options()
    )
    worker = Worker(
        log, command=(sys.executable, "-S", "-E", str(FAKE), str(tmp_path / "diary")), patience=Patience(takes=2)
    )
    heard = [looked(worker.render(asked, log)).heard for _ in range(5)]
    worker.close()
    assert heard == [1, 1, 1, 1, 1]
    pids = [line.split('"pid": ')[1].split(",")[0] for line in (tmp_path / "diary").read_text().splitlines()]
    assert len(set(pids)) == 3
