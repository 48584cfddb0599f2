"""What a person does not want goes to trash/, whole, once, and nowhere else."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from daemon import control, trash
from daemon.__main__ import main
from daemon.errors import JobError
from daemon.job import State
from daemon.journal import Journal
from tests.daemon.bench import Bench
from tests.page.shelf import failed, job, partly, put, shelf


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shelf(tmp_path / "root", 0)
    return tmp_path / "root"


def test_a_folder_is_moved_whole(root: Path) -> None:
    home = put(root, job(1, "周报 47"))
    inode, held = home.stat().st_ino, sorted(path.name for path in home.iterdir())
    gone = trash.discard(root, "00000001")
    assert gone == trash.Discarded("done", "周报 47", "00000001", root / "trash" / "周报 47")
    assert (gone.target.stat().st_ino, sorted(path.name for path in gone.target.iterdir())) == (inode, held)
    assert Journal(root).jobs() == []
    gone.target.rename(home)
    assert Journal(root).find("周报 47").place == "done"


def test_names_that_are_taken_in_the_trash(root: Path) -> None:
    names = []
    for number in range(3):
        put(root, job(number, "weekly"))
        names.append(trash.discard(root, "weekly").target.name)
    assert names == ["weekly", "weekly (2)", "weekly (3)"]
    long = "报" * 85
    for number in range(2):
        put(root, job(number, long))
        assert len(os.fsencode(trash.discard(root, long).target.name)) <= 255


def test_what_is_not_over_stays(root: Path) -> None:
    put(root, replace(job(1, "in hand"), state=State.QUEUED), place="working")
    (root / "inbox" / "new").mkdir()
    for text in ("in hand", "00000001", "working/in hand", "new", "inbox/new", "nobody"):
        with pytest.raises(JobError):
            trash.discard(root, text)
    assert not (root / "trash").exists()


@pytest.mark.parametrize(
    "text",
    [
        "done/..",
        "done/.",
        "done/../done/weekly",
        "done//",
        "done/weekly/inputs",
        "failed/weekly",
        "..",
        "/",
        "",
        "done/",
    ],
)
def test_ways_out_lead_nowhere(root: Path, text: str) -> None:
    home = put(root, job(1, "weekly"))
    with pytest.raises(JobError):
        trash.discard(root, text)
    assert home.is_dir()
    assert not (root / "trash").exists()


def test_links_are_left_alone(root: Path, tmp_path: Path) -> None:
    home = put(tmp_path / "elsewhere", job(1, "weekly"))
    (root / "done" / "weekly").symlink_to(home)
    with pytest.raises(JobError, match="no folder"):
        trash.discard(root, "done/weekly")
    put(root, job(2, "other"))
    (root / "trash").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JobError, match="no folder"):
        trash.discard(root, "other")
    assert (root / "done" / "other").is_dir()


def test_damaged_and_odd_folders_go_by_their_place_and_name(root: Path) -> None:
    odd = os.fsdecode(b"caf\xe9 <b>\n")
    home = put(root, job(1, "torn"), folder=odd)
    (home / "job.json").write_text("torn")
    with pytest.raises(JobError):
        trash.discard(root, odd)
    assert trash.discard(root, f"done/{odd}").target == root / "trash" / odd


def at_once(*acts: Callable[[], object]) -> list[bool]:
    """Do things in threads at the same moment, and say which went well."""
    ready, said = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        ready.wait()
        try:
            act()
            said.append(True)
        except (JobError, OSError):
            said.append(False)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_one_of_many_who_delete_it_at_once_succeeds(root: Path) -> None:
    put(root, job(1, "weekly"))
    said = at_once(*[partial(trash.discard, root, "00000001")] * 8)
    assert (said.count(True), len(said)) == (1, 8)
    assert [path.name for path in (root / "trash").iterdir()] == ["weekly"]


def test_deleted_or_made_again_but_not_both(root: Path) -> None:
    for number in range(20):
        name = f"job {number}"
        put(root, partly(job(number, name)))
        said = at_once(partial(trash.discard, root, name), partial(control.retry, root, name))
        places = [place for place in ("working", "done", "trash") if (root / place / name / "job.json").exists()]
        assert said.count(True) == 1
        assert len(places) == 1
        assert places != ["done"]


def test_the_command(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, failed(job(1, "weekly")), place="failed")
    assert main(["trash", "weekly", "--root", str(root), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {
        "place": "failed",
        "folder": "weekly",
        "id": "00000001",
        "moved_to": str(root / "trash" / "weekly"),
    }
    assert main(["trash", "weekly", "--root", str(root)]) == 2
    assert "there is no job weekly" in capsys.readouterr().err
    put(root, job(2, "other"))
    assert main(["trash", "done/other", "--root", str(root)]) == 0
    assert "done/other is trash/other now." in capsys.readouterr().out


def test_a_daemon_takes_no_notice_of_the_trash(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.drop("talk", {"a.wav": "audio", "alice.png": "picture"})
    assert bench.once() == 0
    gone = trash.discard(bench.root, "talk").target
    held = sorted(path.name for path in gone.iterdir())
    bench.drop(
        "talk", {"a.wav": "audio", "alice.png": "picture"}
    )  # the same once more: it is made anew, not taken back
    assert bench.once(done={"keep_days": 1}) == 0
    assert bench.begun("alice.png") == 2
    assert bench.places() == ["done/talk"]
    assert sorted(path.name for path in gone.iterdir()) == held
