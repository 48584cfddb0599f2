"""Doctor: every finding with what to do, and an exit code that says whether anything needed is missing."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from daemon import brought, doctor, hardware
from daemon.__main__ import main
from daemon.config import Settings
from daemon.mount import Mount
from lipsync import Model

WORKING = {"encoders": {"libx264": True, "h264_nvenc": False, "aac": True}, "gpu": "", "broken": {}}


def settings(tmp_path: Path, **sections: Any) -> Settings:
    return Settings(paths={"root": tmp_path / "root", "state": tmp_path / "state"}, **sections)


def states(checks: Any) -> dict[str, str]:
    return {check.name: check.state for check in checks}


@pytest.fixture
def surveyed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the other process says of the machine; tests change it."""
    machine = json.loads(json.dumps(WORKING))
    monkeypatch.setattr(hardware, "COMMAND", (sys.executable, "-c", "import sys; print(sys.argv[1])", "{}"))
    monkeypatch.setattr(hardware, "_survey", lambda: machine)
    return machine  # type: ignore[no-any-return]


def test_this_machine_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--root", str(tmp_path / "root"), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert code == (0 if said["ok"] else 3)
    found = {check["name"]: check["state"] for check in said["checks"]}
    assert {found[name] for name in ("python", "torch", "av", "root", "state", "encoder libx264", "encoder aac")} == {
        "ok"
    }
    assert all(check["advice"] for check in said["checks"] if check["state"] != "ok")


def test_lines_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str], surveyed: dict[str, Any]) -> None:
    surveyed["encoders"]["aac"] = False
    assert main(["doctor", "--root", str(tmp_path)]) == 3
    lines = capsys.readouterr().out.splitlines()
    number = next(index for index, line in enumerate(lines) if line.startswith("fail  encoder aac"))
    assert "pip install av" in lines[number + 1]


def test_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    proc = Settings(paths={"root": "/proc/lipsyncd", "state": "/proc/state"})
    assert states(doctor.root(proc))["root"] == "fail"
    assert states(doctor.state(proc))["state"] == "fail"
    (tmp_path / "file").touch()
    assert states(doctor.root(Settings(paths={"root": tmp_path / "file"})))["root"] == "fail"
    assert states(doctor.root(settings(tmp_path)))["root"] == "ok"
    assert not (tmp_path / "root").exists(), "the doctor changes nothing"


def test_room_on_the_disk(tmp_path: Path) -> None:
    assert states(doctor.root(settings(tmp_path, limits={"free_bytes": 10**18})))["free space"] == "fail"
    assert states(doctor.root(settings(tmp_path, limits={"free_bytes": 0})))["free space"] == "ok"


@pytest.mark.parametrize(
    ("kind", "watch", "state", "word"),
    [
        ("ext4", "auto", "ok", "events"),
        ("cifs", "auto", "ok", "polled"),
        ("ext4", "poll", "ok", "polled"),
        ("nfs4", "events", "warn", "tells of none"),
    ],
)
def test_how_changes_are_noticed(
    kind: str, watch: str, state: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "mount_of", lambda folder: Mount(Path("/mnt"), kind))
    (check,) = [one for one in doctor.root(settings(tmp_path, inbox={"watch": watch})) if one.name == "inbox"]
    assert (check.state, word in check.found) == (state, True)


def test_a_share_that_is_not_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "mount_of", lambda folder: Mount(Path("/"), "ext4"))
    assert states(doctor.root(settings(tmp_path, inbox={"mount_guard": True})))["mount guard"] == "fail"


def test_the_state_belongs_off_the_share(tmp_path: Path) -> None:
    mixed = Settings(paths={"root": tmp_path, "state": tmp_path / "state"})
    assert [check.state for check in doctor.state(mixed)] == ["ok", "warn"]


@pytest.mark.parametrize(("state", "expected"), [("usable", "ok"), ("missing", "fail"), ("damaged", "fail")])
def test_weights(state: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor, "models", lambda: [Model("face", "face.safetensors", 9, "0" * 64, "MIT", "faces", state)]
    )
    assert states(doctor.weights()) == {"weights face": expected}
    monkeypatch.setattr(doctor, "models", list)
    assert states(doctor.weights()) == {"weights": "fail"}


def test_publishers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert states(doctor.publishing(settings(tmp_path)))["publisher folder"] == "ok"
    used = settings(tmp_path, publish={"to": ["folder"], "folder": {"path": tmp_path}})
    assert states(doctor.publishing(used))["publisher folder"] == "ok"
    assert states(doctor.publishing(used))["folder directory"] == "ok"
    away = settings(tmp_path, publish={"to": ["folder"], "folder": {"path": tmp_path / "unmounted"}})
    assert states(doctor.publishing(away))["folder directory"] == "fail"
    unset = settings(tmp_path, publish={"to": ["folder"]})
    assert states(doctor.publishing(unset))["publisher folder"] == "fail"
    monkeypatch.setattr(doctor, "broken", lambda _names: {"folder": "it is torn"})
    assert states(doctor.publishing(used))["publisher folder"] == "fail"
    assert states(doctor.publishing(settings(tmp_path)))["publisher folder"] == "ok", "not in use, so not loaded"


def test_encoders(tmp_path: Path, surveyed: dict[str, Any]) -> None:
    wanting = settings(tmp_path, render={"encoder": "h264_nvenc"})
    assert states(hardware.hardware(settings(tmp_path)))["encoder h264_nvenc"] == "ok"
    assert states(hardware.hardware(wanting))["encoder h264_nvenc"] == "fail"
    surveyed["encoders"] = dict.fromkeys(surveyed["encoders"], True)
    assert states(hardware.hardware(wanting))["encoder h264_nvenc"] == "ok"


def test_the_gpu(tmp_path: Path, surveyed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert states(hardware.hardware(settings(tmp_path, render={"device": "cuda"})))["device"] == "fail"
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/nvidia-smi")
    assert states(hardware.hardware(settings(tmp_path)))["device"] == "warn"
    surveyed["gpu"] = "NVIDIA H200"
    assert states(hardware.hardware(settings(tmp_path)))["device"] == "ok"


def test_a_broken_engine_is_fatal_only_where_it_is_used(tmp_path: Path, surveyed: dict[str, Any]) -> None:
    surveyed["broken"] = {"null": "it is torn"}
    assert states(hardware.hardware(settings(tmp_path)))["null"] == "warn"
    assert states(hardware.hardware(settings(tmp_path, render={"engine": "null"})))["null"] == "fail"


@pytest.mark.parametrize(
    ("script", "word"),
    [
        ("import time; time.sleep(30)", "no answer"),
        ("raise SystemExit('ImportError: libcuda')", "libcuda"),
        ("import os; os.kill(os.getpid(), 11)", "exit code -11"),
    ],
)
def test_libraries_that_hang_or_crash(script: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "COMMAND", (sys.executable, "-c", script))
    monkeypatch.setattr(hardware, "PATIENCE", 1.0 if "sleep" in script else 30.0)
    (check,) = hardware.hardware(settings(tmp_path))
    assert check.state == "fail"
    assert word in check.found


def test_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    (silent,) = doctor.service()
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    (told,) = doctor.service()
    assert silent.found != told.found


def test_what_is_needed_is_what_the_package_asks_for() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [re.split(r"[<>=~!; ]", line)[0] for line in project["dependencies"]]
    assert sorted(doctor.needed()) == sorted(asked)
    assert {check.name for check in doctor.libraries() if check.state == "ok"} >= {"python", *asked}


def test_events_used_up_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "mount_of", lambda folder: Mount(Path("/"), "ext4"))
    monkeypatch.setattr(doctor, "lacking", lambda folder: "fs.inotify.max_user_watches is used up")
    found = {check.name: check for check in doctor.root(settings(tmp_path))}["inbox"]
    assert found.state == "warn"
    assert "polled every 10 s" in found.found
    assert "sysctl fs.inotify.max_user_watches=" in found.advice
    quiet = settings(tmp_path, inbox={"watch": "poll"})
    assert states(doctor.root(quiet))["inbox"] == "ok", "who wants no events lacks none"


def test_places_with_settings_are_looked_at_though_only_drops_name_them(tmp_path: Path) -> None:
    publish = {"folder": {"path": str(tmp_path / "gone")}}
    found = {check.name: check for check in doctor.publishing(Settings(publish=publish))}
    assert found["publisher folder"].found == "for drops that name it"
    assert found["folder directory"].state == "fail"
    assert found["publisher arweave"].found == "there, not in use"


@pytest.mark.parametrize(
    ("asked", "lacks", "gpu", "broken", "state", "found"),
    [
        ("auto", "the library face-alignment is not installed", "", {}, "ok", "landmarks (auto)"),
        ("auto", "", "H200", {}, "ok", "face-alignment (auto)"),
        ("auto", "", "", {}, "warn", "face-alignment (auto), without a GPU: half a second a frame or more"),
        ("auto", "", "H200", {"face-alignment": "libGL.so.1"}, "ok", "landmarks (auto)"),
        ("landmarks", "", "", {}, "ok", "landmarks"),
    ],
)
def test_who_finds_the_face(
    tmp_path: Path, surveyed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, asked: str, lacks: str, gpu: str,
    broken: dict[str, str], state: str, found: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(hardware, "tracker_lacks", lambda weights: lacks)
    surveyed.update(gpu=gpu, broken=broken)
    checks = list(hardware.hardware(settings(tmp_path, render={"tracker": asked})))
    (check,) = [check for check in checks if check.name == "tracker"]
    assert (check.state, check.found) == (state, found)


def test_what_face_alignment_lacks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = settings(tmp_path, render={"tracker": "face-alignment"})
    for lacks, word in (("the weights face-alignment-2d are not here", "models fetch"), ("the library", "docs/")):
        monkeypatch.setattr(brought, "tracker_lacks", lambda weights, lacks=lacks: lacks)
        (check,) = brought.checks(asked)
        assert (check.state, check.found) == ("fail", lacks)
        assert word in check.advice
    monkeypatch.setattr(brought, "tracker_lacks", lambda weights: "")
    (check,) = brought.checks(asked)
    assert check.state == "ok"
