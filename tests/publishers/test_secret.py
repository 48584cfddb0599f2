"""Secrets come from where they are safe, and show themselves nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from publishers import PublisherError
from publishers.secret import LARGEST, Secret, read_secret


@dataclass(frozen=True)
class Holder:
    token: Secret


def test_a_secret_hides_itself() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {Holder(secret)} {[secret]}"
    assert secret.reveal() == "hunter2"
    assert secret
    assert secret == Secret("hunter2")


def test_a_file_of_the_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "令牌"
    file.write_text("\ufeffhunter2\n", encoding="utf-8")
    for mode in (0o644, 0o640, 0o604):
        file.chmod(mode)
        with pytest.raises(PublisherError, match="may be read by others") as caught:
            read_secret(str(file), "")
        assert "chmod 600" in caught.value.hint
    file.chmod(0o600)
    secret = read_secret(str(file), "")
    assert secret is not None
    assert secret.reveal() == "hunter2"


def test_a_systemd_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert read_secret("", "wallet") is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_secret("", "wallet") is None
    (tmp_path / "wallet").write_text("hunter2")
    (tmp_path / "wallet").chmod(0o440)  # as systemd makes them
    secret = read_secret("", "wallet")
    assert secret is not None
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "is not text"), (b"x" * (LARGEST + 1), "too large")],
)
def test_what_cannot_be_one(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(PublisherError, match=said) as caught:
        read_secret(str(file), "")
    assert "xxx" not in str(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PublisherError, match="cannot be read"):
        read_secret(str(tmp_path / "none"), "")
    with pytest.raises(PublisherError, match="cannot be read"):
        read_secret(str(tmp_path), "")
