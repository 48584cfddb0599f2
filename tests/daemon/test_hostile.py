"""Drops that want something else of us than a video: traps where the daemon reads and writes, and files swapped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.daemon.bench import Bench

GOOD = {"a.wav": "speech", "a.png": "ok"}
CANARY = "mine"


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file outside of everything."""
    path = tmp_path / "canary"
    path.write_text(CANARY)
    return path


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def why(bench: Bench, name: str) -> str:
    return next((bench.root / "failed" / name).glob("WHY*.txt")).read_text(encoding="utf-8")


HIDDEN = ("job.json", ".job.json.part", "job.log", "letter", ".letter.part", "owner.json", "lock", "previous")


@pytest.mark.parametrize("kind", ["link", "pipe", "hard link", "folder"])
def test_what_is_dropped_under_our_hidden_name_is_neither_followed_nor_waited_for(
    bench: Bench, canary: Path, kind: str
) -> None:
    for number, name in enumerate(HIDDEN):
        for folder, files in ((f"good {number}", GOOD), (f"bad {number}", {"a.wav": "speech"})):
            upload = bench.place / "upload"
            (upload / ".lipsyncd").mkdir(parents=True)
            for file, text in files.items():
                (upload / file).write_text(text)
            trap = upload / ".lipsyncd" / name
            if kind == "pipe":
                os.mkfifo(trap)
            elif kind == "link":
                trap.symlink_to(canary)
            elif kind == "folder":
                (trap / "inner").mkdir(parents=True)
            else:
                os.link(canary, trap)
            upload.rename(bench.root / "inbox" / folder)
    assert bench.once() == 1
    assert canary.read_text() == CANARY
    assert not list((bench.root / "working").iterdir())
    for number, name in enumerate(HIDDEN):
        assert (bench.root / "done" / f"good {number}" / "a.mp4").exists(), name
        assert "no face" in why(bench, f"bad {number}")


@pytest.mark.parametrize("name", [".WHY.txt.part", "WHY.txt", ".STATUS.txt.part", "job.json", "inputs"])
def test_a_folder_that_has_the_name_of_one_of_our_files(bench: Bench, name: str) -> None:
    folder = bench.drop("talk", {"a.wav": "speech"})
    (folder / name).mkdir()
    if not name.endswith(".part"):  # with something in it, it is still being copied
        (folder / name / "x").touch()
    assert bench.once() == 1
    assert (
        "What to do" in why(bench, "talk") if name != "WHY.txt" else (bench.root / "failed/talk/WHY (2).txt").exists()
    )


def test_a_hidden_folder_that_leads_elsewhere(bench: Bench, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "job.json").write_text(CANARY)
    folder = bench.drop("leads", GOOD)
    (folder / ".lipsyncd").symlink_to(elsewhere)
    assert bench.once() == 1
    assert {path.name: path.read_text() for path in elsewhere.iterdir()} == {"job.json": CANARY}
    assert ".lipsyncd is a link" in why(bench, "leads")


@pytest.mark.parametrize("which", ["a.png", "a.wav"])
@pytest.mark.parametrize("kind", ["link", "hard link", "content", "pipe"])
def test_a_file_that_is_swapped_while_it_is_worked_on_costs_its_take(
    bench: Bench, canary: Path, which: str, kind: str
) -> None:
    bench.drop("talk", {"a.wav": "speech", "a.png": "held"})
    daemon = bench.start(limits={"take_timeout_s": 4 if kind == "pipe" else 60}, render={"attempts": 1})
    try:
        bench.wait(lambda: bench.begun("a.png") == 1)
        path = bench.root / "working" / "talk" / "inputs" / which
        path.unlink()
        if kind == "link":
            path.symlink_to(canary)
        elif kind == "hard link":
            os.link(canary, path)
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            path.write_text("new")  # not longer: else it could be an upload that goes on
        bench.release("a.png")
    finally:
        code = bench.end(daemon)
    assert code == 1
    said = why(bench, "talk")
    assert f"{which} was changed while it was worked on" in said or (kind == "pipe" and "not finished after" in said)
    assert not list((bench.root / "failed").rglob("*.mp4"))


def test_a_file_that_is_only_touched_is_still_the_same(bench: Bench) -> None:
    bench.drop("talk", {"a.wav": "speech", "a.png": "held"})
    daemon = bench.start()
    bench.wait(lambda: bench.begun("a.png") == 1)
    path = bench.root / "working" / "talk" / "inputs" / "a.png"
    path.chmod(0o644 if path.stat().st_mode & 0o777 != 0o644 else 0o640)
    os.utime(path, (1, 1))
    bench.release("a.png")
    assert bench.end(daemon) == 0
    assert (bench.root / "done" / "talk" / "a.mp4").exists()
