"""The command line as scripts see it: words, exit codes, one JSON document, two-line errors."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.__main__ import main
from daemon.commands.parser import parser

COMMANDS = [
    "watch",
    "render",
    "jobs",
    "retry",
    "approve",
    "cancel",
    "priority",
    "publish",
    "verify",
    "doctor",
    "models",
    "config",
    "demo",
]
PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def process(*words: str, **how: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "daemon", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, **how)  # type: ignore[call-overload]


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command with its parser, those with acts as "models list" and so on."""

    def below(name: str, one: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
        groups = [action for action in one._actions if isinstance(action, argparse._SubParsersAction)]
        if not groups:
            yield name, one
        for group in groups:
            for word, inner in group.choices.items():
                yield from below(f"{name} {word}".strip(), inner)

    return below("", parser())


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert [word for word in COMMANDS if re.search(rf"^ +{word}\b", said, re.MULTILINE)] == COMMANDS
    assert "Exit codes" in said


@pytest.mark.parametrize("name", [name for name, _ in parsers()])
def test_every_command_has_help_and_the_common_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("--config", "--json", "--root"))


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["render"],
        ["render", "a.wav", "b.png"],
        ["models"],
        ["config"],
        ["retry"],
        ["jobs", "--conf", "x"],
        ["render", "missing.wav", "face.png", "-o", "out"],
        ["render", "missing.wav", "face.png", "-o", "out", "--device", "tpu"],
        ["verify", "/nowhere/at/all"],
        ["publish", "missing.mp4", "--to", "nobody"],
        ["publish", "missing.mp4", "--to", "ipfs"],
        ["retry", "no-such-job"],
        ["config", "check", "--config", "/nowhere.toml"],
    ],
)
def test_wrong_usage_is_2_in_two_plain_lines(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 2
    assert "Traceback" not in said.err


def test_an_error_with_json_is_one_document_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIPSYNCD_RENDER__QUALITY", "99")
    monkeypatch.setenv("LIPSYNCD_INBOX__SETTLE", "soon")
    assert main(["config", "check", "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert {fault["name"] for fault in document["error"]["faults"]} == {"render.quality", "inbox.settle"}


@pytest.mark.parametrize(
    "words", [["jobs"], ["config", "check"], ["config", "show"], ["models", "list"]], ids=lambda words: " ".join(words)
)
def test_facts_with_json_are_one_document(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for one in ([*words, "--json"], ["--json", *words]):
        assert main(one) == 0
        assert isinstance(json.loads(capsys.readouterr().out), dict)


def test_config_before_and_after_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[render]\nquality = 30\n", encoding="utf-8")
    for words in (["--config", str(file), "config", "show"], ["config", "show", "--config", str(file)]):
        assert main([*words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["render"]["quality"] == 30
    assert main(["config", "--config", str(file), "show", "--root", "/r", "--state", "/s", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["render"]["quality"], shown["paths"]) == (
        30,
        {"root": "/r", "state": "/s", "weights": "", "umask": ""},
    )


def test_config_show_is_a_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show"]) == 0
    file = tmp_path / "shown.toml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["config", "check", "--config", str(file)]) == 0


def test_config_show_masks_secrets(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNCD_PUBLISH__IPFS__API", "https://me:hunter2@node.example/api?key=hunter2")
    assert main(["config", "show"]) == 0
    said = capsys.readouterr().out
    assert "hunter2" not in said
    assert "node.example/api" in said


@pytest.mark.parametrize("words", [["models", "fetch", "face"], ["models", "import", "x.pth"]])
def test_models_that_cannot_be_had_are_missing(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 3
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_models_list_names_licence_and_state(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    for model in json.loads(capsys.readouterr().out)["models"]:
        assert model["licence"]
        assert model["state"] == "usable"
        assert len(model["sha256"]) == 64


@pytest.mark.parametrize("words", ["--help", "config check", "jobs", "doctor --help"])
def test_light_commands_load_nothing_heavy(words: str) -> None:
    script = (
        "import sys; from daemon.__main__ import main; code = main(sys.argv[1:]);"
        "print({'torch', 'cv2', 'av', 'librosa', 'numba', 'scipy'} & set(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    answer = subprocess.run([sys.executable, "-c", script, *words.split()], capture_output=True, text=True, check=False)
    assert answer.returncode == 0
    assert answer.stderr.splitlines()[-1] == "set()"


def test_a_closed_pipe_is_no_error_of_ours() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        command = [sys.executable, "-m", "daemon", "config", "show"]
        answer = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=240, check=False)
    assert answer.returncode == 141
    assert answer.stderr == ""


def test_ctrl_c_is_one_line(tmp_path: Path) -> None:
    fifo = tmp_path / "settings.toml"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "daemon", "config", "check", "--config", str(fifo)]
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may be born deaf to it
    try:
        running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, heard)
    with running:
        writer = os.open(fifo, os.O_WRONLY)  # returns once the command reads: it is in the middle of its work then
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=120)
        os.close(writer)
    assert running.returncode == 130
    assert said == "lipsyncd: stopped\n"


def test_the_version() -> None:
    answer = process("--version")
    assert (answer.returncode, answer.stdout.split()[0]) == (0, "lipsyncd")


def test_the_page_names_every_command_and_option() -> None:
    text = PAGE.read_text(encoding="utf-8")
    known = {"--help", "--version", "--config", "--root", "--state", "--json"}
    for name, one in parsers():
        assert f"lipsyncd {name}" in text, f"docs/commands.md lacks {name}"
        for action in one._actions:
            option = max(action.option_strings, key=len, default=action.metavar or "")
            assert isinstance(option, str)
            assert option in text, f"docs/commands.md lacks {option} of {name}"
            known.update(action.option_strings)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) <= known
