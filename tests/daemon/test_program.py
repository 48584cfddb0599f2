"""The external program in the settings, in drops, in the doctor, in keys, and which process may run it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from daemon import landlock
from daemon.cage import PROGRAMS, Cage, cage_of
from daemon.config import ConfigError, Settings, load_settings
from daemon.errors import DropError
from daemon.job import Input, Job, JobTake
from daemon.log import open_log
from daemon.message import Request
from daemon.order import Choices, read_order
from daemon.program import program
from daemon.rendition import _key
from daemon.worker import Worker
from lipsync import Options, Program
from tests.daemon.bench import FAKE, Bench, looked

ARGV = ("true", "{face}", "{audio}", "{output}")


def faults(**render: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(overrides={"render": render})
    return [str(fault) for fault in caught.value.faults]


def test_faults_of_the_program_have_their_name() -> None:
    (fault,) = faults(engine="command")
    assert fault.startswith('render.command.argv: render.engine is "command"; say here which program')
    said = faults(command={"argv": ["./run", "{face}", "{sound}"]})
    assert all(fault.startswith("render.command.argv: ") for fault in said)
    words = ("whole path", "{sound} is not known", "{audio} is missing", "{output} is missing")
    assert all(any(word in fault for fault in said) for word in words), said
    assert load_settings(overrides={"render": {"engine": "command", "command": {"argv": ARGV}}}).render.command.confined


def test_the_program_has_a_cage_of_its_own(tmp_path: Path) -> None:
    paths = {"root": tmp_path / "root", "state": tmp_path / "state"}
    settings = Settings(paths=paths, render={"device": "cpu", "command": {"argv": ARGV, "confined": False}})
    plain, cage = cage_of(settings), cage_of(settings, PROGRAMS)
    assert cage == replace(plain, scratch=str(tmp_path / "state" / "scratch"), outside=ARGV)
    assert plain.shut
    assert plain.outside == ()
    assert Cage.of(cage.word()) == cage
    inside = Settings(paths=paths, render={"device": "cpu", "command": {"argv": ARGV}})
    assert cage_of(inside, PROGRAMS).outside == ()


def test_a_drop_is_told_what_an_engine_lacks(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('engine = "command"')
    choices = Choices(("command", "null"), (), {"command": "no program is configured for it (render.command.argv)"})
    with pytest.raises(DropError, match=r'engine is "command", which cannot be used here: no program is configured'):
        read_order(path, ["a.png"], choices)
    assert read_order(path, ["a.png"], replace(choices, lacking={})).engine == "command"


def test_the_arguments_count_for_videos_of_the_program_only() -> None:
    take = JobTake(name="a", face="a.png", speech="s.wav")
    inputs = (Input("a.png", "0", 1), Input("s.wav", "1", 1))
    job = Job(id="1", name="n", created="", engine="null", takes=(take,), inputs=inputs)

    def keys(engine: str) -> list[str]:
        programs = Program(), Program(ARGV), Program(ARGV, 5.0)
        return [_key(job, take, Options(engine=engine, program=one)) for one in programs]

    assert len(set(keys("null"))) == 1
    empty, some, quicker = keys("command")
    assert empty != some == quicker


@pytest.mark.parametrize(
    ("render", "state", "word"),
    [
        ({"command": {"argv": ["no-such-program", *ARGV[1:]]}}, "warn", "no program 'no-such-program'"),
        ({"engine": "command", "command": {"argv": ["no-such-program", *ARGV[1:]]}}, "fail", "no program"),
        ({"engine": "command", "command": {"argv": ARGV}}, "ok", "behind the walls"),
        ({"command": {"argv": ARGV, "confined": False}}, "ok", "outside the walls"),
        ({"command": {"argv": ARGV}, "confined": False}, "ok", "outside the walls"),
        (
            {"command": {"argv": ["sh", "HERE/run.sh", *ARGV[1:]]}},
            "warn",
            "run.sh cannot be seen",
        ),
        ({"command": {"argv": ["HERE/run.sh", *ARGV[1:]]}, "readable": ["HERE"]}, "ok", "behind the walls"),
    ],
)
def test_the_doctor_looks_at_the_program(tmp_path: Path, render: dict[str, object], state: str, word: str) -> None:
    script = tmp_path / "opt" / "run.sh"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    told = json.loads(json.dumps(render).replace("HERE", str(script.parent)))
    paths = {"root": tmp_path / "root", "state": tmp_path / "state"}
    (check,) = program(Settings(paths=paths, render=told))
    assert (check.state, word in check.found) == (state, True), check
    assert bool(check.advice) == (state != "ok")


LINKS = """
import os, sys, tempfile
from pathlib import Path
from daemon import landlock
from daemon.cage import Cage
from daemon.confinement import Confinement
confinement = Confinement(Cage.of(sys.argv[1]))
confinement.begin()

def link():
    folder = Path(tempfile.mkdtemp())
    (folder / "file").write_text("x")
    try:
        (folder / "link").symlink_to("/etc/passwd")
    except OSError as error:
        return error.strerror
    return "done"

print(link(), confinement.within([], Path(sys.argv[2]), link), sep=",")
"""


@pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
@pytest.mark.parametrize(("outside", "said"), [((), "done,done"), (ARGV, "Permission denied,Permission denied")])
def test_no_link_is_laid_for_a_program_outside(tmp_path: Path, outside: tuple[str, ...], said: str) -> None:
    working = tmp_path / "root" / "working"
    working.mkdir(parents=True)
    scratch = str(tmp_path / "state" / "scratch")
    cage = Cage(working=str(working), closed=(str(tmp_path),), shut=True, scratch=scratch, outside=outside)
    command = [sys.executable, "-c", LINKS, cage.word(), str(working)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ran.stdout.strip() == said, ran.stderr


def test_without_a_program_the_doctor_says_nothing() -> None:
    assert not list(program(Settings()))


def test_one_process_never_serves_both(tmp_path: Path) -> None:
    """Who draws for all runs in one process, who runs programs in another, and never both at once."""
    diary = tmp_path / "diary"
    fake = (sys.executable, str(FAKE), str(diary))
    stream = io.StringIO()
    log = open_log(stream)
    worker = Worker(log, command=fake, apart={"command": (*fake, "apart")})
    face, speech = tmp_path / "a.png", tmp_path / "s.wav"
    face.write_text("ok")
    speech.write_text("words")
    try:
        for number, engine in enumerate(("null", "reshape", "command", "command", "null")):
            out = tmp_path / f"{number}.mp4"
            looked(worker.render(Request(face, speech, 0, out, out.with_suffix(".jpg"), Options(engine=engine)), log))
    finally:
        worker.close()
    pids = [json.loads(line)["pid"] for line in diary.read_text().splitlines() if json.loads(line)["what"] == "begun"]
    assert pids[0] == pids[1]
    assert pids[2] == pids[3]
    assert len(set(pids)) == 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_drop_without_a_program_is_refused_by_the_daemon(bench: Bench) -> None:
    bench.drop("talk", {"voice.wav": "words", "a.png": "ok", "job.toml": 'engine = "command"'})
    assert bench.once() == 1
    assert "render.command.argv" in bench.text("failed/talk/WHY.txt")
