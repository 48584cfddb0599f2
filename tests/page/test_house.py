"""The house: jobs and their files are found in listings, and by nothing else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException

from daemon.job import Job
from daemon.journal import Journal
from daemon.page.house import House


def put(house: House, name: str, job: str, place: str = "working") -> Path:
    """Make a job with a file of its own."""
    home = house.root / place / name
    (home / "inputs").mkdir(parents=True)
    house.journal.save(home, Job(id=job, name=name, created="2026-11-21T10:00:00+00:00", engine="null"))
    (home / "bob.mp4").write_bytes(b"video")
    (home / "inputs" / "bob.jpg").write_bytes(b"face")
    return home


def test_a_job_is_found_wherever_it_is(house: House) -> None:
    home = put(house, "weekly", "weekly-1")
    put(house, "other", "other-1", "done")
    assert house.job("weekly-1").home == home
    moved = house.root / "done" / "weekly (2)"
    home.rename(moved)
    found = house.job("weekly-1")
    assert (found.home, found.place) == (moved, "done")
    assert house.job("other-1").place == "done"


@pytest.mark.parametrize("identity", ["", ".", "..", "weekly", "../weekly", "working/weekly", "\0", "none", "x" * 9999])
def test_there_is_no_other_way_to_a_job(house: House, identity: str) -> None:
    put(house, "weekly", "weekly-1")
    with pytest.raises(HTTPException, match="404"):
        house.job(identity)


def test_who_asks_for_no_job_has_no_folder_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        put(house, f"weekly {number}", f"weekly-{number}", "done")
    assert house.job("weekly-3").home.name == "weekly 3"
    monkeypatch.setattr(Journal, "load", lambda _self, home: pytest.fail(f"{home} was read"))
    with pytest.raises(HTTPException):
        house.job("weekly-9")


def test_a_folder_with_another_job_in_it_is_not_mistaken(house: House) -> None:
    home = put(house, "weekly", "weekly-1")
    assert house.job("weekly-1")
    home.rename(house.root / "done" / "old")
    put(house, "weekly", "weekly-2")
    assert house.job("weekly-1").home.name == "old"
    assert house.job("weekly-2").home.name == "weekly"


def test_a_link_is_no_folder_of_ours(house: House, tmp_path: Path) -> None:
    home = put(house, "weekly", "weekly-1")
    away = tmp_path / "away"
    home.rename(away)
    home.symlink_to(away)
    with pytest.raises(HTTPException):
        house.job("weekly-1")


def test_a_file_is_opened_by_its_name(house: House) -> None:
    put(house, "weekly", "weekly-1")
    filed = house.job("weekly-1")
    with house.file(filed, "bob.mp4").file as file:
        assert file.read() == b"video"
    opened = house.file(filed, "bob.jpg", "inputs")
    assert (opened.name, opened.status.st_size) == ("bob.jpg", 4)
    opened.file.close()


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("", ""),
        (".", ""),
        ("..", ""),
        ("../weekly/bob.mp4", ""),
        ("inputs/bob.jpg", ""),
        ("inputs", ""),
        ("/etc/passwd", ""),
        ("bob.mp4\0", ""),
        ("BOB.MP4", ""),
        ("bob.mp4", ".."),
        ("job.json", "inputs/.."),
        ("bob.mp4", "bob.mp4"),
        ("passwd", "/etc"),
        ("link.mp4", ""),
        ("away.mp4", "linked"),
        ("pipe", ""),
        ("none.mp4", ""),
        ("\udcff.mp4", ""),
    ],
)
def test_nothing_else_is_opened(house: House, tmp_path: Path, name: str, folder: str) -> None:
    home = put(house, "weekly", "weekly-1")
    away = tmp_path / "elsewhere"
    away.mkdir()
    (away / "away.mp4").write_bytes(b"secret")
    (home / "link.mp4").symlink_to(away / "away.mp4")
    (home / "linked").symlink_to(away)
    os.mkfifo(home / "pipe")
    with pytest.raises(HTTPException, match="404"):
        house.file(house.job("weekly-1"), name, folder)
    assert not [leads for leads in _open() if leads.startswith((str(home), str(away)))]


def _open() -> Iterator[str]:
    """Yield what is open, whoever has opened it."""
    for handle in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            yield str(handle.readlink())


def test_a_folder_that_becomes_a_link_is_not_followed(house: House, tmp_path: Path) -> None:
    home = put(house, "weekly", "weekly-1")
    filed = house.job("weekly-1")
    home.rename(tmp_path / "away")
    home.symlink_to(tmp_path / "away")
    with pytest.raises(HTTPException):
        house.file(filed, "bob.mp4")


def test_a_folder_in_the_inbox_is_found_by_its_name(house: House) -> None:
    (house.root / "inbox" / "<b>").mkdir()
    assert house.inbox("<b>").name == "<b>"
    for name in ("", "..", "none", "../inbox/<b>"):
        with pytest.raises(HTTPException):
            house.inbox(name)
