"""`lipsyncd pause`: what is being made is finished and published, nothing is begun, everybody is told why."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import pytest
import structlog

from daemon.__main__ import main
from daemon.hours import Hours
from daemon.pause import FILE_NAME, Pause, pause, paused, resume
from daemon.schedule import Schedule
from tests.daemon.bench import Bench

VOICE = {"voice.wav": "some words"}


def begun(bench: Bench) -> int:
    return sum(1 for entry in bench.diary if entry["what"] == "begun")


def status(bench: Bench, name: str) -> str:
    path = bench.root / "working" / name / "STATUS.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def ask(bench: Bench, *words: str) -> int:
    return main([*words, "--root", str(bench.root), "--state", str(bench.place / "state")])


def noticed(bench: Bench, *faces: str) -> None:
    """Let the take in hand go on once the daemon must see that it is to pause: it looks twice a second."""
    time.sleep(0.6)
    bench.release(*faces)


def test_the_take_in_hand_is_finished_and_no_other_is_begun(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.drop("two", VOICE | {"a.png": "held", "b.png": "ok"})
    with bench.watching():
        bench.wait(lambda: begun(bench) == 1)
        assert ask(bench, "pause") == 0
        noticed(bench, "a.png")
        bench.wait(lambda: "Paused by lipsyncd pause" in status(bench, "two"))
        assert status(bench, "two").strip() == (
            "Paused by lipsyncd pause; 1 of 2 videos are made; no video is begun until `lipsyncd resume`."
        )
        bench.drop("late", VOICE | {"c.png": "ok"})
        bench.wait(lambda: "Paused by lipsyncd pause; no video" in status(bench, "late"))
        capsys.readouterr()
        assert ask(bench, "jobs") == 0
        assert "Paused: no video is begun until `lipsyncd resume`." in capsys.readouterr().out
        assert begun(bench) == 1
        assert ask(bench, "resume") == 0
        bench.wait(lambda: bench.places() == ["done/late", "done/two"])
    said = [line["event"] for line in bench.log if line["event"].startswith("rendering")]
    assert said == ["rendering pauses", "rendering goes on"]


def test_a_pause_outlives_the_daemon(bench: Bench) -> None:
    pause(bench.root)
    bench.drop("talk", VOICE | {"a.png": "ok"})
    with bench.watching():
        bench.wait(lambda: "Paused by lipsyncd pause" in status(bench, "talk"))
    assert status(bench, "talk").startswith("Stopped")
    with bench.watching():
        bench.wait(lambda: "Paused" in status(bench, "talk"))
        assert begun(bench) == 0
        resume(bench.root)
        bench.wait(lambda: bench.places() == ["done/talk"])


def test_once_works_the_inbox_off_all_the_same(bench: Bench) -> None:
    pause(bench.root)
    bench.drop("talk", VOICE | {"a.png": "ok"})
    assert bench.once() == 0
    assert bench.places() == ["done/talk"]
    assert paused(bench.root)


def test_what_is_made_is_published_meanwhile(bench: Bench) -> None:
    bench.drop("one", VOICE | {"a.png": "held"})
    bench.drop("two", VOICE | {"b.png": "held"})
    kept = bench.place / "kept"
    kept.mkdir()
    with bench.watching(publish={"to": ["folder"], "folder": {"path": kept}}):
        bench.wait(lambda: begun(bench) == 1)
        pause(bench.root)
        noticed(bench, "a.png", "b.png")
        bench.wait(lambda: len(bench.journal.filed()) == 2 and (bench.root / "done").is_dir())
        bench.wait(lambda: any(place.startswith("done/") for place in bench.places()))
        assert begun(bench) == 1
        assert list(kept.iterdir())


def test_the_commands_say_what_is_new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(tmp_path)

    def said(*words: str) -> dict[str, object]:
        assert ask(bench, *words, "--json") == 0
        return dict(json.loads(capsys.readouterr().out))

    root = str(bench.root)
    assert said("pause") == {"root": root, "paused": True, "new": True}
    assert said("pause") == {"root": root, "paused": True, "new": False}
    assert said("jobs")["paused"] is True
    assert any(check["name"] == "pause" and check["state"] == "warn" for check in said_checks(bench, capsys))
    assert said("resume") == {"root": root, "paused": False, "new": True}
    assert said("resume") == {"root": root, "paused": False, "new": False}
    assert said("jobs")["paused"] is False


def said_checks(bench: Bench, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    ask(bench, "doctor", "--json")
    return list(json.loads(capsys.readouterr().out)["checks"])


def test_a_root_that_is_not_there_cannot_be_paused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pause", "--root", str(tmp_path / "gone")]) == 3
    assert "is not there" in capsys.readouterr().err
    assert main(["resume", "--root", str(tmp_path / "gone")]) == 0


def test_a_folder_or_a_link_of_that_name_counts_and_goes(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine", encoding="utf-8")
    (tmp_path / FILE_NAME).symlink_to(kept)
    assert paused(tmp_path)
    assert resume(tmp_path)
    assert kept.read_text(encoding="utf-8") == "mine"
    (tmp_path / FILE_NAME).mkdir()
    assert paused(tmp_path)
    assert resume(tmp_path)
    assert not paused(tmp_path)


def test_it_is_looked_for_twice_a_second_at_most(tmp_path: Path) -> None:
    now = [0.0]
    look = Pause(tmp_path, lambda: now[0])
    assert not look.on
    pause(tmp_path)
    assert not look.on
    now[0] += 0.5
    assert look.on
    assert not Pause(None).on


def test_hours_and_a_pause_are_told_apart(tmp_path: Path) -> None:
    now = [0.0]
    noon = datetime(2026, 5, 4, 12, 0)  # noqa: DTZ001 - the clock on the wall
    look = Pause(tmp_path, lambda: now[0])
    schedule = Schedule(Hours.of("22:00-07:00"), structlog.get_logger(), look, today=lambda: noon)
    assert (schedule.open, schedule.paused, schedule.opens) == (False, False, "22:00")
    assert schedule.shut == "videos are begun from 22:00 on"
    pause(tmp_path)
    now[0] += 1
    assert (schedule.open, schedule.paused, schedule.opens) == (False, True, "22:00")
    assert schedule.shut == "paused by lipsyncd pause"
