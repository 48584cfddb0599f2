"""What comes back to the inbox with our hidden folder in it is taken over only where we have made it ourselves."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon import claim, conclusion, control, journal, plain
from daemon import hallmark as hallmarks
from daemon.errors import JournalError
from daemon.hallmark import Hallmark
from daemon.job import Job, JobTake, State, TakeState
from daemon.journal import dumps
from publishers import Receipt
from tests.daemon.bench import Bench
from tests.daemon.fake_store import Stores

FILES = {"a.wav": "speech", "ann.png": "ok", "bob.png": "slow 60"}
FORGED = "a video of somebody else"


def failed(bench: Bench, **sections: dict[str, object]) -> Path:
    """A folder of which one video was made, and that was given up then."""
    bench.drop("talk", FILES)
    with bench.watching(**sections):
        bench.wait(lambda: bench.begun("bob.png"))
        control.cancel(bench.root, "talk")
        bench.wait(lambda: (bench.root / "failed/talk").exists() and not list((bench.root / "working").iterdir()))
    (bench.root / "failed/talk/bob.png").write_text("ok")
    return bench.root / "failed/talk"


def told(bench: Bench) -> list[str]:
    return [line["reason"] for line in bench.log if line["event"] == "what was made earlier is not taken over"]


def test_what_we_made_is_taken_over(bench: Bench) -> None:
    home = failed(bench)
    before = bench.job("failed/talk")
    made = (home / ".lipsyncd/ann.mp4").read_bytes()
    control.retry(bench.root, "talk")
    assert bench.once() == 0
    assert bench.begun("ann.png") == 1
    assert (bench.root / "done/talk/ann.mp4").read_bytes() == made
    assert bench.job("done/talk").id == before.id
    assert not told(bench)
    key = bench.place / "state/hallmark.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in key.parent.iterdir() if "hallmark" in path.name] == [key.name]


def swapped(home: Path) -> None:
    (home / ".lipsyncd/ann.mp4").write_text(FORGED)


def poster(home: Path) -> None:
    (home / ".lipsyncd/ann.jpg").write_text(FORGED)


def linked(home: Path) -> None:
    video = home / ".lipsyncd/ann.mp4"
    video.rename(home.parents[1] / "elsewhere.mp4")
    video.symlink_to(home.parents[1] / "elsewhere.mp4")


@pytest.mark.parametrize("forge", [swapped, *(pytest.param(one, marks=pytest.mark.soak) for one in (poster, linked))])
def test_a_file_that_is_not_the_one_we_made_is_made_anew(bench: Bench, forge: Callable[[Path], None]) -> None:
    forge(failed(bench))
    control.retry(bench.root, "talk")
    assert bench.once() == 0
    assert bench.begun("ann.png") == 2
    assert bench.text("done/talk/ann.mp4").startswith("video of ok")


def receipts(said: dict[str, Any]) -> None:
    said["receipts"] = [vars(Receipt("folder", "ann.mp4", "0" * 64, "folder:ann.mp4", "", "read back"))]


def key(said: dict[str, Any]) -> None:
    said["takes"][0]["key"] = "another"


def files(said: dict[str, Any]) -> None:
    said["files"]["ann.mp4"] = "0" * 64


def bare(said: dict[str, Any]) -> None:
    del said["hallmark"]


def odd(said: dict[str, Any]) -> None:
    said["hallmark"] = "\udc80"


def number(said: dict[str, Any]) -> None:
    said["hallmark"] = 7


@pytest.mark.parametrize("forge", [receipts, key, files, bare, odd, number])
def test_a_changed_job_json_is_not_known(tmp_path: Path, forge: Callable[[dict[str, Any]], None]) -> None:
    hallmark, paper = Hallmark(tmp_path), tmp_path / "job.json"
    take = JobTake("ann", "ann.png", "a.wav")
    job = Job("12345678", "talk", "2026-11-21T00:00:00.000+00:00", "null", takes=(take,))
    said = json.loads(hallmark.strike(job, {"ann.mp4": "1"}))
    paper.write_text(json.dumps(said), encoding="utf-8")
    assert hallmark.known(paper) == (job, {"ann.mp4": "1"})
    forge(said)
    paper.write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(JournalError, match="was not written here"):
        hallmark.known(paper)


def test_a_changed_job_json_counts_for_nothing(bench: Bench) -> None:
    paper = failed(bench) / ".lipsyncd/job.json"
    before = bench.job("failed/talk")
    said = json.loads(paper.read_text(encoding="utf-8"))
    receipts(said)
    paper.write_text(json.dumps(said), encoding="utf-8")
    control.retry(bench.root, "talk")
    assert bench.once() == 0
    assert (bench.begun("ann.png"), bench.begun("bob.png")) == (2, 2)
    after = bench.job("done/talk")
    assert not after.receipts
    assert after.id != before.id
    assert told(bench) == ["the job.json of previous was not written here"]


def test_a_forged_drop_is_made_like_any_other(bench: Bench) -> None:
    """Somebody knows how we hash, and puts a video of their own beside a job.json that fits."""
    failed(bench)
    theirs = bench.job("failed/talk")
    receipt = Receipt("folder", "ann.mp4", "0" * 64, "folder:ann.mp4", "", "read back")
    bench.drop("evil", FILES | {"bob.png": "ok"})
    hidden = bench.root / "inbox/evil/.lipsyncd"
    hidden.mkdir()
    takes = tuple(replace(take, state=TakeState.RENDERED, made=theirs.takes[0].made) for take in theirs.takes)
    (hidden / "job.json").write_text(dumps(replace(theirs, takes=takes, receipts=(receipt,))), encoding="utf-8")
    for name in ("ann.mp4", "ann.jpg", "bob.mp4", "bob.jpg"):
        (hidden / name).write_text(FORGED)
    assert bench.once() == 0
    done = bench.job("done/evil")
    assert not done.receipts
    assert done.id != theirs.id
    assert not [path for path in (bench.root / "done").rglob("*.mp4") if path.read_text() == FORGED]


def test_what_is_forged_is_not_blessed_by_failing_again(bench: Bench) -> None:
    """A try that ends before it looks keeps what came with the folder, and must not vouch for it."""
    failed(bench)
    theirs = bench.job("failed/talk")
    bench.drop("evil", {"a.wav": "speech"})  # no face: refused at once
    hidden = bench.root / "inbox/evil/.lipsyncd"
    hidden.mkdir()
    (hidden / "job.json").write_text(dumps(theirs), encoding="utf-8")
    for name in ("ann.mp4", "ann.jpg"):
        (hidden / name).write_text(FORGED)
    assert bench.once() == 1
    assert not bench.job("failed/evil").in_state(TakeState.RENDERED)
    for name, text in (FILES | {"bob.png": "ok"}).items():
        (bench.root / "failed/evil" / name).write_text(text)
    control.retry(bench.root, "evil")
    assert bench.once() == 0
    assert bench.text("done/evil/ann.mp4").startswith("video of ok")


def test_what_is_ours_lasts_through_a_try_that_never_looked(bench: Bench) -> None:
    home = failed(bench)
    wav = (home / "a.wav").read_text()
    (home / "a.wav").unlink()
    control.retry(bench.root, "talk")
    assert bench.once() == 1  # no speech: refused
    (bench.root / "failed/talk/a.wav").write_text(wav)
    control.retry(bench.root, "talk")
    assert bench.once() == 0
    assert bench.begun("ann.png") == 1


def test_another_machine_makes_it_anew(bench: Bench) -> None:
    failed(bench)
    control.retry(bench.root, "talk")
    assert bench.once(paths={"root": bench.root, "state": bench.place / "another"}) == 0
    assert bench.begun("ann.png") == 2
    assert told(bench)


def test_another_machine_with_the_same_key_goes_on(bench: Bench) -> None:
    failed(bench)
    (bench.place / "another").mkdir()
    shutil.copy(bench.place / "state/hallmark.key", bench.place / "another")
    control.retry(bench.root, "talk")
    assert bench.once(paths={"root": bench.root, "state": bench.place / "another"}) == 0
    assert bench.begun("ann.png") == 1


def test_a_key_is_made_once_and_a_damaged_one_anew(tmp_path: Path) -> None:
    job = Job("12345678", "talk", "2026-11-21T00:00:00.000+00:00", "null", state=State.FAILED)
    paper = tmp_path / "job.json"
    paper.write_text(Hallmark(tmp_path / "state").strike(job, {"a.mp4": "1"}))
    assert Hallmark(tmp_path / "state").known(paper) == (job, {"a.mp4": "1"})
    made = (tmp_path / "state/hallmark.key").read_text()
    Hallmark(tmp_path / "state").strike(job, {})
    assert (tmp_path / "state/hallmark.key").read_text() == made
    (tmp_path / "state/hallmark.key").write_text("half")
    with pytest.raises(JournalError):
        Hallmark(tmp_path / "state").known(paper)
    paper.write_text(Hallmark(tmp_path / "state").strike(job, {}))
    assert Hallmark(tmp_path / "state").known(paper) == (job, {})


def test_without_a_state_directory_nothing_is_vouched_for_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    job = Job("12345678", "talk", "2026-11-21T00:00:00.000+00:00", "null")
    paper = tmp_path / "job.json"
    paper.write_text(Hallmark(tmp_path / "state").strike(job, {}))
    with pytest.raises(JournalError):
        Hallmark(tmp_path / "state").known(paper)


def test_a_document_deeper_than_any_of_ours(tmp_path: Path) -> None:
    hallmark = Hallmark(tmp_path / "state")
    said = json.loads(hallmark.strike(Job("12345678", "talk", "2026-11-21T00:00:00.000+00:00", "null"), {}))
    text = json.dumps(said | {"deep": 0}).replace('"deep": 0', '"deep": ' + "[" * 900 + "]" * 900)
    (tmp_path / "job.json").write_text(text)
    with pytest.raises(JournalError):
        hallmark.known(tmp_path / "job.json")


@pytest.mark.parametrize("at_once", [False, True])
def test_a_copy_of_a_failed_folder_is_not_paid_again(bench: Bench, stores: Stores, at_once: bool) -> None:
    """Copies say that they are one job, which they are not: what one has published, the other must see."""
    sections: dict[str, dict[str, object]] = {"publish": {"to": ["plain"]}}
    home = failed(bench, **sections)
    (home / "bob.png").write_text("ok too")
    shutil.copytree(home, bench.place / "copy")
    control.retry(bench.root, "talk")
    if not at_once:
        assert bench.once(**sections) == 0
    (bench.place / "copy").rename(bench.root / "inbox/walk")
    assert bench.once(**sections) == 0
    assert bench.places() == ["done/talk", "done/walk"]
    assert bench.begun("bob.png") == 2  # the first one was given up; made once more, it would be another file
    assert [name for name in stores.paid("plain") if name.endswith(".mp4")] == ["ann.mp4", "bob.mp4"]


RECEIPT = Receipt("folder", "ann.mp4", "0" * 64, "folder:ann.mp4", "", "read back")


def test_a_file_system_without_links_has_a_key_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_source: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refused)
    job = Job("12345678", "talk", "2026-11-21T00:00:00.000+00:00", "null", state=State.FAILED)
    paper = tmp_path / "job.json"
    paper.write_text(Hallmark(tmp_path / "state").strike(job, {}))
    assert Hallmark(tmp_path / "state").known(paper) == (job, {})
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["hallmark.key"]


def test_what_is_published_never_goes_without_our_mark(tmp_path: Path) -> None:
    """It would be made, and paid for, once more."""
    (tmp_path / "state").write_text("a file")
    job = Job("12345678", "talk", "2026-11-21T00:00:00.000+00:00", "null", receipts=(RECEIPT,))
    with pytest.raises(OSError, match="state"):
        Hallmark(tmp_path / "state").strike(job, {})


@pytest.mark.parametrize("name", ["hallmark.key", "job.json"])
def test_a_disk_that_refuses_for_a_moment_makes_nothing_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    failed(bench)
    read, refused = plain.read_plain, bench.place / "refused"

    def moody(path: Path, most: int) -> bytes:
        if path.name == name and path.parent.name in ("state", "previous") and not refused.exists():
            refused.touch()
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return read(path, most)

    for module in (hallmarks, journal):
        monkeypatch.setattr(module, "read_plain", moody)
    control.retry(bench.root, "talk")
    monkeypatch.setattr(claim, "_id", lambda *_: "0123abcd")
    assert bench.once() == 0
    assert refused.exists()
    assert bench.begun("ann.png") == 1
    assert not told(bench)


def test_what_is_published_lasts_through_a_try_that_never_looked(tmp_path: Path) -> None:
    hallmark = Hallmark(tmp_path / "state")
    take = JobTake("ann", "ann.png", "a.wav", state=TakeState.RENDERED)
    earlier = Job("12345678", "talk", "2026-11-21T00:00:00.000+00:00", "null", takes=(take,), receipts=(RECEIPT,))
    earlier = replace(earlier, recorded="2026-11-21T00:00:00+00:00")
    (tmp_path / "job.json").write_text(hallmark.strike(earlier, {}), encoding="utf-8")
    job, _ = conclusion._remember(replace(earlier, takes=(), receipts=(), recorded=""), tmp_path, hallmark)
    assert (job.takes, job.receipts, job.recorded) == (earlier.takes, earlier.receipts, earlier.recorded)
