"""What somebody asks for twice, or too late, is asked of nobody else."""

from __future__ import annotations

from daemon import conclusion
from daemon.hallmark import Hallmark
from daemon.job import Job, State
from daemon.journal import INPUTS
from daemon.work import WISHES
from tests.daemon.bench import Bench


def test_what_was_asked_of_another_job_is_not_for_the_next_of_its_name(bench: Bench) -> None:
    """Somebody clicked twice, and the second time the job was just going."""
    home = bench.root / "working/talk"
    home.mkdir()
    for wish in WISHES:
        (home / wish).touch()
    bench.drop("talk", {"voice.wav": "some words", "ann.png": "ok"})
    assert bench.once() == 0
    assert bench.places() == ["done/talk"]


def test_a_second_click_leaves_nothing_of_a_job_that_failed(bench: Bench) -> None:
    job = Job("0" * 8, "talk", "2026-11-21T10:00:00+00:00", "null", state=State.FAILED, error="the job was cancelled")
    home = bench.root / "working/talk"
    (home / INPUTS).mkdir(parents=True)
    bench.journal.save(home, job)
    for wish in WISHES:
        (home / wish).touch()
    conclusion.to_failed(job, home, bench.journal.failed, Hallmark(None), lambda _: None)
    assert bench.places() == ["failed/talk"]
