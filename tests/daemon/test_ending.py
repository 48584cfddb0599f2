"""How jobs end, and how they are taken up again: refused, cancelled, mended, retried, approved, published."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest

from daemon import conclusion, control
from daemon.errors import JobError
from daemon.job import State
from publishers import verify
from tests.daemon.bench import Bench

FILES = {"voice.wav": "some words", "ann.png": "ok", "bob.mp4": "ok too"}


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
    assert "  What was wrong: " in bench.text("failed/sly/WHY (2).txt")
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


def test_a_finished_folder_in_the_inbox_is_told_apart(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "no-face"})
    assert bench.once() == 1
    (bench.root / "done/talk").rename(bench.root / "inbox/talk")
    assert bench.once() == 1
    home = bench.root / "failed/talk"
    assert "finished folder" in (home / "WHY.txt").read_text(encoding="utf-8")
    assert not list(home.glob("WHY?*(2)*")), "what we wrote ourselves, we write anew"
    assert (home / "inputs" / "bob.mp4").read_text() == "no-face"


def test_cancel_keeps_what_is_made_and_only_the_rest_is_made_later(bench: Bench) -> None:
    bench.drop("talk", FILES | {"bob.mp4": "slow 60"})
    with bench.watching():
        bench.wait(lambda: bench.begun("bob.mp4"))
        begin = time.monotonic()
        control.cancel(bench.root, "talk")
        bench.wait(lambda: (bench.root / "failed/talk/WHY.txt").exists())
        assert time.monotonic() - begin < 30
        bench.wait(lambda: not list((bench.root / "working").iterdir()))
    why = bench.text("failed/talk/WHY.txt")
    assert "cancelled" in why
    assert "ann.mp4" in why
    assert why.count("back to inbox/") == 1
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
    assert bench.once() == 0
    assert "APPROVE" in bench.text("working/talk/STATUS.txt"), "though nobody waits just now"
    with bench.watching():
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
    files = {"ann.mp4", "ann.jpg", "bob.mp4", "bob.jpg", "manifest.json"}
    assert {receipt.name for receipt in bench.job("done/talk").receipts} == files


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


def test_a_wish_that_came_too_late_is_swept_away(tmp_path: Path) -> None:
    """Whoever retries the job would give it up at once."""
    home = tmp_path / "done" / "talk"
    (home / ".lipsyncd").mkdir(parents=True)
    for wish in ("CANCEL", "APPROVE", "PRIORITY", "mine.txt"):
        (home / wish).touch()
    conclusion.sweep(tmp_path / "done")
    assert [path.name for path in home.iterdir()] == ["mine.txt"]
