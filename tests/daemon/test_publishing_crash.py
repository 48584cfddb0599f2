"""Killed at any moment between two effects of publishing, the daemon goes on, and nothing is paid twice."""

from __future__ import annotations

import shutil
import signal

import pytest

from publishers import verify
from tests.daemon.bench import Bench
from tests.daemon.fake_store import Stores
from tests.daemon.test_crash import at

FILES = {"voice.wav": "some words", "ann.png": "ok"}
SETTINGS = {"publish": {"to": ["alpha", "plain", "herald"]}}
PUBLISHED = ["ann.jpg", "ann.metadata.json", "ann.mp4", "manifest.json"]
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_between_any_two_effects(bench: Bench, stores: Stores, part: int) -> None:
    """Each moment before or after something is made to last, by the daemon or by a publisher, each in its own drop."""
    number, name, ended = 1 + part, "", False
    while not ended:
        name = f"talk {number}"
        bench.drop(name, FILES | {"ann.png": f"ok {number}"})
        ended = bench.once(at(number), **SETTINGS) == 0
        before = (bench.root / "working" / name / "manifest.json").exists()
        text = bench.text(f"working/{name}/manifest.json") if before else ""
        if not ended:
            assert bench.once(**SETTINGS) == 0
        assert not verify(bench.root / "done" / name)
        assert not text or bench.text(f"done/{name}/manifest.json") == text
        for store in ("alpha", "plain"):
            assert [file for file in stores.paid(store) if file] == PUBLISHED, (store, number)
        assert stores.paid("alpha").count("") == 1
        assert len(stores.paid("herald")) == 1
        shutil.rmtree(stores.world)
        number += PARTS
    assert number > 60


def test_killed_again_and_again(bench: Bench, stores: Stores) -> None:
    """A daemon that never lives longer than a few effects gets there all the same."""
    bench.drop("talk", FILES)
    stores.tell("alpha", pending=2, wait=0.05)
    for life in range(80):
        if bench.once(at(4 + life % 5), **SETTINGS) != -signal.SIGKILL:
            break
    assert bench.places() == ["done/talk"]
    assert not verify(bench.root / "done/talk")
    assert stores.paid("alpha") == sorted(["", *PUBLISHED])
    assert stores.paid("plain") == PUBLISHED
