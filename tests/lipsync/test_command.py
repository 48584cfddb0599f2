"""The engine "command", with small real programs: what they make, how they fail, and that nothing of them lives on."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lipsync
from lipsync import EngineError, Marks, MediaError, Options, Program, Progress, Render, Take, leash, template
from lipsync.media import open_face, open_speech, probe_video
from lipsync.murmur import LONGEST, Murmur

if TYPE_CHECKING:
    from conftest import Footage

SIZE = (96, 90)
WORDS = ("{face}", "{audio}", "{output}")
HEAD = "import os, shutil, signal, subprocess, sys, time\nface, audio, out = sys.argv[1:4]\n"
DRAW = """
import av
def draw(out, mark=True, **more):
    frames = [frame.to_ndarray(format="rgb24") for frame in av.open(face).decode(video=0)]
    frames *= 15 // len(frames)
    with av.open(out, "w", **more) as target:
        stream = target.add_stream("mpeg4", 25)
        stream.width, stream.height, stream.bit_rate = 96, 90, 4_000_000
        for number, picture in enumerate(frames):
            picture = picture.copy()
            if mark and number % 2:
                picture[40:70, 30:66] = 250
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")))
        target.mux(stream.encode())
"""


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folders of programs are made in this test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


class Stage:
    """A program of a few lines, and what comes of it."""

    def __init__(self, footage: Footage) -> None:
        self.footage = footage
        self.seen: list[Progress] = []

    def options(self, script: str, words: tuple[str, ...] = WORDS, timeout: float = 60, **more: object) -> Options:
        path = self.footage.folder / "program.py"
        path.write_text(HEAD + script, encoding="utf-8")
        program = Program(
            (sys.executable, *(() if "import av" in script else ("-S", "-E")), str(path), *words), timeout
        )
        return Options(engine="command", device="cpu", program=program, **more)

    def play(self, script: str, face: Path | None = None, seconds: float = 0.6, **more: object) -> Render:
        """Render with a program; the face has 25 frames a second."""
        face = face or self.footage.video("face.mp4", count=8, size=SIZE)
        speech = self.footage.audio(seconds=seconds)
        studio = lipsync.load(self.options(script, **more))
        out = self.footage.folder
        return studio.render(Take(face, speech), out / "out.mp4", out / "out.jpg", self.seen.append)

    def film(self, count: int, size: tuple[int, int] = SIZE, name: str = "made.mp4", rate: Fraction | int = 25) -> str:
        """A program that hands over a film which is made already."""
        film = self.footage.video(name, count=count, size=size, fps=Fraction(rate), codec="mpeg4")
        return f"shutil.copy({str(film)!r}, out)"

    def fails(self, script: str, **more: object) -> str:
        """Render in vain, and give why; nothing may be left of it."""
        with pytest.raises(EngineError) as caught:
            self.play(script, **more)
        folder = self.footage.folder
        assert not list((folder / "scratch").iterdir())
        assert not list(folder.glob("out.*")) + list(folder.glob(".*"))
        assert str(folder / "scratch") not in caught.value.message
        return caught.value.message


@pytest.fixture
def stage(footage: Footage) -> Stage:
    return Stage(footage)


def test_a_program_gets_clean_copies_with_plain_names(stage: Stage, footage: Footage, scratch: Path) -> None:
    face = footage.video("$(touch evil); face.mov", count=8, size=SIZE)
    keep = footage.folder / "kept"
    keep.mkdir()
    render = stage.play(
        f"shutil.copy(face, {str(keep)!r}); shutil.copy(audio, {str(keep)!r}); shutil.copy(face, out)\n"
        f"open({str(keep / 'seen')!r}, 'w').write(face + os.getcwd() + os.environ['TMPDIR'])",
        face,
    )
    assert sorted(path.name for path in keep.iterdir()) == ["audio.wav", "face.mp4", "seen"]
    assert "evil" not in (keep / "seen").read_text()
    assert str(scratch) in (keep / "seen").read_text()
    assert not list(scratch.iterdir()), "and nothing of it is left"
    given = probe_video(keep / "face.mp4")
    assert (given.frames, given.duration) == (15, 0.6), "as long as the speech, forth and back"
    heard = open_speech(keep / "audio.wav", Options().limits)
    assert (heard.rate, heard.channels, float(heard.seconds)) == (16000, 1, 0.6)
    assert (render.driven, render.frames) == (0, 15)
    assert render.warnings == ("the program has changed nothing in the picture",)


def test_what_a_program_draws_is_brought_into_our_form(stage: Stage) -> None:
    render = stage.play(DRAW + "draw(out)")
    facts = probe_video(render.video)
    assert (facts.width, facts.height, facts.frames, facts.has_audio) == (*SIZE, 15, True)
    assert render.fps == 25
    assert render.driven == 7, "every other frame was changed"
    assert render.engine.name == "command"
    assert render.engine.version.startswith(f"{Path(sys.executable).name} ")
    shares = [progress.share for progress in stage.seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    for number, frame in enumerate(open_face(render.video, Options()).frames()):
        assert (frame.planes[0][44:66, 34:62].mean() > 200) == (number % 2 == 1)


@pytest.mark.parametrize(("rate", "count"), [(25, 14), (Fraction(30000, 1001), 19), (12, 7)])
def test_another_rate_or_nearly_the_length_will_do(stage: Stage, rate: int | Fraction, count: int) -> None:
    render = stage.play(stage.film(count, rate=rate))
    assert (render.frames, render.fps, render.duration) == (15, 25, 0.6)
    assert probe_video(render.video).frames == 15


def test_a_rate_of_29_97_stays_exact(stage: Stage, footage: Footage) -> None:
    face = footage.video("face.mp4", count=12, size=SIZE, fps=Fraction(30000, 1001))
    render = stage.play("shutil.copy(face, out)", face)
    assert render.fps == Fraction(30000, 1001)
    assert render.frames == 18


def test_uneven_times_stay_as_they_are(stage: Stage, footage: Footage) -> None:
    stamps = [0, 40, 90, 120, 200, 210, 260, 300, 310, 400, 420, 480]
    face = footage.video("face.mp4", count=12, size=SIZE, stamps=stamps, tick=Fraction(1, 1000))
    render = stage.play("shutil.copy(face, out)", face, seconds=0.5)
    times = [float(time) for time in open_face(render.video, Options()).times]
    assert np.allclose(times[:12], np.array(stamps) / 1000, 0, 1e-3)
    assert render.driven == 0, "one for one"


def test_a_video_that_lies_on_its_side_comes_upright(stage: Stage, footage: Footage) -> None:
    face = footage.video("face.mp4", count=4, size=(128, 96), rotation=90)
    render = stage.play("shutil.copy(face, out)", face)
    assert (render.width, render.height) == (96, 128)


def test_a_quiet_program_shows_that_it_lives(stage: Stage) -> None:
    stage.play("time.sleep(1.5); shutil.copy(face, out)")
    shares = [progress.share for progress in stage.seen]
    assert shares == sorted(shares)
    assert sum(0.06 <= share < 0.9 for share in shares) >= 4


def test_a_program_that_is_ended_may_tidy_up_first(stage: Stage, footage: Footage) -> None:
    note = footage.folder / "note"
    script = f"signal.signal(15, lambda *_: (open({str(note)!r}, 'w').write('tidied'), sys.exit(0)))\ntime.sleep(60)"
    assert "was not finished after 1 s" in stage.fails(script, timeout=1)
    assert note.read_text() == "tidied"


@pytest.mark.parametrize("name", ["made.mkv", "made.avi"])
def test_a_container_is_what_it_is_and_not_what_it_is_called(stage: Stage, name: str) -> None:
    assert stage.play(stage.film(15, name=name)).frames == 15


def test_photos_speak_too(stage: Stage, footage: Footage) -> None:
    import cv2

    face = footage.folder / "photo.jpg"
    cv2.imwrite(str(face), footage.picture(1, *SIZE))
    render = stage.play("assert face.endswith('face.png')\n" + DRAW + "draw(out)", face)
    assert (render.frames, render.driven, render.width, render.height) == (15, 7, *SIZE)


def test_a_program_may_choose_the_name_itself(stage: Stage) -> None:
    script = DRAW + "os.makedirs(out + '/results/a'); draw(out + '/results/a/old.mp4', mark=False)\n"
    script += "time.sleep(.05); draw(out + '/results/2026 new.mkv', format='matroska')"
    assert stage.play(script, words=("{face}", "{audio}", "{folder}")).driven == 7


def test_the_label_is_drawn(stage: Stage, footage: Footage) -> None:
    face = footage.video("face.mp4", count=8, size=(192, 144))
    render = stage.play("shutil.copy(face, out)", face, marks=Marks(visible=True, preset="eu"))
    assert render.label_at
    assert render.marks.visible


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("pass", "without an error and without a video"),
        ("sys.exit('CUDA out of memory')", "ended with exit code 1 and said: CUDA out of memory"),
        ("sys.exit(3)", "ended with exit code 3 and said nothing"),
        ("os.kill(os.getpid(), 11)", "ended by signal 11"),
        ("open(out, 'w').write('a video, really')", "is of no use: output.mp4 is not what its name says"),
        ("open(out, 'w').close()", "is of no use: output.mp4 is empty"),
        ("os.symlink(face, out)", "no file of its own"),
        ("os.link(face, out)", "no file of its own"),
        ("os.mkfifo(out)", "no file of its own"),
        ("os.mkdir(out)", "no file of its own"),
        ("shutil.copy(face, out); os.truncate(out, 3000)", "is of no use"),
        ("time.sleep(60)", "was not finished after 1 s"),
    ],
)  # fmt: skip
def test_whatever_a_program_does_is_said_plainly(stage: Stage, script: str, reason: str) -> None:
    assert reason in stage.fails(script, timeout=1 if "sleep" in script else 60)


@pytest.mark.parametrize(
    ("count", "size", "reason"),
    [
        (15, (64, 64), "64×64 pixels instead of 96×90"),
        (2, SIZE, "lasts 0.08 s instead of 0.60 s"),
        (40, SIZE, "lasts 1.60 s instead of 0.60 s"),
    ],
)
def test_a_video_that_does_not_fit_is_refused(stage: Stage, count: int, size: tuple[int, int], reason: str) -> None:
    assert reason in stage.fails(stage.film(count, size))


def test_a_black_video_is_refused(stage: Stage, footage: Footage, monkeypatch: pytest.MonkeyPatch) -> None:
    face = footage.video("face.mp4", count=8, size=SIZE)
    monkeypatch.setattr(footage, "picture", lambda _, width, height: np.zeros((height, width, 3), np.uint8))
    assert "nothing can be seen in 15 of 15 frames" in stage.fails(stage.film(15), face=face)
    assert stage.play(stage.film(15), stage.footage.video("dark.mp4", count=8, size=SIZE)).driven == 0, (
        "so was the face"
    )


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        ((), "it names no program"),
        (("true",), "{face} is missing; {audio} is missing; {output} is missing"),
        (("true", "{face}", "{audio}", "{out}"), "{out} is not known"),
        (("true", "{face}", "{audio}", "{output"), "has a single '{'"),
        (("true", "{face}", "{audio}", "{output}", "}"), "has a single '}'"),
        (("{face}", "{face}", "{audio}", "{output}"), "must be the same for every video"),
        (("./run.sh", "{face}", "{audio}", "{output}"), "give its whole path"),
        (("true", "{face}", "{audio}", "{output}", "{}"), "{} is not known"),
        (("no-such-program", *WORDS), "there is no program 'no-such-program'"),
    ],
)
def test_a_template_with_faults_is_refused_before_anything(argv: tuple[str, ...], problem: str) -> None:
    with pytest.raises(EngineError) as caught:
        lipsync.load(Options(engine="command", program=Program(argv)))
    assert problem in caught.value.message
    assert "render.command.argv" in caught.value.message


def test_places_are_filled_anywhere_and_braces_stay() -> None:
    argv = ("run", "--in={face}", '{{"a": "{audio}"}}', "{face}{output}", "{folder}/x")
    assert template.faults(argv) == []
    filled = template.filled(argv, {"face": "F{audio}", "audio": "A", "output": "O", "folder": "D"})
    assert filled == ["run", "--in=F{audio}", '{"a": "A"}', "F{audio}O", "D/x"]


def test_a_program_that_may_not_be_run(stage: Stage, footage: Footage) -> None:
    path = footage.folder / "bad"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    options = replace(stage.options(""), program=Program((str(path), *WORDS)))
    face, speech = footage.video("face.mp4", count=4, size=SIZE), footage.audio(seconds=0.2)
    with pytest.raises(EngineError, match="the program bad cannot be started: No such file"):
        lipsync.load(options).render(
            Take(face, speech), footage.folder / "o.mp4", footage.folder / "o.jpg", stage.seen.append
        )


def test_what_it_says_goes_to_the_log(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "program")
    script = "print('on stdout', flush=True)\n"
    script += "sys.stderr.write('10%\\r20%\\r'); sys.stderr.buffer.write(b'\\xff\\x1b[2J\\n')\n"
    script += "sys.stderr.write('x' * 5000 + '\\n' + 'y\\n' * 5000 + 'the end')\nshutil.copy(face, out)"
    stage.play(script)
    said = [record.getMessage() for record in caplog.records if record.name == "program"]
    assert {"on stdout", "10%", "20%", "\\xff\\x1b[2J", "x" * LONGEST + "…"} <= set(said)
    assert len(said) < 300
    assert "more lines are left out" in said[-1]


def test_lines_come_slowly_in_the_long_run() -> None:
    now = [0.0]
    murmur = Murmur(lambda: now[0])
    first = list(murmur.hear("out", b"a\n" * 1000))
    assert len(first) == 200
    now[0] = 10
    assert list(murmur.hear("out", b"b\n")) == ["(800 lines are left out)", "b"]
    assert not list(murmur.hear("err", b"half a li"))
    assert list(murmur.hear("err", b"ne\n")) == ["half a line"]
    assert not list(murmur.hear("err", b"z" * 10**6)), "a line without end takes no memory"
    assert len(murmur._rest["err"]) <= LONGEST + 1
    assert list(murmur.last["out"])[-1] == "b"


SPAWN = """
grand = "import os, signal, sys, time; os.setsid(); signal.signal(15, signal.SIG_IGN);"
grand += "open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", grand, {pids!r}], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while not os.path.exists({pids!r}) or not open({pids!r}).read():
    time.sleep(.01)
"""


def gone(pid: int, seconds: float = 60) -> bool:
    """Wait until a process is no more."""
    end = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("end", ["shutil.copy(face, out)", "time.sleep(600)"])
def test_nothing_that_it_has_started_lives_on(stage: Stage, end: str) -> None:
    pids = stage.footage.folder / "pid"
    script = SPAWN.format(pids=str(pids)) + end
    if "copy" in end:
        stage.play(script)
    else:
        stage.fails(script, timeout=1.0)
    assert gone(int(pids.read_text()))


def test_cancelling_ends_it_and_all_it_has_started(stage: Stage, footage: Footage) -> None:
    pids = footage.folder / "pid"

    class Enough(BaseException):
        pass

    def report(_: Progress) -> None:
        if pids.exists() and pids.read_text():
            raise Enough

    studio = lipsync.load(stage.options(SPAWN.format(pids=str(pids)) + "time.sleep(600)"))
    face, speech = footage.video("face.mp4", count=4, size=SIZE), footage.audio(seconds=0.2)
    begun = time.monotonic()
    with pytest.raises(Enough):
        studio.render(Take(face, speech), footage.folder / "o.mp4", footage.folder / "o.jpg", report)
    assert time.monotonic() - begun < 60
    assert gone(int(pids.read_text()))
    assert not list((footage.folder / "scratch").iterdir())
    again = lipsync.load(stage.options("shutil.copy(face, out)"))
    assert again.render(
        Take(face, speech), footage.folder / "o.mp4", footage.folder / "o.jpg", stage.seen.append
    ).frames


KILLED = """
import sys
from pathlib import Path
import lipsync
face, speech, program, pids, folder = sys.argv[1:]
program = lipsync.Program((sys.executable, program, "{face}", "{audio}", "{output}"))
studio = lipsync.load(lipsync.Options(engine="command", program=program))
film, still = Path(folder, "o.mp4"), Path(folder, "o.jpg")
studio.render(lipsync.Take(Path(face), Path(speech)), film, still, lambda _: None)
"""


def test_it_ends_when_we_are_killed(stage: Stage, footage: Footage, scratch: Path) -> None:
    pids = footage.folder / "pid"
    stage.options(SPAWN.format(pids=str(pids)) + "time.sleep(600)")
    face, speech = footage.video("face.mp4", count=4, size=SIZE), footage.audio(seconds=0.2)
    words = [str(path) for path in (face, speech, footage.folder / "program.py", pids, footage.folder)]
    environment = os.environ | {"TMPDIR": str(scratch)}
    with subprocess.Popen([sys.executable, "-c", KILLED, *words], env=environment, start_new_session=True) as process:
        end = time.monotonic() + 120
        while not (pids.exists() and pids.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    assert gone(int(pids.read_text()))
    end = time.monotonic() + 60
    while list(scratch.iterdir()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not list(scratch.iterdir()), "its folder is removed, too"


def test_the_keeper_runs_nothing_but_its_program_in_its_own_folders(tmp_path: Path) -> None:
    """One who has taken over the walled process can only ask for what is configured."""
    (tmp_path / "root" / "take").mkdir(parents=True)
    (tmp_path / "root" / "link").symlink_to("/etc")
    held = leash.Leash(("true", *WORDS), tmp_path / "root")
    try:
        folders = (("../../etc", "face.png"), ("take/..", "face.png"), ("..", "face.png"), ("/", "face.png"))
        for folder, face in (*folders, ("link", "face.png"), ("take", "../x"), ("take", "-rf")):
            assert held.run(Path(folder), face, lambda _: None).refused
        assert held.run(tmp_path / "root" / "take", "face.png", lambda _: None) == leash.Ended(0)
    finally:
        held.close()


def test_a_keeper_that_dies_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "take").mkdir()
    held = leash.Leash(("sleep", "{face}", "{audio}", "{output}", "60"), tmp_path)
    held._keeper.kill()
    with pytest.raises(EngineError, match="watches over the program has ended"):
        held.run(tmp_path / "take", "face.png", lambda _: None)
    held.close()


def test_variables_of_ours_are_not_for_the_program(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "LIPSYNCD_RENDER__ENGINE", "PYTHONHASHSEED"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    script = "assert os.environ['CUDA_VISIBLE_DEVICES'] == '3'\n"
    script += "assert not any(n.startswith(('LIPSYNCD', 'NOTIFY', 'CRED', 'PYTHON')) for n in os.environ)\n"
    assert stage.play(script + "assert not sys.stdin.read(); shutil.copy(face, out)").frames == 15


def test_damaged_faces_are_refused_before_the_program_runs(stage: Stage, footage: Footage) -> None:
    face = footage.folder / "face.mp4"
    face.write_text("not a video")
    with pytest.raises(MediaError, match=r"face\.mp4"):
        stage.play("shutil.copy(face, out)", face)


def test_what_cannot_be_passed_on_is_said(stage: Stage, footage: Footage) -> None:
    face, speech = footage.video("face.mp4", count=4, size=SIZE), footage.audio(seconds=0.2)
    studio = lipsync.load(stage.options("shutil.copy(face, out)"))
    render = studio.render(
        Take(face, speech, "left"), footage.folder / "o.mp4", footage.folder / "o.jpg", stage.seen.append
    )
    assert "cannot be told which one is meant" in render.warnings[0]


def test_memory_does_not_grow_with_what_a_program_says(stage: Stage) -> None:
    script = "for _ in range(200): sys.stdout.write('x' * 100_000)\nshutil.copy(face, out)"
    assert stage.play(script).frames == 15


def test_sounds_are_clipped_not_wrapped(stage: Stage, footage: Footage) -> None:
    loud = np.full(9600, 32767, np.int16)
    footage.audio("speech.wav", samples=loud)
    script = (
        "import wave; w = wave.open(audio); d = w.readframes(10**6); assert len(d) == 19200\nshutil.copy(face, out)"
    )
    assert stage.play(script).frames == 15
