"""The render process, for real, and the daemon's handle on it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest

from daemon.cage import Cage
from daemon.child import Child
from daemon.job import Made
from daemon.log import open_log
from daemon.message import Answer, Failure, Request
from daemon.worker import COMMAND, Patience, RenderError, Worker
from lipsync import Limits, Options, Progress
from tests.daemon.bench import looked


def request(folder: Path, face: Path, speech: Path, engine: str = "null") -> Request:
    options = Options(engine=engine, device="cpu", fps=Fraction(30000, 1001), width=64, limits=Limits(audio_s=60))
    return Request(face, speech, "largest", folder / "1.mp4", folder / "1.jpg", options)


def test_messages_come_over_as_they_are(tmp_path: Path) -> None:
    asked = request(tmp_path, tmp_path / "it's\n名\udce9.png", tmp_path / "voice.wav")
    assert "\n" not in asked.line()[:-1]
    assert Request.of(asked.line()) == asked
    for answer in (
        Answer(progress=Progress("draw", 3, 25)),
        Answer(done=Made(1.0, 0.99, 2, 2, "25", 25, 25, "null", "1"), speeches_heard=1),
        Answer(failed=Failure("NoFaceError", "no face in x", "Look.", False), speeches_heard=2),
    ):
        assert Answer.of(answer.line().encode()) == answer
    for nonsense in (b"hello", b"3", b'{"progress": 3}'):
        with pytest.raises(ValueError):
            Answer.of(nonsense)


def test_the_real_render_process_stays_warm(tmp_path: Path, sample: Path) -> None:
    stream = io.StringIO()
    log = open_log(stream)
    worker = Worker(log, patience=Patience(120))
    shares: list[Progress] = []
    pids = set()
    try:
        for _ in range(2):
            asked = request(tmp_path, sample / "astronaut.jpg", sample / "hello.zh.flac")
            answer = looked(worker.render(asked, log), lambda progress: shares.append(progress) if progress else None)
            assert answer.heard == 1
            assert answer.made.fps == "30000/1001"
            assert asked.video.stat().st_size > 0
            assert asked.poster.stat().st_size > 0
            pids |= {line["pid"] for line in map(json.loads, stream.getvalue().splitlines()) if "pid" in line}
        with pytest.raises(RenderError) as fault:
            looked(worker.render(request(tmp_path, tmp_path / "gone.png", sample / "hello.zh.flac"), log))
        assert "gone.png" in fault.value.failure.message
    finally:
        worker.close()
    assert len(pids) == 1
    assert shares


def test_a_share_that_was_mounted_anew_is_seen_again(tmp_path: Path, sample: Path) -> None:
    """The walls stand around a folder, not around its name: another one there needs another process."""
    stream = io.StringIO()
    log = open_log(stream)
    working = tmp_path / "working"
    worker = Worker(log, command=(*COMMAND, Cage(working=str(working), shut=True).word()), patience=Patience(120))
    try:
        for time_ in range(2):
            working.mkdir()
            for name in ("astronaut.jpg", "hello.zh.flac"):
                shutil.copy(sample / name, working / name)
            asked = request(working, working / "astronaut.jpg", working / "hello.zh.flac")
            looked(worker.render(asked, log))
            working.rename(tmp_path / f"away {time_}")
    finally:
        worker.close()
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    confined = any("Landlock" in str(line.get("text")) and "no Landlock" not in line["text"] for line in said)
    assert len({line["pid"] for line in said if "pid" in line}) == (2 if confined else 1)


def test_an_unknown_engine_is_said_to_be(tmp_path: Path, sample: Path) -> None:
    log = open_log(io.StringIO())
    worker = Worker(log, patience=Patience(60))
    try:
        with pytest.raises(RenderError, match="nope"):
            looked(worker.render(request(tmp_path, sample / "astronaut.jpg", sample / "hello.zh.flac", "nope"), log))
    finally:
        worker.close()


PRINTS = """
import os, sys
from daemon import render_process as r
channel = r.reserve_stdout()
print("a stray print"); os.write(1, b"and one from below\\n"); os.system("echo a child of ours")
channel.write("the protocol\\n"); channel.flush()
"""


def test_stray_prints_do_not_reach_the_protocol() -> None:
    run = subprocess.run([sys.executable, "-c", PRINTS], capture_output=True, text=True, check=True)
    assert run.stdout == "the protocol\n"
    assert "a stray print" in run.stderr
    assert "from below" in run.stderr
    assert "a child of ours" in run.stderr


ORPHAN = """
import subprocess, sys, os, time
code = "import os, sys, time\\nfrom daemon.render_process import die_with\\ndie_with(int(sys.argv[1]))\\nprint(os.getpid(), flush=True)\\ntime.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", code, str(os.getpid())], stdout=subprocess.PIPE)
print(child.stdout.readline().decode(), flush=True)
os.kill(os.getpid(), 9)
"""  # noqa: E501


def test_the_render_process_dies_with_the_daemon() -> None:
    run = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=False)
    pid = int(run.stdout)
    end = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break  # dead; nobody has fetched it yet
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{pid}").exists()


def test_secrets_of_the_service_are_not_for_who_decodes_strangers_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """An external program could read them from the process above it, too: /proc shows what each was started with."""
    for name in ("LIPSYNCD_NOTIFY__URLS", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"):
        monkeypatch.setenv(name, "hush-hush")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    script = "import os; print(sorted(os.environ.items()), flush=True); input()"
    child = Child((sys.executable, "-S", "-c", script), {"LIPSYNC_CORES": "3"})
    said, end = "", time.monotonic() + 30
    while not said and time.monotonic() < end:  # a line may come in parts
        said = b"".join(line for _, line in child.lines(1)).decode()
    child.kill()
    child.bury()
    assert "hush-hush" not in said
    assert all(name in said for name in ("'LIPSYNC_CORES', '3'", "'PATH'", "PCI_BUS_ID"))


def test_importing_the_daemon_loads_no_network() -> None:
    code = "import sys, daemon.app; print([name for name in ('torch', 'cv2', 'av', 'librosa') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
