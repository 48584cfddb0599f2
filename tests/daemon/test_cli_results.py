"""Commands that make, check and publish results, with the engine that draws nothing."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from daemon.__main__ import main
from daemon.commands.target import targets
from publishers import credentials_of
from tests.daemon.bench import Bench


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, the current one, with a short speech, two photos and something that is neither."""
    with wave.open(str(tmp_path / "speech.wav"), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes((3000 * np.sin(np.arange(4800) / 9)).astype("<i2").tobytes())
    rgb = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    for name in ("alice.png", "bob.jpg"):
        cv2.imwrite(str(tmp_path / name), rgb)
    (tmp_path / "torn.mp4").write_text("not a video", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def render(*words: str) -> int:
    return main(["render", *words, "--engine", "null", "--device", "cpu"])


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_render_makes_videos_posters_and_papers(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render("speech.wav", "alice.png", "bob.jpg", "-o", "new/out", "--json") == 0
    said = document(capsys)
    out = given / "new" / "out"
    names = {"alice.mp4", "alice.jpg", "bob.mp4", "bob.jpg", "manifest.json", "post.md"}
    assert {path.name for path in out.iterdir()} == names
    assert said.pop("folder") == str(out)
    assert said == json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [video["face"]["file"] for video in said["videos"]] == ["alice.png", "bob.jpg"]
    assert str(given) not in json.dumps(said)
    assert main(["verify", "new/out"]) == 0


def test_the_photo_of_who_is_meant_is_named_and_kept(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (given / "bob.jpg").read_bytes()
    assert render("speech.wav", "alice.png", "--who", "bob.jpg", "-o", ".", "--json") == 0
    (video,) = document(capsys)["videos"]
    assert (video["file"], video["who"]["file"]) == ("alice.mp4", "bob.jpg")
    assert (given / "bob.jpg").read_bytes() == before
    assert main(["verify", "."]) == 0


def test_a_face_that_fails_does_not_stop_the_others(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render("speech.wav", "torn.mp4", "alice.png", "gone.jpg", "-o", "out") == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "out/alice.mp4"
    assert "torn.mp4" in said.out
    assert not any(line.count("torn.mp4") + line.count("gone.jpg") > 1 for line in said.out.splitlines())
    assert "gone.jpg" in said.out
    assert "Traceback" not in said.err
    failures = json.loads((given / "out" / "manifest.json").read_text(encoding="utf-8"))["failures"]
    assert [failure["face"] for failure in failures] == ["torn.mp4", "gone.jpg"]


def test_when_nothing_is_made_there_are_no_papers(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render("speech.wav", "torn.mp4", "-o", "out", "--json") == 1
    assert [failure["face"] for failure in document(capsys)["failures"]] == ["torn.mp4"]
    assert not list((given / "out").iterdir())


def test_inputs_are_never_overwritten(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: (given / name).read_bytes() for name in ("alice.png", "bob.jpg", "speech.wav")}
    assert render("speech.wav", "alice.png", "bob.jpg", "-o", ".") == 0
    assert {name: (given / name).read_bytes() for name in before} == before
    assert {"alice.mp4", "alice.jpg", "bob-2.mp4", "bob-2.jpg"} <= {path.name for path in given.iterdir()}
    assert main(["verify", "."]) == 0


@pytest.mark.parametrize(
    ("faces", "stems"),
    [
        (["alice.png"], ["alice"]),
        (["alice.png", "alice.mp4"], ["alice-png", "alice-mp4"]),
        (["a/alice.png", "b/alice.png"], ["alice", "alice-2"]),
        (["out/alice.mp4"], ["alice-2"]),
        (["out/alice.jpg", "bob.png"], ["alice-2", "bob"]),
        (["Alice.png", "alice.png"], ["Alice-png", "alice-png-2"]),
        (["...png"], ["face"]),
    ],
)
def test_names_of_results(faces: list[str], stems: list[str], given: Path) -> None:
    chosen = [
        target.video.stem for target in targets([Path(face) for face in faces], Path("out"), [Path("speech.wav")])
    ]
    assert chosen == stems


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["alice.png", "speech.wav", "-o", "out"], 2),
        (["speech.wav", "alice.png", "-o", "out", "--pick", "middle"], 2),
        (["speech.wav", "alice.png", "-o", "out", "--pick", "left", "--who", "bob.jpg"], 2),
        (["speech.wav", "alice.png", "-o", "out", "--who", "gone.jpg"], 2),
        (["speech.wav", "alice.png", "-o", "out", "--who", "torn.mp4"], 2),
        (["speech.wav", "alice.png", "-o", "alice.png"], 1),
    ],
)
def test_render_refuses(words: list[str], code: int, given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render(*words) == code
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_what_the_engine_lacks_is_3(
    given: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["render", "speech.wav", "alice.png", "-o", "out", "--engine"]
    assert main([*words, "nobody"]) == 2, "an engine that is not installed is a fault of the configuration"
    assert "installed: command, null, reshape, wav2lip" in capsys.readouterr().err
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main([*words, "null", "--device", "cuda"]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert not (given / "out").exists()


def test_sigterm_leaves_no_torn_file(given: Path) -> None:
    with wave.open(str(given / "long.wav"), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 16000 * 1200))
    words = ["render", "long.wav", "alice.png", "-o", "out", "--engine", "null"]
    with subprocess.Popen([sys.executable, "-m", "daemon", *words], stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr
        assert "begun" in running.stderr.readline()
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=120)
    assert running.returncode == 143
    assert "Traceback" not in said
    assert not list((given / "out").iterdir())


@pytest.mark.parametrize("name", ["alice.mp4", "alice.jpg"])
def test_verify_names_the_file_that_changed(name: str, given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render("speech.wav", "alice.png", "-o", "out") == 0
    changed = given / "out" / name
    data = bytearray(changed.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    capsys.readouterr()
    for path in ("out", "out/manifest.json"):
        assert main(["verify", path, "--json"]) == 1
        assert [finding["file"] for finding in document(capsys)["findings"]] == [name]
    assert main(["verify", "out"]) == 1
    assert name in capsys.readouterr().out


def test_what_is_rendered_is_signed(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render("speech.wav", "alice.png", "-o", "out", "--json") == 0
    (video,) = document(capsys)["videos"]
    assert video["credentials"] == video["poster"]["credentials"]
    found = credentials_of([given / "out" / "alice.mp4", given / "out" / "alice.jpg"])
    assert [(one.state, one.actions) for one in found] == [("valid", ("c2pa.created",))] * 2
    assert main(["verify", "out", "--json"]) == 0
    assert [one["expected"] for one in document(capsys)["credentials"]] == [True, True]


def test_what_cannot_be_signed_is_kept(
    given: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (given / "press.pem").write_text("none", encoding="ascii")
    (given / "press.key").write_text("none", encoding="ascii")
    (given / "press.key").chmod(0o600)
    monkeypatch.setenv("LIPSYNCD_CREDENTIALS__CERTIFICATE", str(given / "press.pem"))
    monkeypatch.setenv("LIPSYNCD_CREDENTIALS__KEY", str(given / "press.key"))
    assert render("speech.wav", "alice.png", "-o", "out") == 1
    assert "not signed: 'press.pem' holds no certificate" in capsys.readouterr().err
    names = {path.name for path in (given / "out").iterdir()}
    assert names == {"alice.mp4", "alice.jpg", "manifest.json", "post.md"}
    monkeypatch.setenv("LIPSYNCD_CREDENTIALS__SIGN", "false")
    assert main(["verify", "out"]) == 0
    assert render("speech.wav", "alice.png", "-o", "out", "--json") == 0


def test_verify_of_no_manifest(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "."]) == 1
    (given / "manifest.json").write_text("{", encoding="utf-8")
    assert main(["verify", "manifest.json"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_publish_to_the_folder(
    given: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (given / "archive").mkdir()
    monkeypatch.setenv("LIPSYNCD_PUBLISH__FOLDER__PATH", str(given / "archive"))
    for _ in range(2):
        assert main(["publish", "alice.png", "bob.jpg", "--to", "folder", "--json"]) == 0
        said = document(capsys)
        assert [receipt["name"] for receipt in said["receipts"]] == ["alice.png", "bob.jpg"]
        assert all(receipt["state"] == "read back" for receipt in said["receipts"])
    assert (given / "archive" / "alice.png").read_bytes() == (given / "alice.png").read_bytes()
    (given / "archive").rename(given / "elsewhere")
    assert main(["publish", "alice.png", "--to", "folder", "--json"]) == 1
    assert document(capsys)["failures"][0]["name"] == "alice.png"


def test_a_dry_run_says_everything_and_does_nothing(
    given: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (given / "archive").mkdir()
    monkeypatch.setenv("LIPSYNCD_PUBLISH__FOLDER__PATH", str(given / "archive"))
    words = ["publish", "alice.png", "bob.jpg", "--to", "folder,ipfs", "--dry-run"]
    assert main([*words, "--json"]) == 0
    said = document(capsys)
    alice, bob = said["files"]
    assert alice["sha256"] == hashlib.sha256((given / "alice.png").read_bytes()).hexdigest()
    assert [place["publisher"] for place in alice["places"]] == ["folder", "ipfs"]
    assert alice["places"][0]["address"] == "folder:alice.png"
    assert bob["places"][1]["address"] == f"ipfs://{bob['cid']}"
    assert said["together"][0]["address"].startswith("ipfs://bafy")
    assert [cost["winston"] for cost in said["costs"]] == [0, 0]
    assert main(words) == 0
    assert alice["sha256"] in capsys.readouterr().out
    assert not list((given / "archive").iterdir())


def test_an_archive_for_ipfs_needs_no_place(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "alice.png", "bob.jpg", "--car", "out.car", "--json"]) == 0
    archive = document(capsys)["archive"]
    assert archive["file"] == "out.car"
    assert archive["cid"].startswith("bafy")
    assert (given / "out.car").read_bytes()[1:9] == b"\xa2\x65roots\x81"
    for words, said in (
        ([], "Say --to NAME, or --car FILE."),
        (["--car", "nowhere/out.car"], "nowhere/out.car cannot be written (No such file or directory)"),
        (["--car", "out.car", "--dry-run"], "--dry-run writes no archive"),
    ):
        assert main(["publish", "alice.png", *words]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["alice.png", "alice.png"], "two files are called alice.png"),
        (["alice.png", "missing.mp4"], "there is no file missing.mp4"),
    ],
)
def test_publish_refuses_what_cannot_be_meant(
    given: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNCD_PUBLISH__FOLDER__PATH", str(given))
    assert main(["publish", *words, "--to", "folder"]) == 2
    assert said in capsys.readouterr().err


def test_verify_online_asks_the_publisher(
    given: Path, bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = given / "archive"
    archive.mkdir()
    bench.drop("talk", {"a.wav": "audio", "alice.png": "picture"})
    assert bench.once(publish={"to": ["folder"], "folder": {"path": archive}}) == 0
    monkeypatch.setenv("LIPSYNCD_PUBLISH__FOLDER__PATH", str(archive))
    done = str(bench.root / "done" / "talk")
    assert main(["verify", done, "--online", "--json"]) == 0
    assert document(capsys)["receipts_checked"] > 0
    (archive / "alice.mp4").write_text("something else", encoding="utf-8")
    assert main(["verify", done]) == 0
    capsys.readouterr()
    assert main(["verify", done, "--online", "--json"]) == 1
    assert {finding["file"] for finding in document(capsys)["findings"]} == {"alice.mp4"}


def test_a_list_of_authorities_that_is_none_is_refused_at_once(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render("speech.wav", "alice.png", "-o", "out") == 0
    Path("words.pem").write_text("nothing of the kind", encoding="utf-8")
    for name, said in (("nowhere.pem", "cannot be read"), ("words.pem", "no certificate"), ("speech.wav", "no cert")):
        capsys.readouterr()
        assert main(["verify", "out", "--trust", name]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert name in told
        assert len(told.splitlines()) == 2
