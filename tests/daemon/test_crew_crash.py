"""Killed at any save while several takes are rendered at once: nothing lost, and nothing but these made twice."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from publishers import verify
from tests.daemon.bench import Bench
from tests.daemon.test_crash import FILES, at, check

MORE = FILES | {"dan.png": "slow 0.2", "eve.png": "slow 0.1"}
TALK = {"voice.wav": "other words", "fay.png": "slow 0.1", "gus.png": "ok"}
TWO: dict[str, dict[str, object]] = {"render": {"processes": 2}}


def killed(place: Path, number: int) -> bool:
    """Kill a daemon at one save, have another finish, and say whether the first came to its end."""
    bench = Bench(place)
    bench.drop("more", MORE)
    bench.drop("talk", TALK)
    code = bench.once(at(number), **TWO)
    if code == -signal.SIGKILL:
        assert bench.once(**TWO) in (0, 1)
    else:
        assert code == 1
    assert bench.places() == ["done/more", "done/talk"]
    for name, files in (("more", MORE), ("talk", TALK)):
        home = bench.root / "done" / name
        assert {path.name: path.read_text() for path in (home / "inputs").iterdir()} == files
        assert not verify(home)
        assert not list(home.glob(".*"))
    made = [entry["face"] for entry in bench.diary if entry["what"] == "made"]
    assert len(set(made)) == 6
    assert len(made) <= 6 + 2 * (code == -signal.SIGKILL), "two were at work"
    return code == 1


@pytest.mark.parametrize("number", [11, 17, 20, 23, 26, 29, 33, 38])
def test_killed_at_a_save(tmp_path: Path, number: int) -> None:
    killed(tmp_path, number)


@pytest.mark.soak
def test_killed_at_every_save(tmp_path: Path) -> None:
    number = 1
    while not killed(tmp_path / str(number), number):
        number += 1
    assert number > 40


def test_killed_again_and_again(bench: Bench) -> None:
    bench.drop("talk", FILES)
    for life in range(60):
        if bench.once(at(3 + life % 4), **TWO) != -signal.SIGKILL:
            break
    check(bench, 2 * life)
