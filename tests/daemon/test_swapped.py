"""Folders of jobs in working/ that get each other's names: no job is written into the folder of another."""

from __future__ import annotations

import pytest

from daemon.job import TakeState
from tests.daemon.bench import Bench


@pytest.mark.parametrize("processes", [2, 3])
def test_two_jobs_whose_folders_swap_names(bench: Bench, processes: int) -> None:
    for name in ("ann", "bob"):
        bench.drop(name, {f"{name}.wav": f"words of {name}", "one.png": f"held {name}", "two.png": f"ok {name}"})
    working = bench.root / "working"
    with bench.watching(render={"processes": processes}):
        bench.wait(lambda: bench.begun("one.png") == 2)
        if processes > 2:
            homes = ("working/ann", "working/bob")
            bench.wait(lambda: all(bench.job(home).in_state(TakeState.RENDERED) for home in homes))
        (working / "ann").rename(bench.place / "between")
        (working / "bob").rename(working / "ann")
        (bench.place / "between").rename(working / "bob")
        bench.release("one.png")
        bench.wait(lambda: len(bench.places()) == 2 and not list(working.iterdir()))
    assert bench.places() == ["done/ann", "done/bob"]
    for name, other in (("ann", "bob"), ("bob", "ann")):
        home = bench.root / "done" / other
        assert bench.job(f"done/{other}").name == name
        assert (home / "one.mp4").read_text() == f"video of held {name}words of {name}"
        assert (home / "two.mp4").read_text() == f"video of ok {name}words of {name}"
        assert {path.name for path in (home / "inputs").iterdir()} == {f"{name}.wav", "one.png", "two.png"}
