"""The unit file under systemd's own judgement."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "systemd" / "lipsyncd.service"

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
def test_the_unit_is_valid() -> None:
    answer = analyze("verify", str(UNIT))
    assert answer.returncode == 0, answer.stderr
    assert "lipsyncd" not in answer.stderr


@needs_systemd
@pytest.mark.parametrize("drop_in", ["", "gpu.conf", "metrics.conf", "notify.conf", "page.conf", "publish.conf"])
def test_the_unit_is_hardened(drop_in: str, tmp_path: Path) -> None:
    """By itself, and with each drop-in, which is read as if it stood at the end."""
    whole = tmp_path / UNIT.name
    more = (UNIT.parent / drop_in).read_text(encoding="utf-8") if drop_in else ""
    whole.write_text(f"{UNIT.read_text(encoding='utf-8')}\n{more}", encoding="utf-8")
    answer = analyze("security", "--offline=true", "--threshold=15", str(whole))
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", answer.stdout)
    assert level is not None, answer.stdout + answer.stderr
    assert float(level[1]) <= 1.5
    assert answer.returncode == 0


def test_the_unit_speaks_the_protocol_of_the_daemon() -> None:
    text = UNIT.read_text(encoding="utf-8")
    for line in ("Type=notify", "WatchdogSec=5min", "ProtectSystem=strict", "NoNewPrivileges=yes"):
        assert line in text.splitlines()
