"""Two faces that are copies of one picture: each keeps the video that was made of it."""

from __future__ import annotations

from dataclasses import replace

from daemon import control
from daemon.job import JobTake
from daemon.twins import matched
from tests.daemon.bench import Bench


def take(face: str, key: str = "k") -> JobTake:
    return replace(JobTake(face.partition(".")[0], face, "voice.wav"), key=key)


def test_the_same_file_comes_first_and_nothing_is_given_twice() -> None:
    wanted = [take("new.png"), take("ann.png"), take("odd.png", "other"), take("bob.png")]
    made = [take("bob.png"), take("ann.png"), take("gone.png"), take("gone too.png", "third")]
    pairs = [(one.face, old.face) for one, old in matched(wanted, made)]
    assert pairs == [("ann.png", "ann.png"), ("bob.png", "bob.png"), ("new.png", "gone.png")]


def test_copies_of_one_picture_keep_their_videos_when_the_job_is_made_again(bench: Bench) -> None:
    bench.drop("talk", {"voice.wav": "words", "ann.png": "ok", "bob.png": "ok", "cat.png": "slow 60"})
    with bench.watching():
        bench.wait(lambda: bench.begun("cat.png"))
        control.cancel(bench.root, "talk")
        bench.wait(lambda: (bench.root / "failed/talk").exists() and not list((bench.root / "working").iterdir()))
    home = bench.root / "failed/talk"
    for name in ("ann", "bob"):
        (home / f".lipsyncd/{name}.mp4").write_text(f"signed for {name}")  # each is signed by itself, and so different
    bench.vouch("failed/talk")
    (home / "cat.png").write_text("ok too")
    control.retry(bench.root, "talk")
    assert bench.once() == 0
    assert [bench.text(f"done/talk/{name}.mp4") for name in ("ann", "bob")] == ["signed for ann", "signed for bob"]
    assert (bench.begun("ann.png"), bench.begun("bob.png"), bench.begun("cat.png")) == (1, 1, 2)
