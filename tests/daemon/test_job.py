"""The states of a job and what is written down about it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from daemon.errors import JobError, JournalError
from daemon.job import MOVES, Gathered, Input, Job, JobTake, Kept, Made, MadeWith, State, TakeState
from daemon.journal import Journal, dumps, read
from daemon.why import why
from publishers import Receipt

MADE = Made(1.5, 1.48, 64, 48, "30000/1001", 45, 44, "null", "1", (MadeWith("w", "0" * 64, "MIT"),), ("small",))
KEPT = Kept("0" * 64, 12, "bafy", "unixfs-v1-2025")
JOB = Job(
    id="abc12345",
    name="周报 \n'x'",
    created="2026-11-21T00:00:00.000+00:00",
    engine="null",
    takes=(
        JobTake("ann", "ann.png", "voice.wav", 2, TakeState.RENDERED, 1, key="k", stash="1", made=MADE, video=KEPT),
        JobTake("bob", "bob.mp4", "voice.wav", "left", TakeState.FAILED, 2, "no face in bob.mp4", "Take another."),
        JobTake("cat", "cat.jpg", "voice.wav"),
    ),
    inputs=(Input("ann.png", "1" * 64, 5),),
    publish=("folder",),
    receipts=(Receipt("folder", "ann.mp4", "0" * 64, "folder:ann.mp4", "", "read back"),),
)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.prepare()
    home = journal.working / "talk"
    home.mkdir()
    journal.save(home, JOB)
    assert journal.load(home) == JOB
    assert json.loads(dumps(JOB))["schema"] == "lipsyncd.job/1"


def test_a_job_of_the_version_before_is_read(tmp_path: Path) -> None:
    document = json.loads(dumps(JOB))
    for take in document["takes"]:
        del take["who"], take["credentials"]
    (tmp_path / "job.json").write_text(json.dumps(document), encoding="utf-8")
    assert read(tmp_path / "job.json") == JOB


@pytest.mark.parametrize(("here", "there"), list(product(State, State)))
def test_only_legal_moves(here: State, there: State) -> None:
    job = replace(JOB, state=here)
    if there in MOVES[here]:
        assert job.move(there).state is there
    else:
        with pytest.raises(ValueError, match="cannot go"):
            job.move(there)


def test_every_state_leads_to_an_end() -> None:
    for start in State:
        reached, seen = {start}, set()
        while reached - seen:
            state = (reached - seen).pop()
            seen.add(state)
            reached |= MOVES[state]
        assert {State.DONE, State.FAILED} <= seen


def test_what_is_sent_becomes_what_is_published() -> None:
    sent = Receipt("arweave", "ann.mp4", "0" * 64, "ar://x", "", "sent")
    job = JOB.with_sent(sent).with_sent(replace(sent, state="confirmed"))
    assert [receipt.state for receipt in job.sent] == ["confirmed"]
    job = job.with_receipt(replace(sent, state="read back"))
    assert not job.sent
    assert job.published("arweave") == {("ann.mp4", "0" * 64): replace(sent, state="read back")}
    assert job.published("folder") == {("ann.mp4", "0" * 64): JOB.receipts[0]}
    failed = why(replace(job.with_sent(sent), state=State.FAILED, error="the job was cancelled"))
    assert "  ann.mp4: ar://x (arweave)\n  ann.mp4: ar://x (arweave, sent)\n" in failed
    whole = Gathered("1", replace(sent, name=""))
    assert job.with_gathered(whole).with_gathered(replace(whole, files="2")).gathered == (replace(whole, files="2"),)


def test_once_more_leaves_what_is_made() -> None:
    again = replace(JOB, state=State.DONE).again()
    assert again.state is State.QUEUED
    assert [take.state for take in again.takes] == [TakeState.RENDERED, TakeState.WAITING, TakeState.WAITING]
    assert again.takes[1].attempts == 0


JOB_WITHOUT_NAME = '{"schema": "lipsyncd.job/1", "id": 3}'


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "\xff", '{"schema": "other"}', '{"schema": "lipsyncd.job/1"}', JOB_WITHOUT_NAME],
)
def test_damaged_papers_are_said_to_be(tmp_path: Path, text: str) -> None:
    path = tmp_path / "job.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(JournalError):
        read(path)
    with pytest.raises(JournalError):
        read(tmp_path / "none.json")


def test_jobs_are_found_by_id_and_folder(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.prepare()
    for place, name, identity in (
        ("working", "talk", "aaaa1111"),
        ("done", "walk", "bbbb2222"),
        ("done", "x", "cccc3333"),
    ):
        (tmp_path / place / name).mkdir()
        journal.save(tmp_path / place / name, replace(JOB, id=identity))
    hidden = tmp_path / "failed" / "x" / ".lipsyncd"
    hidden.mkdir(parents=True)
    journal.save(hidden, replace(JOB, id="dddd4444"))
    (tmp_path / "done" / "foreign").mkdir()
    assert len(journal.jobs()) == 4
    assert journal.find("walk").job.id == "bbbb2222"
    assert journal.find("dddd4444").home == tmp_path / "failed" / "x"
    with pytest.raises(JobError, match="more than one"):
        journal.find("x")
    with pytest.raises(JobError, match="no job nope"):
        journal.find("nope")


def test_only_those_are_read_that_may_be_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.prepare()
    for number in range(5):
        for place in (journal.working, journal.done):
            home = place / f"talk {number}"
            home.mkdir()
            journal.save(home, replace(JOB, id=f"{place.name}{number}"))
    read: list[Path] = []
    load = Journal.load

    def noted(self: Journal, home: Path) -> Job:
        read.append(home.relative_to(tmp_path))
        return load(self, home)

    monkeypatch.setattr(Journal, "load", noted)
    assert journal.find("done3").home == journal.done / "talk 3"
    assert journal.find("talk 2", "working").job.id == "working2"  # the one in done/ is over and no rival
    assert journal.find("done4", "working").place == "done"
    assert read == [Path("done/talk 3"), Path("working/talk 2"), Path("done/talk 4")]
    (journal.done / "talk 1" / "job.json").write_text('{"id": "talk 2", "schema": ')  # torn, and it lies
    with pytest.raises(JobError, match="more than one"):
        journal.find("talk 2")


def test_thousands_of_jobs_are_listed_soon(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.prepare()
    text = dumps(JOB)
    for number in range(2000):
        home = journal.done / str(number)
        home.mkdir()
        (home / "job.json").write_text(text, encoding="utf-8")
    begin = time.process_time()
    assert len(journal.jobs()) == 2000
    assert time.process_time() - begin < 3


def test_why_names_the_file_and_what_to_do() -> None:
    failed = why(replace(JOB, state=State.FAILED, error="the job was cancelled", hint="Move it back."))
    assert "The job was cancelled." in failed
    assert "bob.mp4\n  What was wrong: No face in bob.mp4.\n  What to do: Take another.\n" in failed
    assert "ann.mp4" in failed
    assert "inbox/" in failed
    named = why(replace(JOB, takes=(JOB.takes[0].failed(f"{JOB.takes[0].face}: no face", ""),)))
    assert f"{JOB.takes[0].face}\n  What was wrong: No face.\n" in named, "no name is said twice"
    done = why(replace(JOB, state=State.DONE))
    assert "lipsyncd retry abc12345" in done
    never = replace(JOB, state=State.DONE, takes=(JobTake("a.heic", "a.heic", "").failed("not read", ""),))
    assert "retry" not in why(never), "it would be refused"
    assert "\\n" in failed
    assert "周报 \n" not in failed
