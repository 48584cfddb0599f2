"""The password: its hash, where it is kept, and the command that sets it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daemon.__main__ import main
from daemon.errors import PasswordError
from daemon.page import checkup, password
from tests.page.conftest import settings_at


def test_a_hash_knows_its_password_and_no_other() -> None:
    begun = time.process_time()
    stored = password.hashed("correct horse")
    assert time.process_time() - begun > 0.05  # a guess must cost something
    assert "horse" not in stored
    assert password.right("correct horse", stored)
    assert not password.right("correct horsf", stored)
    assert not password.right("", stored)
    assert not password.right("x" * 5000, stored)


def test_letters_count_however_they_are_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "_COST", 4)
    stored = password.hashed("pässwörter 密码")
    assert password.right("pa\u0308sswo\u0308rter 密码", stored)
    assert stored != password.hashed("pässwörter 密码")
    assert password.right("\ud800 strange", password.hashed("\ud800 strange"))


@pytest.mark.parametrize("word", ["", "short", "x" * 1025])
def test_some_passwords_are_refused(word: str) -> None:
    with pytest.raises(PasswordError):
        password.hashed(word)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain password",
        "scrypt$30$8$3$AAAA$" + "A" * 44,  # would take all memory
        "scrypt$15$8$99$AAAA$" + "A" * 44,
        "scrypt$0$8$3$AAAA$" + "A" * 44,
        "scrypt$x$8$3$AAAA$" + "A" * 44,
        "scrypt$15$8$3$AAAA$AAAA",
        "bcrypt$15$8$3$AAAA$" + "A" * 44,
        "\x00",
    ],
)
def test_what_is_no_hash_of_ours_is_refused(tmp_path: Path, text: str) -> None:
    assert not password.right("plain password", text)
    path = tmp_path / "password"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(PasswordError, match="holds no hash"):
        password.read(password.Kept(path))


def test_it_is_kept_for_the_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "_COST", 4)
    settings = settings_at(tmp_path)
    where = password.kept(settings)
    assert password.read(where) == ""
    old = os.umask(0)
    try:
        password.write(where.path, password.hashed("correct horse"))
    finally:
        os.umask(old)
    assert where.path.stat().st_mode & 0o777 == 0o600
    assert where.path.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in where.path.parent.iterdir()] == ["password"]
    assert password.right("correct horse", password.read(where))
    where.path.chmod(0o640)
    with pytest.raises(PasswordError, match="may be read by others"):
        password.read(where)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "_COST", 4)
    target = tmp_path / "target"
    password.write(target, password.hashed("correct horse"))
    link = tmp_path / "state" / "password"
    link.parent.mkdir()
    link.symlink_to(target)
    with pytest.raises(PasswordError):
        password.read(password.Kept(link))
    password.write(link, password.hashed("other horse"))
    assert not link.is_symlink()
    assert password.right("correct horse", target.read_text().strip())


def test_a_credential_of_systemd_stands_before_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings = settings_at(tmp_path)
    assert not password.kept(settings).given
    (tmp_path / "page-password").write_text(password.hashed("correct horse"))
    assert password.kept(settings).given
    assert password.read(password.kept(settings))
    named = settings_at(tmp_path, password_file=str(tmp_path / "mine"))
    assert password.kept(named).path == tmp_path / "mine"


def lipsyncd(folder: Path, *words: str, said: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    home = {"LIPSYNCD_PATHS__ROOT": str(folder / "root"), "LIPSYNCD_PATHS__STATE": str(folder / "state")}
    return subprocess.run(
        [sys.executable, "-m", "daemon", *words],
        input=said,
        capture_output=True,
        text=True,
        env=os.environ | home | environment,
        check=False,
    )


def test_the_command_sets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = lipsyncd(tmp_path, "page", "passwd", "--stdin", said="correct horse\n")
    assert done.returncode == 0, done.stderr
    assert "horse" not in done.stdout + done.stderr
    stored = password.read(password.kept(settings_at(tmp_path)))
    assert password.right("correct horse", stored)
    monkeypatch.setenv("LIPSYNCD_PATHS__STATE", str(tmp_path / "state"))
    answers = iter(["a new password", "a new passwort", "a new password", "a new password"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert main(["page", "passwd"]) == 1
    assert "not the same" in capsys.readouterr().err
    assert main(["page", "passwd"]) == 0
    assert password.right("a new password", password.read(password.kept(settings_at(tmp_path))))


def test_the_command_refuses_what_is_no_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lipsyncd(tmp_path, "page", "passwd", "--stdin", said="short\n").returncode == 2
    assert not (tmp_path / "state" / "page" / "password").exists()


def test_the_command_can_print_a_hash(tmp_path: Path) -> None:
    done = lipsyncd(tmp_path, "page", "passwd", "--stdin", "--print", said="correct horse\n")
    assert password.right("correct horse", done.stdout.strip())
    assert not (tmp_path / "state").exists()


def test_a_page_that_others_can_reach_wants_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_at(tmp_path, listen="0.0.0.0:0")
    assert "none is set" in checkup.lacking(settings)
    monkeypatch.setenv("LIPSYNCD_PATHS__STATE", str(tmp_path / "state"))
    monkeypatch.setenv("LIPSYNCD_PAGE__LISTEN", "0.0.0.0:0")
    monkeypatch.setenv("LIPSYNCD_NOTIFY__URLS", str(tmp_path / "nowhere"))
    assert main(["config", "check"]) == 2
    said = capsys.readouterr().err
    assert "none is set. Run `lipsyncd page passwd`" in said
    assert "notify.urls: nowhere:" in said, "every fault at once"
    monkeypatch.delenv("LIPSYNCD_NOTIFY__URLS")
    states = {check.name: check.state for check in checkup.checks(settings)}
    assert states == {"page": "ok", "page password": "fail"}
    monkeypatch.setattr(password, "_COST", 4)
    password.write(password.kept(settings).path, password.hashed("correct horse"))
    assert checkup.lacking(settings) == ""
    assert main(["config", "check"]) == 0
    assert {check.state for check in checkup.checks(settings)} == {"ok"}


def test_doctor_says_that_another_is_there(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = settings_at(tmp_path, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        found = next(checkup.checks(settings))
    assert found.state == "fail"
    assert next(checkup.checks(settings_at(tmp_path, listen=""))).found.startswith("switched off")
