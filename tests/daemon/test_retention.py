"""What is removed from done/, when, and everything that is not."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from daemon import control, removal
from daemon.errors import JobError
from daemon.job import Job, JobTake, State, TakeState
from daemon.journal import Journal, dumps
from daemon.log import open_log
from daemon.retention import Retention, Terms

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY, HOUR = 86400.0, 3600.0
FILES = ("ann.jpg", "ann.mp4", "manifest.json", "post.md", "job.log", "ann.metadata.json")


@dataclass
class Years:
    """A root with finished jobs, a Retention, and two clocks that may differ."""

    root: Path
    terms: Terms
    passed: float = 0.0
    shift: timedelta = timedelta()
    log: StringIO = field(default_factory=StringIO)
    retention: Retention = field(init=False)

    def __post_init__(self) -> None:
        self.journal = Journal(self.root)
        self.journal.prepare()
        self.retention = self.new()

    def new(self) -> Retention:
        log = open_log(self.log)
        return Retention(self.journal, self.terms, log, clock=lambda: self.passed, today=lambda: self.now)

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed) + self.shift

    def finish(self, name: str, days_ago: float, **facts: object) -> Path:
        home = self.journal.done / name
        (home / "inputs").mkdir(parents=True)
        (home / "inputs" / "ann.png").write_text("a face", encoding="utf-8")
        for file in FILES:
            (home / file).write_text(name, encoding="utf-8")
        moment = (START - timedelta(days=days_ago)).isoformat()
        takes = (JobTake("ann", "ann.png", "a.wav", state=TakeState.RENDERED),)
        job = Job(**{"id": "x", "name": name, "created": moment, "engine": "null", "takes": takes} | facts)
        job = job if "state" in facts else Job(**{**job.__dict__, "state": State.DONE})
        (home / "job.json").write_text(dumps(job), encoding="utf-8")
        return home

    def live(self, seconds: float, step: float = 600.0) -> None:
        """Let time pass as the loop does it, a turn now and then and one whenever it is due."""
        end = self.passed + seconds
        while self.passed < end:
            self.passed = min(end, self.passed + min(step, max(0.5, self.retention.due)))
            self.retention.turn()

    @property
    def said(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.log.getvalue().splitlines()]

    def there(self, folder: Path) -> set[str]:
        return {path.name for path in folder.iterdir()}


@pytest.fixture
def years(tmp_path: Path) -> Years:
    return Years(tmp_path / "root", Terms(30))


def test_everything_stays_for_ever_unless_told(years: Years) -> None:
    years.terms = Terms()
    years.retention = years.new()
    home = years.finish("old", 4000)
    years.live(3 * DAY)
    assert years.there(home) == {*FILES, "inputs", "job.json"}
    assert years.retention.due == float("inf")


def test_old_videos_go_and_the_rest_stays(years: Years) -> None:
    old, new = years.finish("old 周报", 31), years.finish("new", 29)
    (old / "my own cut.mp4").write_text("mine", encoding="utf-8")
    years.live(2 * HOUR)
    kept = {*FILES, "inputs", "job.json", "REMOVED.txt", "my own cut.mp4"} - {"ann.mp4", "ann.jpg"}
    assert years.there(old) == kept
    assert (old / "inputs" / "ann.png").read_text(encoding="utf-8") == "a face"
    assert years.there(new) == {*FILES, "inputs", "job.json"}
    note = (old / "REMOVED.txt").read_text(encoding="utf-8")
    assert note.startswith("The videos were removed on 2026-11-21, 30 days after they were made (done.keep_days).")
    assert years.said == ["videos removed from done/"]
    years.live(2 * DAY)
    assert years.said == ["videos removed from done/"] * 2, "the other one is old enough by now; nothing twice"
    assert not (years.root / ".removed").exists()


def test_the_time_of_the_last_end_counts(years: Years) -> None:
    home = years.finish("made again", 90, recorded=(START - timedelta(days=2)).isoformat())
    years.live(2 * DAY)
    assert (home / "ann.mp4").exists()


def test_told_so_the_whole_folder_goes(years: Years, tmp_path: Path) -> None:
    years.terms = Terms(30, inputs=False)
    years.retention = years.new()
    old, own = years.finish("old", 31), years.finish("own", 31)
    (old / "Thumbs.db").touch()
    (own / "my own cut.mp4").write_text("mine", encoding="utf-8")
    new = years.finish("new", 1)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (old / "inputs" / "link").symlink_to(elsewhere)
    (years.journal.done / "linked").symlink_to(elsewhere)
    (years.journal.failed / "bad").mkdir()
    years.live(2 * HOUR)
    assert years.there(years.journal.done) == {"own", "new", "linked"}
    assert years.there(own) == {*FILES, "inputs", "job.json", "my own cut.mp4"}, "what is not ours saves the folder"
    assert (new / "ann.mp4").exists()
    assert (elsewhere / "precious").exists()
    assert (years.journal.failed / "bad").exists()
    assert not any((years.root / removal.TRASH).iterdir())
    assert sorted(years.said) == ["left in done/", "removed from done/, with its inputs"]


def test_only_our_finished_jobs_are_touched(years: Years) -> None:
    years.terms = Terms(1, inputs=False)
    years.retention = years.new()
    (years.journal.done / "foreign").mkdir()
    (years.journal.done / "foreign" / "job.json").write_text('{"schema": "another"}', encoding="utf-8")
    (years.journal.done / "a file").write_text("mine", encoding="utf-8")
    years.finish("not done", 50, state=State.REVIEW)
    years.finish("no time", 50, recorded="yesterday")
    years.live(2 * DAY)
    assert years.there(years.journal.done) == {"foreign", "a file", "not done", "no time"}


def test_names_in_a_job_json_lead_nowhere(years: Years, tmp_path: Path) -> None:
    (tmp_path / "precious.mp4").touch()
    take = JobTake("../../../precious", "ann.png", "a.wav", state=TakeState.RENDERED)
    years.finish("evil", 50, takes=(take,))
    years.live(2 * DAY)
    assert (tmp_path / "precious.mp4").exists()


@pytest.mark.parametrize("place", ["home", "trash", "note"])
def test_links_are_not_followed(place: str, years: Years, tmp_path: Path) -> None:
    years.terms = Terms(30, inputs=place == "note")
    years.retention = years.new()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine", encoding="utf-8")
    home = years.finish("old", 31)
    if place == "home":
        home.rename(tmp_path / "moved")
        home.symlink_to(tmp_path / "moved")
    elif place == "trash":
        (years.root / ".removed").symlink_to(elsewhere)
    else:
        (home / "REMOVED.txt").symlink_to(elsewhere / "precious")
    years.live(2 * HOUR)
    assert (elsewhere / "precious").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "moved" if place == "home" else home).exists()
    if place == "trash":
        assert "cannot be removed from done/" in years.said


def test_what_a_crash_left_half_deleted_goes(years: Years) -> None:
    (years.root / ".removed" / "0123").mkdir(parents=True)
    (years.root / ".removed" / "0123" / "ann.mp4").touch()
    years.live(2 * HOUR)
    assert not (years.root / ".removed").exists()


def test_a_clock_before_the_newest_job_removes_nothing(years: Years) -> None:
    old = years.finish("old", 40)
    years.finish("from tomorrow", -3)
    years.live(DAY)
    assert (old / "ann.mp4").exists()
    assert set(years.said) == {"nothing is removed from done/"}
    years.live(4 * DAY)
    assert not (old / "ann.mp4").exists(), "as soon as the clock is past it"


def test_a_clock_years_ahead_removes_nothing(years: Years) -> None:
    years.shift = timedelta(days=5000)
    years.retention = years.new()
    home = years.finish("new", 1)
    years.live(10 * DAY)
    assert (home / "ann.mp4").exists()
    assert "the newest job is of 2026-11-20" in years.log.getvalue()


@pytest.mark.parametrize("days", [60, -60])
def test_a_clock_that_jumps_is_not_believed_for_a_day(years: Years, days: int) -> None:
    home = years.finish("some", 10)
    years.live(7 * HOUR)
    years.shift = timedelta(days=days)
    years.live(20 * HOUR)
    assert (home / "ann.mp4").exists()
    years.shift = timedelta()
    years.live(3 * DAY)
    assert (home / "ann.mp4").exists()
    assert years.said.count("the clock jumped: nothing is removed from done/ for a day") == 2


def test_right_after_the_start_the_clock_is_not_believed(years: Years) -> None:
    home = years.finish("some", 40)
    years.live(HOUR - 1)
    assert (home / "ann.mp4").exists()
    years.live(60)
    assert not (home / "ann.mp4").exists()


def test_a_thousand_finished_jobs_are_gone_through_in_slices(tmp_path: Path) -> None:
    years = Years(tmp_path / "root", Terms(30))
    ticks = 0

    def clock() -> float:
        nonlocal ticks
        ticks += 1
        return years.passed + ticks * 0.001

    for number in range(300):
        years.finish(f"job {number}", 31)
    years.retention = Retention(
        years.journal, years.terms, open_log(years.log), clock=clock, today=lambda: START + timedelta(seconds=clock())
    )
    years.passed = 2 * HOUR
    turns = 0
    while len(years.said) < 300:
        before = len(years.said)
        years.retention.turn()
        assert len(years.said) - before < 20
        years.passed += 1
        turns += 1
        assert turns < 1000
    assert turns > 30


def test_what_is_removed_cannot_be_made_again(years: Years) -> None:
    takes = (
        JobTake("ann", "ann.png", "a.wav", state=TakeState.RENDERED),
        JobTake("bob", "bob.png", "a.wav").failed("no face in bob.png", ""),
    )
    home = years.finish("old", 31, takes=takes)
    years.live(2 * HOUR)
    with pytest.raises(JobError, match="not there any more"):
        control.retry(years.root, "old")
    assert home.exists()


def test_a_folder_that_cannot_be_changed_is_left_and_named(years: Years, monkeypatch: pytest.MonkeyPatch) -> None:
    years.finish("old", 31)

    def refuse(*_args: object, **_facts: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "unlink", refuse)
    years.live(2 * DAY)
    assert years.said == ["cannot be removed from done/"]
