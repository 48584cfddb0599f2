"""Labels on the way from the settings to the file, the manifest and `verify`."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from daemon.__main__ import main
from daemon.config import ConfigError, load_settings
from daemon.job import Input, Job, JobTake
from daemon.message import Request
from daemon.rendition import _key
from lipsync import Marks, Options, marks_of
from publishers import Directory, identify


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the current one, with a short speech and a photo."""
    with wave.open(str(tmp_path / "speech.wav"), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes((3000 * np.sin(np.arange(4800) / 9)).astype("<i2").tobytes())
    cv2.imwrite(str(tmp_path / "alice.png"), np.full((144, 192, 3), 90, np.uint8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(**label: object) -> Any:
    return load_settings(overrides={"label": label})


def render() -> int:
    return main(["render", "speech.wav", "alice.png", "-o", "out", "--engine", "null", "--device", "cpu"])


def test_metadata_is_the_default_and_the_picture_is_left_alone() -> None:
    assert settings().options().marks == Marks(visible=False, metadata=True)


def test_all_of_it_can_be_set() -> None:
    said = {"visible": True, "style": "opening", "preset": "cn", "text": "x", "metadata": False, "producer": "y"}
    assert settings(**said, font="/a.ttf").options().marks == Marks(**said, font="/a.ttf")


@pytest.mark.parametrize("wrong", [{"text": "a" * 121}, {"text": "a\nb"}, {"producer": "a\tb"}, {"preset": "us"}])
def test_what_cannot_be_a_label_is_a_fault(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=f"label.{next(iter(wrong))}"):
        settings(**wrong)


def test_marks_reach_the_render_process() -> None:
    path = Path("/x")
    options = Options(marks=Marks(visible=True, preset="cn", producer="李"))
    request = Request(path, path, "largest", path, path, options)
    assert Request.of(request.line()) == request


def test_other_marks_are_another_video() -> None:
    take = JobTake(name="a", face="a.png", speech="s.wav")
    job = Job(
        id="1",
        name="n",
        created="",
        engine="null",
        takes=(take,),
        inputs=(Input("a.png", "0", 1), Input("s.wav", "1", 1)),
    )
    plain = Options()
    keys = {
        _key(job, take, replace(plain, marks=marks))
        for marks in (Marks(), Marks(visible=True), Marks(metadata=False), Marks(producer="x"))
    }
    assert len(keys) == 4
    assert len({key.partition(":")[0] for key in keys}) == 1


def test_the_manifest_says_it_and_verify_reads_it(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render() == 0
    video = json.loads((given / "out" / "manifest.json").read_text())["videos"][0]
    assert video["label"] == {"visible": "", "style": "", "metadata": ["AIGC", "IPTC"]}
    assert marks_of(given / "out" / "alice.mp4").labelled
    assert main(["verify", "out"]) == 0


def test_verify_finds_a_label_that_was_taken_out(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render() == 0
    poster = given / "out" / "alice.jpg"
    poster.write_bytes(poster.read_bytes().replace(b"ns.adobe.com/xap", b"ns.adobe.com/xip"))
    assert main(["verify", "out"]) == 1
    assert capsys.readouterr().out.count("alice.jpg: ") == 1  # other bytes: that is enough
    paper = given / "out" / "manifest.json"
    facts, said = identify(poster), json.loads(paper.read_text())
    said["videos"][0]["poster"] |= {"sha256": facts.sha256, "cid": facts.cid}
    said["directory"]["cid"] = Directory.of(
        [identify(given / "out" / "alice.mp4"), facts], said["directory"]["profile"]
    ).cid
    paper.write_text(json.dumps(said))
    assert main(["verify", "out"]) == 1
    assert "alice.jpg: does not say that a machine made it" in capsys.readouterr().out


def test_without_any_label_the_manifest_says_nothing(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNCD_LABEL__METADATA", "false")
    assert render() == 0
    assert "label" not in json.loads((given / "out" / "manifest.json").read_text())["videos"][0]
    assert not marks_of(given / "out" / "alice.mp4").labelled


def test_visible_words_are_in_the_manifest(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNCD_LABEL__VISIBLE", "true")
    monkeypatch.setenv("LIPSYNCD_LABEL__PRESET", "cn")
    assert render() == 0
    said = json.loads((given / "out" / "manifest.json").read_text())["videos"][0]["label"]
    assert (said["visible"], said["style"]) == ("AI生成", "corner")


@pytest.mark.parametrize(("command", "code"), [("config check", 2), ("doctor", 3), ("watch --once", 3)])
def test_letters_that_no_font_has_are_told_early(
    command: str, code: int, given: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIPSYNCD_PATHS__ROOT", str(given / "root"))
    monkeypatch.setenv("LIPSYNCD_PATHS__STATE", str(given / "state"))
    monkeypatch.setenv("LIPSYNCD_LABEL__VISIBLE", "true")
    monkeypatch.setenv("LIPSYNCD_LABEL__TEXT", "AI 字\N{PARROT}")
    monkeypatch.setenv("XDG_DATA_DIRS", str(given))
    monkeypatch.setenv("XDG_DATA_HOME", str(given))
    monkeypatch.setenv("HOME", str(given))
    assert main(command.split()) == code
    said = capsys.readouterr()
    assert "字 \N{PARROT}" in said.out + said.err
    assert "label.font" in said.out + said.err
