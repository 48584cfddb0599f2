"""The daemon as a whole, in a process of its own, with a renderer that does as it is told."""

from __future__ import annotations

import json
import os
import signal
import time

from daemon import control
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


def test_a_photo_says_who_is_meant(bench: Bench) -> None:
    toml = 'who = "who.jpg"\n[faces."ann.png"]\npick = 0'
    bench.drop("talk", FILES | {"who.jpg": "someone", "job.toml": toml})
    assert bench.once() == 0
    assert {(entry["face"], entry["who"]) for entry in bench.diary} == {("ann.png", ""), ("bob.mp4", "who.jpg")}
    manifest = json.loads(bench.text("done/talk/manifest.json"))
    ann, bob = manifest["videos"]
    assert "who" not in ann
    assert (bob["who"]["file"], bob["who"]["bytes"]) == ("who.jpg", len("someone"))
    assert not verify(bench.root / "done/talk")
    (bench.root / "done/talk/inputs/who.jpg").write_text("another", encoding="utf-8")
    assert [finding.file for finding in verify(bench.root / "done/talk")] == ["inputs/who.jpg"]


def test_another_photo_of_who_is_meant_makes_another_video(bench: Bench) -> None:
    toml = 'who = "who.jpg"'
    bench.drop("talk", FILES | {"bob.mp4": "once:no-face", "who.jpg": "someone", "job.toml": toml})
    assert bench.once() == 1
    home = bench.root / "done/talk"
    (home / "inputs/who.jpg").write_text("another", encoding="utf-8")
    control.retry(bench.root, "talk")
    assert bench.once() == 0
    assert (bench.begun("ann.png"), bench.begun("bob.mp4")) == (2, 2)


def test_what_is_less_good_is_in_the_papers(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "small"})
    assert bench.once() == 0
    manifest = json.loads(bench.text("done/talk/manifest.json"))
    said = ["the face is small (31 px between the eyes)"]
    assert [video.get("warnings") for video in manifest["videos"]] == [None, said]
    assert "Note: the face is small" in bench.text("done/talk/post.md")


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


def test_status_tells_how_far_it_is(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "slow 4"})
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


def test_two_daemons_never_take_the_same_drop(bench: Bench) -> None:
    for number in range(20):
        bench.drop(f"talk {number}", {"voice.wav": "words", f"face{number}.png": "meet 2"})
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
        bench.wait(lambda: (bench.root / "done/talk").exists(), 50)
    assert not verify(bench.root / "done/talk")


def test_polling_takes_it_too(bench: Bench) -> None:
    with bench.watching(inbox={"watch": "poll"}):
        bench.drop("talk", FILES)
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert not verify(bench.root / "done/talk")
    assert '"mode": "poll"' in bench.text("../log")


def test_once_waits_for_what_grows_and_leaves_what_is_partial(bench: Bench) -> None:
    folder = bench.drop("talk", FILES)
    bench.drop("later", FILES | {"cat.mp4.part": "half"})
    pid = bench.start(inbox={"settle": 1.2})
    for size in range(8):
        (folder / "ann.png").write_text("ok" + " " * size)
        time.sleep(0.2)
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
