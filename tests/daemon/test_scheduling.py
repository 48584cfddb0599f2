"""A daemon with several folders in hand: who is rendered when, who is told what, and giving up in every state."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon import app, control
from daemon.__main__ import main
from daemon.errors import JobError
from daemon.schedule import Schedule
from tests.daemon.bench import Bench

VOICE = {"voice.wav": "some words"}


def faces(letter: str, number: int, text: str = "ok") -> dict[str, str]:
    """A speech and so many faces."""
    return VOICE | {f"{letter}{face:03}.png": text for face in range(number)}


def begun(bench: Bench) -> list[str]:
    """The faces in the order in which they were begun."""
    return [str(entry["face"]) for entry in bench.diary if entry["what"] == "begun"]


def status(bench: Bench, name: str) -> str:
    path = bench.root / "working" / name / "STATUS.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def cpu(pid: int) -> float:
    """Processor seconds that a daemon has had."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def away() -> str:
    """Hours that are not now, and begin on the next full hour but one."""
    begin = datetime.now() + timedelta(hours=2)  # noqa: DTZ005 - the clock on the wall
    return f"{begin.hour:02}:00-{(begin + timedelta(hours=1)).hour:02}:00"


def test_a_hundred_faces_hold_no_small_folder_up(bench: Bench) -> None:
    bench.drop("large", faces("l", 100, "slow 0.15"))
    with bench.watching():
        bench.wait(lambda: len(begun(bench)) > 3)
        bench.drop("small", faces("s", 2, "slow 0.05"))
        before = len(begun(bench))
        bench.wait(lambda: (bench.root / "done/small").exists())
        made = begun(bench)
        assert made.index("s000.png") - before < 25, "what was rendered while it settled counts too"
        assert sum(1 for face in made[made.index("s000.png") : made.index("s001.png")] if face[0] == "l") <= 1
        control.cancel(bench.root, "large")
        bench.wait(lambda: (bench.root / "failed/large").exists())


def test_folders_take_turns_and_the_papers_are_whole(bench: Bench) -> None:
    bench.drop("one", faces("a", 3, "slow 0.2"))
    bench.drop("two", faces("b", 3, "slow 0.2"))
    assert bench.once() == 0
    made = "".join(face[0] for face in begun(bench))
    assert made.startswith("ab")
    assert not {"aaa", "bbb"} & {made[:3], made[3:]}, "they take turns"
    assert {path.name for path in (bench.root / "done/two").iterdir()} >= {"b000.mp4", "b002.mp4", "manifest.json"}


def test_many_small_folders_at_once_are_rendered_in_order_of_arrival(bench: Bench) -> None:
    for number in range(40):
        bench.drop(f"talk {number:02}", faces(f"f{number:02}-", 1))
    assert bench.once() == 0
    assert begun(bench) == [f"f{number:02}-000.png" for number in range(40)]
    assert bench.places() == [f"done/talk {number:02}" for number in range(40)]


def test_high_comes_before_normal_before_low(bench: Bench) -> None:
    for name, priority in (("l", "low"), ("n", "normal"), ("h", "high")):
        bench.drop(name, faces(name, 2) | {"job.toml": f'priority = "{priority}"'})
    assert bench.once() == 0
    assert [face[0] for face in begun(bench)] == list("hhnnll")
    assert bench.job("done/h").priority == "high"


def test_a_high_one_comes_next_and_the_others_say_who_is_before_them(bench: Bench) -> None:
    bench.drop("usual", VOICE | {"u000.png": "held", "u001.png": "held"})
    with bench.watching():
        bench.wait(lambda: begun(bench))
        bench.drop("other", faces("o", 2, "held"))
        bench.wait(lambda: "takes turns with it" in status(bench, "usual"))
        bench.drop("soon", faces("s", 1, "held") | {"job.toml": 'priority = "high"'})
        bench.wait(lambda: "2 folders take turns with it" in status(bench, "usual"))
        bench.release("u000.png")
        bench.wait(lambda: "s000.png" in begun(bench))
        assert begun(bench)[1] == "s000.png"
        bench.wait(
            lambda: status(bench, "usual") == "Waiting: 1 of 2 videos are made; 2 folders are before this one.\n"
        )
        bench.release("s000.png")
        bench.wait(lambda: "o000.png" in begun(bench))
        bench.wait(lambda: status(bench, "usual") == "Waiting: 1 of 2 videos are made; 1 folder is before this one.\n")
        for name in ("usual", "other"):
            control.cancel(bench.root, name)
        bench.wait(lambda: {"failed/usual", "failed/other"} <= set(bench.places()))


def test_a_priority_can_be_changed_while_a_job_waits(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.drop("one", VOICE | {"o000.png": "held", "o001.png": "ok"})
    bench.drop("two", faces("t", 2))
    with bench.watching():
        bench.wait(lambda: begun(bench))
        assert main(["priority", "one", "low", "--root", str(bench.root)]) == 0
        assert "one" in capsys.readouterr().out
        bench.wait(lambda: bench.job("working/one").priority == "low")
        bench.wait(lambda: "1 folder takes turns with it" in status(bench, "one"))
        bench.release("o000.png")
        bench.wait(lambda: (bench.root / "done/one").exists())
    assert begun(bench) == ["o000.png", "t000.png", "t001.png", "o001.png"]
    assert bench.job("done/one").priority == "low"
    assert not (bench.root / "done/one/PRIORITY").exists()
    assert main(["priority", "one", "high", "--root", str(bench.root)]) == 2, "it is over"


def test_a_priority_that_is_still_being_written_is_waited_for(bench: Bench) -> None:
    """Over a network a file is made first, and written then."""
    bench.drop("one", VOICE | {"o000.png": "held", "o001.png": "ok"})
    with bench.watching():
        bench.wait(lambda: begun(bench))
        wish = bench.root / "working/one/PRIORITY"
        wish.touch()
        bench.drop("two", faces("t", 1))
        bench.wait(lambda: "1 folder takes turns with it" in status(bench, "one"))
        assert wish.exists()
        wish.write_text("low\n", encoding="utf-8")
        bench.drop("three", faces("u", 1))
        bench.wait(lambda: bench.job("working/one").priority == "low")
        bench.release("o000.png")
        bench.wait(lambda: (bench.root / "done/one").exists())


def test_jobs_lists_what_is_old_and_what_lies_in_the_inbox(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.drop("talk", faces("t", 1))
    bench.once()
    bench.drop("walk", faces("w", 1))
    where = ["--root", str(bench.root)]
    assert main(["jobs", *where]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "In the inbox, not taken yet: walk."
    (bench.root / "inbox/@eaDir").mkdir()
    (bench.root / "inbox/.DS_Store").touch()
    (bench.root / "inbox/speech.wav").touch()
    assert main(["jobs", *where]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "In the inbox, not taken yet: walk.",
        "In the inbox, left alone because in no folder: speech.wav.",
    ]
    monkeypatch.setenv("LIPSYNCD_DONE__KEEP_DAYS", "3")
    assert main(["jobs", "--old", *where]) == 0
    assert capsys.readouterr().out.startswith("There are no old jobs")
    path = bench.root / "done/talk/job.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"recorded": "2', '"recorded": "1'), encoding="utf-8")
    assert main(["jobs", "--old", *where]) == 0
    assert "talk" in capsys.readouterr().out


def test_outside_its_hours_nothing_is_begun_and_everybody_is_told(bench: Bench) -> None:
    hours = away()
    bench.drop("talk", faces("t", 2))
    bench.drop("bad", {"notes.txt": "x", "voice.ogv": "x"})
    with bench.watching(render={"hours": hours}) as pid:
        begin = hours.partition("-")[0]
        said = f"Waiting for {begin}: videos are only begun at certain hours (render.hours).\n"
        bench.wait(lambda: status(bench, "talk") == said)
        bench.wait(lambda: "failed/bad" in bench.places() or "inbox/bad" in bench.places())
        assert not begun(bench)
        before = cpu(pid)
        time.sleep(1.5)
        assert cpu(pid) - before < 0.5, "it sleeps"
        control.cancel(bench.root, "talk")
        bench.wait(lambda: "failed/talk" in bench.places())
    pauses = [line for line in bench.log if line["event"] == "rendering pauses"]
    assert [line["until"] for line in pauses] == [begin]
    control.retry(bench.root, "talk")
    assert bench.once(render={"hours": hours}) in (0, 1), "once is at once"
    assert begun(bench) == ["t000.png", "t001.png"]


def test_the_take_at_work_is_finished_when_the_hours_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    wall = bench.place / "wall"

    def now() -> datetime:
        return datetime.fromisoformat(f"2026-11-21T{wall.read_text(encoding='ascii')}:00")

    def strike(time_of_day: str) -> None:
        (bench.place / "beside").write_text(time_of_day, encoding="ascii")
        (bench.place / "beside").replace(wall)

    strike("21:59")
    monkeypatch.setattr(app, "Schedule", lambda hours, log, pause: Schedule(hours, log, pause, today=now))
    bench.drop("talk", faces("t", 2, "held"))
    with bench.watching(render={"hours": "22:00-07:00"}):
        bench.wait(lambda: status(bench, "talk").startswith("Waiting for 22:00: videos"))
        strike("22:00")
        bench.wait(lambda: begun(bench))
        strike("07:00")
        bench.release("t000.png", "t001.png")
        said = "Waiting for 22:00: 1 of 2 videos are made; videos are only begun at certain hours (render.hours).\n"
        bench.wait(lambda: status(bench, "talk") == said)
        time.sleep(1)
        assert begun(bench) == ["t000.png"]
        assert (bench.root / "working/talk/t000.mp4").exists()
        strike("03:00")
        bench.wait(lambda: (bench.root / "done/talk").exists())
    turned = [line["event"] for line in bench.log if line["event"].startswith("rendering ")]
    assert turned == ["rendering pauses", "rendering goes on"] * 2


def test_what_is_made_is_published_at_all_hours(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    publish = {"to": ("folder",), "folder": {"path": str(tmp_path / "public")}, "review": True}
    bench.drop("talk", faces("t", 1))
    bench.once(publish=publish)
    with bench.watching(publish=publish, render={"hours": away()}):
        control.approve(bench.root, "talk")
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert any(receipt.publisher == "folder" for receipt in bench.job("done/talk").receipts)


def test_a_take_that_is_cancelled_ends_at_once(bench: Bench) -> None:
    bench.drop("long", faces("l", 1, "hang"))
    bench.drop("next", faces("n", 1))
    with bench.watching():
        bench.wait(lambda: begun(bench))
        cancelled = time.monotonic()
        control.cancel(bench.root, "long")
        bench.wait(lambda: (bench.root / "failed/long").exists())
        assert time.monotonic() - cancelled < 20, "of sixty that it may last; two seconds where nothing else is done"
        bench.wait(lambda: (bench.root / "done/next").exists())
    assert "the job was cancelled" in bench.text("failed/long/WHY.txt").lower()


def test_a_waiting_job_is_cancelled_while_another_is_rendered(bench: Bench) -> None:
    bench.drop("first", faces("f", 2, "slow 1"))
    bench.drop("long", faces("l", 1, "hang"))
    with bench.watching():
        bench.wait(lambda: "l000.png" in begun(bench))
        assert (bench.root / "working/first").exists()
        cancelled = time.monotonic()
        control.cancel(bench.root, "first")
        bench.wait(lambda: (bench.root / "failed/first").exists())
        assert time.monotonic() - cancelled < 20
        made = bench.root / "failed/first/.lipsyncd"
        assert (made / "f000.mp4").exists(), "what is made of it is kept"
        control.cancel(bench.root, "long")
        bench.wait(lambda: (bench.root / "failed/long").exists())


def test_a_job_in_the_hands_of_another_daemon_is_cancelled_by_that_one(bench: Bench) -> None:
    bench.drop("long", faces("l", 1, "hang"))
    with bench.watching():
        bench.wait(lambda: begun(bench))
        with bench.watching():
            time.sleep(0.5)
            (bench.root / "working/long/CANCEL").touch()  # as anybody does it who can write there
            bench.wait(lambda: (bench.root / "failed/long").exists())
    assert len(begun(bench)) == 1


def test_a_folder_called_like_a_wish_holds_nothing_up(bench: Bench) -> None:
    bench.drop("talk", faces("t", 2, "slow 30"))
    with bench.watching():
        bench.wait(lambda: begun(bench))
        (bench.root / "working/talk/PRIORITY").mkdir()
        (bench.root / "working/talk/CANCEL").mkdir()
        bench.wait(lambda: (bench.root / "failed/talk/WHY.txt").exists())


def test_a_drop_that_is_not_taken_yet_is_cancelled_by_hand(bench: Bench) -> None:
    bench.drop("talk", faces("t", 1))
    with pytest.raises(JobError, match="talk is not taken yet"):
        control.cancel(bench.root, "talk")


def test_retry_makes_what_failed_of_mended_files_and_publishes_the_rest_once(bench: Bench, tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    publish = {"to": ("folder",), "folder": {"path": str(public)}}
    bench.drop("talk", VOICE | {"ann.png": "ok", "bob.png": "no-face", "cat.png": "no-face"})
    assert bench.once(publish=publish) == 1
    before = bench.job("done/talk")
    (bench.root / "done/talk/inputs/bob.png").write_text("ok now", encoding="utf-8")
    control.retry(bench.root, "talk")
    assert bench.once(publish=publish) == 1, "cat.png was not mended"
    after = bench.job("done/talk")
    assert (bench.begun("ann.png"), bench.begun("bob.png"), bench.begun("cat.png")) == (1, 2, 2)
    old = {(receipt.name, receipt.address) for receipt in before.receipts if receipt.name == "ann.mp4"}
    assert old <= {(receipt.name, receipt.address) for receipt in after.receipts}
    assert any(receipt.name == "bob.mp4" for receipt in after.receipts)
    assert "cat.png" in bench.text("done/talk/WHY.txt")
    assert "bob.png" not in bench.text("done/talk/WHY.txt")
