"""The publishing of a job from end to end, at publishers that do as they are told."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from itertools import pairwise

import pytest

from daemon import control, rounds
from daemon.__main__ import main
from daemon.job import State
from publishers import read_manifest, verify
from tests.daemon.bench import Bench
from tests.daemon.fake_store import Stores

FILES = {"voice.wav": "some words", "ann.png": "ok", "bob.mp4": "ok too"}
VIDEOS = ["ann.mp4", "ann.jpg", "bob.mp4", "bob.jpg"]
PAPERS = ["ann.metadata.json", "bob.metadata.json", "manifest.json"]


def to(*names: str, **more: object) -> dict[str, dict[str, object]]:
    return {"publish": {"to": names, **more}}


def status(bench: Bench) -> str:
    path = bench.root / "working/talk/STATUS.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_files_then_the_whole_then_papers_then_the_post(bench: Bench, stores: Stores) -> None:
    bench.drop("talk", FILES)
    assert bench.once(**to("alpha", "plain", "herald")) == 0
    home = bench.root / "done/talk"
    assert not verify(home)
    assert stores.asked("alpha", "publish") == [*VIDEOS, *PAPERS] == stores.asked("plain", "publish")
    assert stores.asked("alpha", "quote") == [""]
    calls = [entry["what"] for entry in stores.diary if entry["store"] == "alpha"]
    assert calls == ["quote", *["publish"] * 4, "gather", *["publish"] * 3]
    assert stores.diary[-1]["what"] == "announce"
    job = bench.job("done/talk")
    manifest = read_manifest(home)
    assert [receipt.publisher for receipt in manifest.videos[0].receipts] == ["alpha", "plain"]
    assert manifest.directory.receipts[0].address == f"ipfs://{manifest.directory.cid}"
    listed = {receipt.publisher: receipt for receipt in job.receipts if receipt.name == "manifest.json"}
    assert set(listed) == {"alpha", "plain"}
    assert listed["alpha"].address in bench.text("done/talk/post.md")
    token = json.loads(bench.text("done/talk/ann.metadata.json"))
    assert token["animation_url"] == f"ipfs://{manifest.directory.cid}/ann.mp4"
    over = next(line for line in bench.log if line["event"] == "job over")
    assert set(over["manifest"]) == {listed["alpha"].address, listed["plain"].address}
    assert {path.name for path in home.iterdir()} == {
        *VIDEOS, *PAPERS, "inputs", "job.json", "job.log", "post.md"
    }  # fmt: skip


def test_a_long_publish_holds_up_neither_the_watchdog_nor_other_jobs(
    bench: Bench, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(bench.place / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    heard: list[tuple[float, str]] = []
    stores.tell("alpha", deaf=0.7)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.settimeout(20)
        bench.drop("talk", FILES)
        bench.drop("walk", FILES | {"ann.png": "slow 2", "job.toml": 'publish = []\npriority = "low"'})
        pid = bench.start(**to("alpha"))
        while not heard or heard[-1][1] != "STOPPING=1":
            heard.append((time.monotonic(), server.recv(1000).decode()))
        assert bench.end(pid) == 0
    pings = [moment for moment, text in heard if text == "WATCHDOG=1"]
    assert max(after - before for before, after in pairwise(pings)) < 1.5
    lines = [(line["event"], line.get("take")) for line in bench.log]
    begun, finished = lines.index(("take started", "ann"), 10), lines.index(("take finished", "ann"), 10)
    assert ("published", "-") in lines[begun:finished], "files are published while a take of another job is rendered"


def test_status_tells_how_far_a_publish_is(bench: Bench, stores: Stores) -> None:
    stores.tell("alpha", slow=1.5)
    bench.drop("talk", FILES)
    said = set()
    with bench.watching(**to("alpha")):
        bench.wait(lambda: said.add(status(bench)) or stores.asked("alpha", "publish")[:2] == VIDEOS[:2])
        (job,) = [one for one in bench.journal.filed() if one.place == "working"]
        assert job.job.state is State.MARKED
    assert any(line.startswith("publishing ann.mp4 to alpha, ") and line.endswith(" %\n") for line in said)


@pytest.mark.parametrize("manner", [{"slow": 60}, {"deaf": 60}])
def test_the_end_is_soon_and_the_next_start_goes_on(bench: Bench, stores: Stores, manner: dict[str, object]) -> None:
    bench.drop("talk", FILES)
    stores.tell("alpha", **manner)
    pid = bench.start(once=False, **to("alpha"))
    bench.wait(lambda: stores.asked("alpha", "publish"))
    begin = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    assert bench.end(pid) == 0
    assert time.monotonic() - begin < 30
    assert "goes on when lipsyncd starts again" in status(bench)
    stores.tell("alpha")
    assert bench.once(**to("alpha")) == 0
    assert stores.paid("alpha") == sorted(["", *VIDEOS, *PAPERS])


@pytest.mark.parametrize("manner", [{"slow": 60}, {"deaf": 60}])
def test_cancelled_in_the_middle(bench: Bench, stores: Stores, manner: dict[str, object]) -> None:
    bench.drop("talk", FILES)
    with bench.watching(**to("alpha", "plain")):
        stores.tell("alpha", **manner)
        bench.wait(lambda: stores.asked("plain", "publish") == VIDEOS)
        begin = time.monotonic()
        control.cancel(bench.root, "talk")
        bench.wait(
            lambda: (bench.root / "failed/talk/WHY.txt").exists() and not any((bench.root / "working").iterdir())
        )
        assert time.monotonic() - begin < 30
        why = bench.text("failed/talk/WHY.txt")
        assert "cancelled while publishing ann.mp4 to alpha: what was sent stays there." in why
        assert "Published already" in why
        assert "ann.mp4: ipfs://" in why
        assert "(plain)" in why
        assert "(alpha)" not in why
        stores.tell("alpha")
        control.retry(bench.root, "talk")
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert bench.begun("ann.png") == 1
    assert stores.asked("plain", "publish") == [*VIDEOS, *PAPERS]
    assert stores.paid("alpha") == sorted(["", *VIDEOS, *PAPERS])


def test_one_that_is_away_holds_up_no_other(bench: Bench, stores: Stores) -> None:
    stores.tell("alpha", away=True)
    bench.drop("talk", FILES)
    with bench.watching(**to("alpha", "beta")):
        bench.wait(lambda: "" in stores.asked("beta", "gather"))
        bench.wait(lambda: "alpha did not answer" in status(bench))
        assert "nobody answers at alpha" in status(bench)
        bench.drop("walk", FILES | {"job.toml": "publish = []"})
        bench.wait(lambda: (bench.root / "done/walk").exists())
        stores.tell("alpha")
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert stores.asked("alpha", "publish") == [*VIDEOS, *PAPERS]


def test_once_gives_up_on_who_stays_away(bench: Bench, stores: Stores) -> None:
    stores.tell("alpha", away=True)
    bench.drop("talk", FILES)
    assert bench.once(**to("alpha", "plain")) == 1
    assert bench.places() == ["working/talk"]
    assert stores.asked("plain", "publish") == VIDEOS
    stores.tell("alpha")
    assert bench.once(**to("alpha", "plain")) == 0


def test_once_waits_for_what_is_pending(bench: Bench, stores: Stores) -> None:
    stores.tell("alpha", pending=6, wait=0.1)
    bench.drop("talk", FILES)
    bench.drop("walk", FILES | {"ann.png": "ok, another", "job.toml": "publish = []"})
    said = set()
    pid = bench.start(**to("alpha"))
    bench.wait(lambda: said.add(status(bench)) or (bench.root / "done/talk").exists())
    assert bench.end(pid) == 0
    assert any("waiting for alpha: ann.mp4 has" in line and "looked at again every" in line for line in said)
    assert stores.paid("alpha") == sorted(["", *VIDEOS, *PAPERS])
    first, last = stores.diary.index, len(stores.diary)
    assert first(next(entry for entry in stores.diary if entry["file"] == "bob.jpg")) < last / 4, (
        "all are sent, then waited for"
    )
    job = bench.job("done/talk")
    assert not job.sent
    assert {receipt.state for receipt in job.receipts} == {"read back"}


def test_too_dear_is_said_before_anything_is_sent(bench: Bench, stores: Stores) -> None:
    stores.tell("alpha", price=3_000_000, cap=10_000_000)
    bench.drop("talk", FILES)
    assert bench.once(**to("plain", "beta", "alpha")) == 1
    why = bench.text("failed/talk/WHY.txt")
    assert "Alpha wants 12000000; max_ar allows 10000000." in why
    assert "Raise max_ar." in why
    assert not [entry for entry in stores.diary if entry["what"] == "publish"]
    stores.tell("alpha", price=2_000_000, cap=10_000_000)
    control.retry(bench.root, "talk")
    assert bench.once(**to("plain", "beta", "alpha")) == 0
    assert bench.begun("ann.png") == 1
    quotes = {quote.publisher: quote.winston for quote in bench.job("done/talk").quotes}
    assert quotes == {"beta": 0, "alpha": 8_000_000}


def test_a_refusal_ends_the_job_and_only_what_is_missing_is_published_later(bench: Bench, stores: Stores) -> None:
    stores.tell("alpha", refuse=["bob.mp4"])
    bench.drop("talk", FILES)
    assert bench.once(**to("alpha")) == 1
    assert "too large for alpha" in bench.text("failed/talk/WHY.txt")
    assert not list((bench.root / "failed/talk").glob("*.metadata.json"))
    assert bench.places() == ["failed/talk"]
    stores.tell("alpha")
    control.retry(bench.root, "talk")
    assert bench.once(**to("alpha")) == 0
    assert stores.asked("alpha", "publish") == ["ann.mp4", "ann.jpg", "bob.mp4", "bob.mp4", "bob.jpg", *PAPERS]
    assert bench.begun("bob.mp4") == 1


def test_a_lie_is_not_believed(bench: Bench, stores: Stores) -> None:
    stores.tell("plain", lie=True)
    bench.drop("talk", FILES)
    assert bench.once(**to("plain")) == 1
    assert "receipt for something else than ann.mp4" in bench.text("failed/talk/WHY.txt")


def test_a_bug_parks_one_job(bench: Bench, stores: Stores) -> None:
    stores.tell("plain", bug=True)
    bench.drop("talk", FILES)
    bench.drop("walk", FILES | {"job.toml": "publish = []"})
    with bench.watching(**to("plain")):
        bench.wait(lambda: (bench.root / "done/walk").exists())
        bench.wait(lambda: "fault in lipsyncd itself" in status(bench))
    assert any("ZeroDivisionError" in line.get("exception", "") for line in bench.log)


def test_what_is_approved_is_what_is_published(bench: Bench, stores: Stores) -> None:
    stores.tell("alpha", price=1_500_000_000)
    bench.drop("talk", FILES)
    settings = to("alpha", "plain", review=True)
    with bench.watching(**settings):
        bench.wait(lambda: "APPROVE" in status(bench))
        review = bench.text("working/talk/REVIEW.txt")
        video = bench.job("working/talk").takes[0].video
        assert video
        assert f"ipfs://{video.cid}, 0.0015 AR" in review
        assert "alpha: 0.006 AR in all." in review
        assert video.sha256 in review
        assert not [entry for entry in stores.diary if entry["what"] == "publish"]
        time.sleep(0.5)
        (bench.root / "working/talk/ann.mp4").write_text("another video")
        control.approve(bench.root, "talk")
        bench.wait(lambda: (bench.root / "failed/talk/WHY.txt").exists())
    assert "changed after it was shown" in bench.text("failed/talk/WHY.txt")
    assert not [entry for entry in stores.diary if entry["what"] == "publish"]
    assert not (bench.root / "failed/talk/REVIEW.txt").exists()
    control.retry(bench.root, "talk")
    with bench.watching(**settings):
        bench.wait(lambda: "APPROVE" in status(bench))
        control.approve(bench.root, "talk")
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert stores.asked("alpha", "publish") == [*VIDEOS, *PAPERS]
    assert not (bench.root / "done/talk/REVIEW.txt").exists()


def test_what_waits_for_approval_says_so_also_where_nobody_watches(bench: Bench, stores: Stores) -> None:
    bench.drop("talk", FILES)
    assert bench.once(**to("alpha", review=True)) == 0
    assert status(bench).startswith("Waiting: it waits for approval. Read REVIEW.txt")
    control.approve(bench.root, "talk")
    assert bench.once(**to("alpha", review=True)) == 0
    assert (bench.root / "done/talk").exists()


def test_a_draft_that_is_refused_is_a_note(bench: Bench, stores: Stores) -> None:
    stores.tell("herald", refuse=["talk"])
    bench.drop("talk", FILES)
    assert bench.once(**to("alpha", "herald")) == 0
    why = bench.text("done/talk/WHY.txt")
    assert "too large for herald" in why.replace("Talk", "talk")
    assert "The videos are made, and published." in why
    assert [note.publisher for note in bench.job("done/talk").notes] == ["herald"]
    manifest, paid = bench.text("done/talk/manifest.json"), stores.paid("alpha")
    time.sleep(1.1)  # a manifest written anew would bear another time
    stores.tell("herald")
    control.retry(bench.root, "talk")
    assert bench.once(**to("alpha", "herald")) == 0
    assert (bench.text("done/talk/manifest.json"), stores.paid("alpha")) == (manifest, paid)
    assert stores.paid("herald") == ["post.md"]
    assert not (bench.root / "done/talk/WHY.txt").exists()


def test_a_folder_dropped_again_is_neither_made_nor_paid_again(bench: Bench, stores: Stores) -> None:
    bench.drop("talk", FILES)
    assert bench.once(**to("alpha", "plain")) == 0
    paid = stores.paid("alpha")
    bench.drop("talk", FILES)
    assert bench.once(**to("alpha", "plain")) == 0
    assert stores.paid("alpha") == paid
    assert bench.begun("ann.png") == 1
    assert bench.text("done/talk/manifest.json") == bench.text("done/talk (2)/manifest.json")
    bench.drop("walk", FILES | {"ann.png": "ok, but another"})
    assert bench.once(**to("alpha", "plain")) == 0
    assert (bench.begun("ann.png"), bench.begun("bob.mp4")) == (2, 1)
    assert not verify(bench.root / "done/walk")


def test_what_was_altered_in_done_is_made_anew(bench: Bench, stores: Stores) -> None:
    bench.drop("talk", FILES)
    assert bench.once(**to("plain")) == 0
    assert stores.paid("plain")
    (bench.root / "done/talk/ann.mp4").write_text("video of ok, cut byme")
    bench.drop("talk", FILES)
    assert bench.once(**to("plain")) == 0
    assert (bench.begun("ann.png"), bench.begun("bob.mp4")) == (2, 1)
    assert not verify(bench.root / "done/talk (2)")


def test_nothing_is_left_of_a_job_that_fails_at_its_papers(bench: Bench, stores: Stores) -> None:
    stores.tell("plain", refuse=["manifest.json"])
    bench.drop("talk", FILES)
    assert bench.once(**to("plain")) == 1
    assert bench.places() == ["failed/talk"]
    written = bench.job("failed/talk").recorded
    stores.tell("plain")
    time.sleep(1.1)
    control.retry(bench.root, "talk")
    assert bench.once(**to("plain")) == 0
    assert bench.job("done/talk").recorded == written
    assert stores.asked("plain", "publish") == [*VIDEOS, *PAPERS, "manifest.json"]


def test_a_folder_dropped_twice_at_once_is_made_and_paid_once(bench: Bench, stores: Stores) -> None:
    files = FILES | {"bob.mp4": "slow 4"}
    bench.drop("talk", files)
    bench.drop("walk", files | {"job.toml": 'title = "talk"'})
    stores.tell("alpha", pending=2, wait=0.2)
    assert bench.once(**to("alpha")) == 0
    assert (bench.begun("ann.png"), bench.begun("bob.mp4")) == (1, 1)
    videos = [file for file in stores.paid("alpha") if file and file != "manifest.json"]
    assert videos == sorted([*VIDEOS, *PAPERS[:2]])
    assert not verify(bench.root / "done/walk")


def test_half_published_and_dropped_again_as_a_new_folder(bench: Bench, stores: Stores) -> None:
    stores.tell("alpha", refuse=["bob.jpg"])
    bench.drop("talk", FILES)
    assert bench.once(**to("alpha")) == 1
    stores.tell("alpha")
    bench.drop("talk again", FILES)
    assert bench.once(**to("alpha")) == 0
    assert bench.places() == ["done/talk again", "failed/talk"]
    assert stores.paid("alpha") == sorted(["", *VIDEOS, *PAPERS])
    assert (bench.begun("ann.png"), bench.begun("bob.mp4")) == (1, 1)


def test_a_call_that_gives_no_sign_of_life_is_left_behind(
    bench: Bench, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "_DEAF", 4.0)
    stores.tell("alpha", deaf=60)
    bench.drop("talk", FILES)
    with bench.watching(**to("alpha")):
        bench.wait(lambda: any("no sign of life" in line.get("reason", "") for line in bench.log))
        stores.tell("alpha")
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert stores.paid("alpha") == sorted(["", *VIDEOS, *PAPERS])


def test_who_waits_for_a_publisher_shows_that_it_lives(bench: Bench, stores: Stores) -> None:
    """Else a daemon on another machine would take the job for left after two minutes."""
    stores.tell("alpha", deaf=60)
    bench.drop("talk", FILES)
    card = bench.root / "working/talk/.lipsyncd/owner.json"
    with bench.watching(**to("alpha")):
        bench.wait(lambda: stores.asked("alpha", "publish"))
        first = json.loads(card.read_text())["beat"]
        bench.wait(lambda: json.loads(card.read_text())["beat"] > first + 1)


def test_jobs_tell_of_it(bench: Bench, stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--root", str(bench.root), "--state", str(bench.place / "state")]
    stores.tell("alpha", pending=500, wait=0.3)
    bench.drop("talk", FILES)
    with bench.watching(**to("alpha", "plain")):
        bench.wait(lambda: "waiting for alpha" in status(bench) and len(bench.job("working/talk").receipts) == 4)
        assert main(["jobs", "--json", *where]) == 0
        (job,) = json.loads(capsys.readouterr().out)["jobs"]
        assert "waiting for alpha" in job["status"]
        assert {receipt["publisher"] for receipt in job["receipts"]} == {"plain"}
        assert {receipt["state"] for receipt in job["sent"]} == {"sent"}
        assert main(["jobs", *where]) == 0
        assert "waiting for alpha" in capsys.readouterr().out
        stores.tell("alpha")
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert main(["jobs", "--json", *where]) == 0
    (job,) = json.loads(capsys.readouterr().out)["jobs"]
    assert {receipt["publisher"] for receipt in job["manifest"]} == {"alpha", "plain"}
    assert [one["name"] for one in job["directories"]] == [""]
    assert job["status"] == ""
