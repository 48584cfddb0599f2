"""Commands about jobs, on a root that a daemon with a fake renderer has worked off; and the demo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.__main__ import main
from tests.daemon.bench import Bench


def call(bench: Bench, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """Run a command on the bench's root with --json; its exit code and document."""
    code = main([*words, "--root", str(bench.root), "--state", str(bench.place / "state"), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_no_jobs_yet(bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call(bench, capsys, "jobs") == (0, {"root": str(bench.root), "paused": False, "jobs": [], "damaged": []})
    assert main(["jobs", "--root", str(tmp_path / "nowhere")]) == 0
    said = capsys.readouterr()
    assert "There are no jobs" in said.out
    assert "not there yet" in said.err


def test_jobs_are_listed_wherever_they_are(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.drop("good 周报", {"a.wav": "audio", "alice.png": "ok"})
    bench.drop("bad", {"a.wav": "audio", "bob.png": "no-face"})
    assert bench.once() == 1
    code, said = call(bench, capsys, "jobs")
    jobs = {job["name"]: job for job in said["jobs"]}
    assert code == 0
    assert {name: job["place"] for name, job in jobs.items()} == {"good 周报": "done", "bad": "failed"}
    assert jobs["good 周报"]["takes"][0]["video"] == "alice.mp4"
    assert "no face in bob.png" in jobs["bad"]["takes"][0]["error"]
    assert Path(jobs["good 周报"]["folder"]).is_dir()
    assert main(["jobs", "--root", str(bench.root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "IN", "STATE", "MADE", "FOLDER"]
    assert any(line.endswith("good 周报") for line in lines)


def test_jobs_whose_papers_are_damaged_are_listed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two", "three"):
        bench.drop(name, {"a.wav": "audio", "alice.png": "no-face" if name == "two" else "ok"})
    assert bench.once() == 1
    (bench.root / "done/one/job.json").write_text("{")
    (bench.root / "failed/two/.lipsyncd/job.json").write_text("[]")
    (bench.root / "working/four/inputs").mkdir(parents=True)
    (bench.root / "done/somebody's").mkdir()
    code, said = call(bench, capsys, "jobs")
    assert code == 0
    assert [job["name"] for job in said["jobs"]] == ["three"]
    found = {Path(one["folder"]).name: (one["place"], one["reason"]) for one in said["damaged"]}
    assert {name: place for name, (place, _) in found.items()} == {"one": "done", "two": "failed", "four": "working"}
    assert "cannot be read" in found["one"][1]
    assert main(["jobs", "--root", str(bench.root)]) == 0
    assert "done/one is left alone: the job.json of one cannot be read" in capsys.readouterr().out


def test_a_job_to_be_made_again_is_queued(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.drop("talk", {"a.wav": "audio", "alice.png": "ok", "bob.png": "no-face"})
    assert bench.once() == 1
    assert call(bench, capsys, "retry", "talk")[0] == 0
    (job,) = call(bench, capsys, "jobs")[1]["jobs"]
    assert (job["place"], job["state"]) == ("working", "QUEUED")


def test_retry_makes_only_what_failed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.drop("talk", {"a.wav": "audio", "alice.png": "ok", "bob.png": "once:no-face"})
    assert bench.once() == 1
    assert call(bench, capsys, "retry", "talk")[0] == 0
    assert bench.once() == 0
    assert (bench.begun("alice.png"), bench.begun("bob.png")) == (1, 2)
    code, said = call(bench, capsys, "retry", "talk")
    assert code == 2
    assert said["error"]["message"]


def test_approve_lets_a_job_go_on(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.drop("talk", {"a.wav": "audio", "alice.png": "ok"})
    bench.once(publish={"review": True})
    (job,) = call(bench, capsys, "jobs")[1]["jobs"]
    assert (job["place"], job["state"]) == ("working", "REVIEW")
    assert call(bench, capsys, "approve", job["id"])[0] == 0
    assert bench.once(publish={"review": True}) == 0
    assert (bench.root / "done" / "talk" / "manifest.json").exists()


def test_cancel_gives_a_job_up(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.drop("talk", {"a.wav": "audio", "alice.png": "ok"})
    bench.once(publish={"review": True})
    assert call(bench, capsys, "cancel", "talk")[0] == 0
    bench.once(publish={"review": True})
    assert (bench.root / "failed" / "talk" / "WHY.txt").exists()
    assert call(bench, capsys, "cancel", "talk")[0] == 2


def test_notes_are_kept_as_one_harmless_line(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.drop("talk", {"a.wav": "audio", "alice.png": "ok"})
    bench.drop("walk", {"a.wav": "audio", "alice.png": "ok"})
    bench.once(publish={"review": True})
    note = "looks good\nto \x1b[31mme\u202e " + "x" * 5000
    assert call(bench, capsys, "approve", "talk", "--note", note)[0] == 0
    assert call(bench, capsys, "approve", "talk", "--note", "second thoughts")[0] == 0
    assert call(bench, capsys, "cancel", "walk", "--note", "the wrong\nface")[0] == 0
    bench.once(publish={"review": True})
    said = {job["name"]: job for job in call(bench, capsys, "jobs")[1]["jobs"]}
    kept = said["talk"]["remark"]
    assert kept.startswith("looks good to \\x1b[31mme\\u202e xxx")
    assert len(kept) == 500
    assert "the job was cancelled: the wrong face" in said["walk"]["error"]
    assert "cancelled: the wrong face." in bench.text("failed/walk/WHY.txt")
    assert '"remark": "looks good' in bench.text("done/talk/job.log")


@pytest.mark.parametrize("act", ["retry", "approve", "cancel"])
def test_no_such_job(act: str, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = call(bench, capsys, act, "nothing\nhere")
    assert code == 2
    assert "jobs" in said["error"]["hint"]
    assert len(said["error"]["message"].splitlines()) == 1


def test_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.commands.demo.SAMPLE", {"hello.en.flac": "speech.flac", "astronaut.jpg": "photo.jpg"})
    monkeypatch.setenv("LIPSYNCD_PATHS__ROOT", str(tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--engine", "null", "--device", "cpu", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["folder"] == str(tmp_path / "demo" / "done" / "hello")
    assert [Path(video).name for video in said["videos"]] == ["photo.mp4"]
    assert Path(said["manifest"]).is_file()
    assert Path(said["post"]).is_file()
    assert main(["verify", said["folder"]]) == 0
    assert main(["jobs", "--config", "demo/config.toml", "--json"]) == 0
    assert not (tmp_path / "elsewhere").exists()


def test_the_demo_leaves_folders_of_others_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    for words in (["--dir", str(tmp_path)], ["--dir", str(tmp_path / "letter.txt")]):
        assert main(["demo", *words]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_demo_that_fails_says_where_the_reason_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.commands.demo.SAMPLE", {"hello.en.flac": "speech.flac"})
    assert main(["demo", "--engine", "null", "--dir", str(tmp_path / "demo")]) == 1
    assert "WHY.txt" in capsys.readouterr().err


@pytest.mark.parametrize("root", ["/proc/lipsyncd", "file"])
def test_a_root_that_cannot_be_is_missing(
    root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    assert main(["watch", "--once", "--root", root]) == 3
    assert len([line for line in capsys.readouterr().err.splitlines() if not line.startswith("{")]) == 2


def test_watch_once_says_by_its_exit_code_whether_all_is_done(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNCD_INBOX__SETTLE", "0.1")
    words = ["watch", "--once", "--root", str(bench.root), "--state", str(bench.place / "state")]
    assert main(words) == 0
    bench.drop("lacking", {"a.wav": "audio"})
    assert main(words) == 1
    assert "face" in (bench.root / "failed" / "lacking" / "WHY.txt").read_text(encoding="utf-8")
    assert capsys.readouterr().out == ""
