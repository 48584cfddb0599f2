"""The daemon as a whole, in a process of its own, with a renderer that does as it is told."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from pathlib import Path

import pytest

from daemon import control
from daemon.errors import JobError
from daemon.job import State, TakeState
from daemon.rendition import Rendition
from daemon.work import Work
from daemon.worker import Pulse
from publishers import verify
from tests.daemon.bench import Bench

FILES = {"voice.wav": "some words", "ann.png": "ok", "bob.mp4": "ok too"}


def test_a_drop_becomes_videos_and_papers(bench: Bench) -> None:
    bench.drop("周报 2026", FILES | {"cat.jpg": "no-face", "dog.heic": "x", "notes.txt": "mine"})
    assert bench.once() == 1
    done = bench.root / "done" / "周报 2026"
    assert {path.name for path in (done / "inputs").iterdir()} == {*FILES, "cat.jpg", "dog.heic", "notes.txt"}
    manifest = json.loads(bench.text("done/周报 2026/manifest.json"))
    assert manifest["title"] == "周报 2026"
    assert [video["file"] for video in manifest["videos"]] == ["ann.mp4", "bob.mp4"]
    assert [failure["face"] for failure in manifest["failures"]] == ["cat.jpg", "dog.heic"]
    assert not verify(done)
    why = (done / "WHY.txt").read_text(encoding="utf-8")
    assert "no face in cat.jpg" in why.replace("No face", "no face")
    assert "dog.heic is of a kind that is not read" in why
    assert "What to do" in why
    assert bench.places() == ["done/周报 2026"]


def test_everything_made_is_0(bench: Bench) -> None:
    bench.drop("talk", FILES)
    bench.drop("walk", FILES)
    assert bench.once() == 0
    assert bench.once() == 0
    assert bench.places() == ["done/talk", "done/walk"]


def test_every_line_of_the_logs_names_job_and_take(bench: Bench) -> None:
    bench.drop("talk", FILES)
    bench.once()
    job = bench.job("done/talk")
    assert all({"timestamp", "level", "event", "job", "take"} <= line.keys() for line in bench.log)
    lines = [json.loads(line) for line in bench.text("done/talk/job.log").splitlines()]
    assert {line["job"] for line in lines} == {job.id}
    assert {line["take"] for line in lines} == {"-", "ann", "bob"}
    assert lines[-1]["event"] == "job over"


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
    assert bench.once(render={"attempts": 1}, limits={"take_timeout_s": 0.7}) == 1
    job = bench.job("done/talk")
    ann, bob = job.takes
    assert (ann.state, bob.state) == (TakeState.FAILED, TakeState.RENDERED)
    assert reason in ann.error
    assert "ann.png" in bench.text("done/talk/WHY.txt")


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
        bench.wait(lambda: "Waiting: the disk is full" in bench.text("working/talk/STATUS.txt"))
    assert bench.job("working/talk").takes[0].attempts == 0


def test_too_little_space_is_said(bench: Bench) -> None:
    bench.drop("talk", FILES)
    with bench.watching(limits={"free_bytes": 1 << 60}):
        bench.wait(lambda: (bench.root / "working/talk/STATUS.txt").exists())
        bench.wait(lambda: "GB are free" in bench.text("working/talk/STATUS.txt"))
    assert not bench.diary


def test_status_tells_how_far_it_is(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "slow 3"})
    path = bench.root / "working/talk/STATUS.txt"
    said = set()

    def ended() -> bool:
        if path.exists():
            said.add(path.read_text(encoding="utf-8"))
        return (bench.root / "done/talk").exists()

    with bench.watching():
        bench.wait(ended)
    assert any(line.startswith("2/2 bob.mp4 ") and "%, about " in line and line.endswith("left\n") for line in said)
    assert not (bench.root / "done/talk/STATUS.txt").exists()


def test_sigterm_leaves_a_long_take_within_seconds(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "slow 60"})
    pid = bench.start(once=False)
    bench.wait(lambda: bench.begun("bob.mp4"))
    time.sleep(0.5)
    begin = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    assert bench.end(pid) == 0
    assert time.monotonic() - begin < 8
    assert "goes on when lipsyncd starts" in bench.text("working/talk/STATUS.txt")
    assert bench.job("working/talk").takes[1].attempts == 0
    (bench.root / "working/talk/inputs/bob.mp4").write_text("ok too")
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


def test_two_daemons_never_take_the_same_drop(bench: Bench) -> None:
    for number in range(20):
        bench.drop(f"talk {number}", {"voice.wav": "words", f"face{number}.png": "slow 0.05"})
    first, second = bench.start(), bench.start()
    assert bench.end(first) == 0
    assert bench.end(second) == 0
    assert bench.places() == sorted(f"done/talk {number}" for number in range(20))
    assert sorted(entry["face"] for entry in bench.diary if entry["what"] == "begun") == sorted(
        f"face{number}.png" for number in range(20)
    )
    assert len({entry["pid"] for entry in bench.diary}) == 2, "they share the work"


def test_a_second_daemon_takes_up_what_the_first_one_left(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "slow 2"})
    first = bench.start(once=False)
    bench.wait(lambda: bench.begun("bob.mp4"))
    with bench.watching():
        time.sleep(0.5)
        assert bench.begun("bob.mp4") == 1
        os.kill(first, signal.SIGKILL)
        bench.end(first)
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert bench.begun("ann.png") == 1


def test_a_running_daemon_takes_what_is_moved_in(bench: Bench) -> None:
    with bench.watching(inbox={"interval": 60}):
        bench.wait(lambda: (bench.place / "log").exists() and "ready" in (bench.place / "log").read_text())
        time.sleep(0.3)
        bench.drop("talk", FILES)
        bench.wait(lambda: (bench.root / "done/talk").exists(), 10)


def test_polling_takes_it_too(bench: Bench) -> None:
    with bench.watching(inbox={"watch": "poll"}):
        bench.drop("talk", FILES)
        bench.wait(lambda: (bench.root / "done/talk").exists(), 10)


def test_once_waits_for_what_grows_and_leaves_what_is_partial(bench: Bench) -> None:
    folder = bench.drop("talk", FILES)
    bench.drop("later", FILES | {"cat.mp4.part": "half"})
    pid = bench.start()
    for size in range(8):
        (folder / "ann.png").write_text("ok" + " " * size)
        time.sleep(0.08)
    assert bench.end(pid) == 0
    assert bench.places() == ["done/talk", "inbox/later"]
    assert (bench.root / "done/talk/inputs/ann.png").read_text() == "ok" + " " * 7


def test_the_same_name_twice(bench: Bench) -> None:
    bench.drop("talk", FILES)
    bench.once()
    bench.drop("talk", FILES | {"ann.png": "ok, another one"})
    bench.once()
    bench.drop("talk", FILES)
    bench.once()
    assert bench.places() == ["done/talk", "done/talk (2)", "done/talk (3)"]
    assert (bench.root / "done/talk (2)/inputs/ann.png").read_text() == "ok, another one"


NAMES = [
    "with spaces",
    'it\'s "quoted"',
    "two\nlines",
    "😀 ☕",
    "x" * 250,
    "名" * 83,
    "-rf $(reboot)",
    os.fsdecode(b"caf\xe9"),
]


def test_names_are_data(bench: Bench) -> None:
    for name in NAMES:
        face = f"{name[:80]}.png"
        bench.drop(name, {"voice.wav": "words", face: "ok"})
    assert bench.once() == 1  # the name that is no text fails, as a take
    for name in NAMES:
        place = "failed" if "\udce9" in name else "done"
        assert (bench.root / place / name).is_dir(), name
    assert all(line.isprintable() for line in (bench.place / "log").read_text(encoding="utf-8").splitlines())


REFUSED = {
    "no audio": {"ann.png": "ok"},
    "no face": {"voice.wav": "words"},
    "two audios": {"a.wav": "1", "b.wav": "2", "ann.png": "ok"},
    "unknown key": {"voice.wav": "words", "ann.png": "ok", "job.toml": "titel = 'x'"},
    "empty": {"voice.wav": "words", "ann.png": ""},
}


def test_refused_drops_lie_in_failed_as_they_were_with_the_reason(bench: Bench) -> None:
    for name, files in REFUSED.items():
        bench.drop(name, files)
    assert bench.once() == 1
    assert bench.places() == sorted(f"failed/{name}" for name in REFUSED)
    for name, files in REFUSED.items():
        home = bench.root / "failed" / name
        assert {path.name: path.read_text() for path in home.iterdir() if path.name in files} == files
        assert {path.name for path in home.iterdir()} - files.keys() == {"WHY.txt", ".lipsyncd"}
        assert bench.job(f"failed/{name}").state is State.FAILED
    assert "did you mean title" in bench.text("failed/unknown key/WHY.txt")
    assert "a.wav" in bench.text("failed/two audios/WHY.txt")
    assert not bench.diary


def test_a_link_is_refused_and_never_followed(bench: Bench, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.png").write_text("ok")
    folder = bench.drop("talk", FILES)
    (folder / "key.png").symlink_to(secret / "key.png")
    sly = bench.drop("sly", FILES)
    (sly / ".lipsyncd").symlink_to(secret)
    (sly / "WHY.txt").write_text("because")
    assert bench.once() == 1
    assert "key.png is a link" in bench.text("failed/talk/WHY.txt").replace("Key", "key")
    assert bench.text("failed/sly/WHY.txt") == "because"
    assert (bench.root / "failed/sly/_.lipsyncd").is_symlink()
    assert {path.name for path in secret.iterdir()} == {"key.png"}
    assert (bench.root / "failed/talk/key.png").is_symlink()


def test_a_failed_folder_is_mended_and_moved_back(bench: Bench) -> None:
    bench.drop("talk", FILES | {"ann.png": "no-face", "bob.mp4": "no-face"})
    assert bench.once() == 1
    failed = bench.root / "failed/talk"
    identity = bench.job("failed/talk").id
    (failed / "ann.png").write_text("ok")
    (failed / "bob.mp4").write_text("ok too")
    failed.rename(bench.root / "inbox/talk")
    assert bench.once() == 0
    assert {path.name for path in (bench.root / "done/talk/inputs").iterdir()} == set(FILES)
    assert bench.job("done/talk").id == identity


def test_cancel_keeps_what_is_made_and_only_the_rest_is_made_later(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "slow 60"})
    with bench.watching():
        bench.wait(lambda: bench.begun("bob.mp4"))
        begin = time.monotonic()
        control.cancel(bench.root, "talk")
        bench.wait(lambda: (bench.root / "failed/talk/WHY.txt").exists())
        assert time.monotonic() - begin < 3
        bench.wait(lambda: not list((bench.root / "working").iterdir()))
    why = bench.text("failed/talk/WHY.txt")
    assert "cancelled" in why
    assert "ann.mp4" in why
    made = (bench.root / "failed/talk/.lipsyncd/ann.mp4").stat()
    (bench.root / "failed/talk/bob.mp4").write_text("ok too")
    control.retry(bench.root, "talk")
    assert bench.once() == 0
    assert bench.begun("ann.png") == 1
    assert bench.begun("bob.mp4") == 2
    kept = (bench.root / "done/talk/ann.mp4").stat()
    assert (made.st_ino, made.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    assert {path.name for path in (bench.root / "done/talk/inputs").iterdir()} == set(FILES)


def test_what_was_made_survives_a_second_refusal(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "slow 60"})
    with bench.watching():
        bench.wait(lambda: bench.begun("bob.mp4"))
        control.cancel(bench.root, "talk")
        bench.wait(lambda: (bench.root / "failed/talk").exists() and not list((bench.root / "working").iterdir()))
    (bench.root / "failed/talk/job.toml").write_text("titel = 1")
    control.retry(bench.root, "talk")
    assert bench.once() == 1
    assert "titel" in bench.text("failed/talk/WHY.txt")
    (bench.root / "failed/talk/job.toml").unlink()
    (bench.root / "failed/talk/bob.mp4").write_text("ok too")
    control.retry(bench.root, "talk")
    assert bench.once() == 0
    assert bench.begun("ann.png") == 1


def test_other_settings_make_it_anew(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "slow 60"})
    with bench.watching():
        bench.wait(lambda: bench.begun("bob.mp4"))
        control.cancel(bench.root, "talk")
        bench.wait(lambda: (bench.root / "failed/talk").exists() and not list((bench.root / "working").iterdir()))
    (bench.root / "failed/talk/bob.mp4").write_text("ok too")
    control.retry(bench.root, "talk")
    assert bench.once(render={"quality": 30}) == 0
    assert bench.begun("ann.png") == 2


def test_retry_of_a_done_job_makes_only_what_failed(bench: Bench) -> None:
    bench.drop("talk", FILES | {"cat.jpg": "once:exit"})
    assert bench.once(render={"attempts": 1}) == 1
    made = (bench.root / "done/talk/ann.mp4").stat().st_ino
    with bench.watching():
        control.retry(bench.root, bench.job("done/talk"))
        bench.wait(lambda: (bench.root / "done/talk/cat.mp4").exists() and (bench.root / "done/talk/post.md").exists())
    assert bench.begun("ann.png") == 1
    assert (bench.root / "done/talk/ann.mp4").stat().st_ino == made
    assert not (bench.root / "done/talk/WHY.txt").exists()
    assert len(json.loads(bench.text("done/talk/manifest.json"))["videos"]) == 3
    assert not verify(bench.root / "done/talk")
    with pytest.raises(JobError, match="nothing of talk"):
        control.retry(bench.root, "talk")


def test_a_file_exchanged_in_the_inputs_is_noticed(bench: Bench) -> None:
    bench.drop("talk", FILES | {"cat.jpg": "no-face"})
    bench.once()
    (bench.root / "done/talk/inputs/cat.jpg").write_text("ok")
    (bench.root / "done/talk/inputs/ann.png").write_text("ok, but another")
    control.retry(bench.root, "talk")
    assert bench.once() == 0
    assert not verify(bench.root / "done/talk")
    assert bench.begun("bob.mp4") == 1
    assert bench.begun("ann.png") == 2


def test_review_waits_for_approval(bench: Bench) -> None:
    bench.drop("talk", FILES | {"job.toml": "review = true"})
    with bench.watching():
        bench.wait(lambda: (bench.root / "working/talk/STATUS.txt").exists())
        bench.wait(lambda: "APPROVE" in bench.text("working/talk/STATUS.txt"))
        assert bench.job("working/talk").state is State.REVIEW
        bench.drop("walk", FILES)
        bench.wait(lambda: (bench.root / "done/walk").exists())
        control.approve(bench.root, "talk")
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert not (bench.root / "done/talk/APPROVE").exists()


def test_results_are_published_to_the_folder(bench: Bench) -> None:
    target = bench.place / "published"
    target.mkdir()
    bench.drop("talk", FILES | {"job.toml": 'publish = ["folder"]\ntitle = "Hello"\ndescription = "World"'})
    assert bench.once(publish={"folder": {"path": str(target)}}) == 0
    manifest = json.loads(bench.text("done/talk/manifest.json"))
    assert [receipt["publisher"] for video in manifest["videos"] for receipt in video["receipts"]] == ["folder"] * 2
    assert (manifest["title"], manifest["description"]) == ("Hello", "World")
    sums = {hashlib.sha256(path.read_bytes()).hexdigest() for path in target.rglob("*") if path.is_file()}
    assert {video["sha256"] for video in manifest["videos"]} <= sums
    assert not verify(bench.root / "done/talk")


def test_a_publisher_that_is_away_is_waited_for(bench: Bench) -> None:
    target = bench.place / "published"
    bench.drop("talk", FILES)
    with bench.watching(publish={"to": ["folder"], "folder": {"path": str(target)}}):
        bench.wait(lambda: (bench.root / "working/talk/STATUS.txt").exists())
        bench.wait(lambda: "folder did not answer" in bench.text("working/talk/STATUS.txt"))
    target.mkdir()
    assert bench.once(publish={"to": ["folder"], "folder": {"path": str(target)}}) == 0
    assert {receipt.name for receipt in bench.job("done/talk").receipts} == {"ann.mp4", "ann.jpg", "bob.mp4", "bob.jpg"}


def test_controls_say_what_is_wrong(bench: Bench) -> None:
    bench.drop("talk", FILES)
    with pytest.raises(JobError, match="no job nothing"):
        control.cancel(bench.root, "nothing")
    bench.once()
    with pytest.raises(JobError, match="is over"):
        control.cancel(bench.root, "talk")
    with pytest.raises(JobError, match="does not wait"):
        control.approve(bench.root, "talk")
    job = bench.job("done/talk")
    assert bench.journal.find(job.id).home == bench.root / "done/talk"
    assert bench.journal.jobs() == [job]


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
