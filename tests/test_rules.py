"""The sample alert rules: whole, and every metric and every label in them is one that the daemon really shows."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daemon.metrics import Metrics
from daemon.metrics_read import Reader

RULES = Path(__file__).parents[1] / "systemd" / "lipsyncd.rules.yml"
PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
REASONS = {"died", "killed", "hung", "memory", "nonsense", "unfinished"}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The names of all samples, and the labels of each, "of" and all."""
    from prometheus_client import generate_latest

    folder = tmp_path_factory.mktemp("place")
    metrics = Metrics(Reader(folder, folder, "1"))
    metrics.job_failed("no video")
    metrics.take_missed("refused", "NoFaceError")
    metrics.unanswered("ipfs", ValueError())
    metrics.renderer_ended("died")
    metrics.spent("publish", 1, "ipfs")
    metrics._files.labels("ipfs").inc()
    metrics._bytes.labels("ipfs").inc()
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    known = {one.name: set(one.labels) for each in families for one in each.samples}
    known |= {"lipsyncd_turned_timestamp_seconds": set(), "lipsyncd_gpu_bytes": {"of"}}
    return known | {name: {"place", "state"} for name in ("lipsyncd_ledger_records", "lipsyncd_ledger_winston")}


def expressions() -> dict[str, str]:
    """What each alert asks; read by hand, for the file has the simplest of forms."""
    found: dict[str, str] = {}
    alert, folded = "", False
    for line in RULES.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r" {6}- alert: (\w+)", line):
            alert = match[1]
            assert alert not in found, f"{alert} is there twice"
        elif match := re.fullmatch(r" {8}expr: (.+)", line):
            folded = match[1] == ">-"
            found[alert] = "" if folded else match[1]
        elif folded and line.startswith(" " * 10):
            found[alert] += f"{line.strip()} "
        else:
            folded = False
    return found


def test_the_issue_is_covered() -> None:
    words = " ".join(expressions())
    for alert in ("Down", "Stuck", "JobsFail", "QueueStuck", "DiskLow", "RendererCrashes", "PublishWaits"):
        assert f"Lipsyncd{alert}" in words


def test_every_metric_in_the_rules_is_shown(shown: dict[str, set[str]]) -> None:
    for alert, text in expressions().items():
        used = re.findall(r"(lipsyncd_\w+)(?:\{([^}]*)\})?", text)
        assert used or "up{" in text, alert
        for name, matchers in used:
            assert name in shown, f"{alert} asks for {name}, which nobody shows"
            labels = set(re.findall(r"(\w+)(?:=~|!=|=)", matchers))
            assert labels <= shown[name], f"{alert} asks {name} for {labels}"


def test_words_in_the_rules_are_words_of_the_daemon() -> None:
    from daemon.metrics_read import STATES

    sources = "".join(path.read_text(encoding="utf-8") for path in (RULES.parents[1] / "daemon").glob("*.py"))
    for text in expressions().values():
        for states in re.findall(r'\bstate=~?"([^"]+)"', text):
            assert set(states.split("|")) <= set(STATES)
        for reasons in re.findall(r'\breason=~?"([^"]+)"', text):
            assert set(reasons.split("|")) == REASONS
    assert all(f'"{reason}"' in sources for reason in REASONS)


def test_every_metric_is_explained_and_nothing_else(shown: dict[str, set[str]]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(lipsyncd_\w+)", page, re.MULTILINE))
    assert explained == {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_itself_accepts_the_rules() -> None:
    answer = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
