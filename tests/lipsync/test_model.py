"""Models: weights as the command line lists them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import lipsync
from lipsync import weights


def test_the_package_is_sound() -> None:
    found = lipsync.models()
    assert found
    assert [model for model in found if model.state != "usable"] == []
    assert all(model.licence and model.trained_on for model in found)


def test_missing_and_damaged_files_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = []
    for name, data in (("good", b"good"), ("bad", b"bed"), ("gone", None)):
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        facts = {"name": name, "file": name, "bytes": len(name), "sha256": sha256}
        entries.append({**facts, "licence": "MIT", "trained_on": "letters"})
        if data is not None:
            (tmp_path / name).write_bytes(data)
    (tmp_path / "catalogue.json").write_text(json.dumps({"weights": entries}), encoding="utf-8")
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setattr(weights, "CATALOGUE", tmp_path / "catalogue.json")
    assert {model.name: model.state for model in lipsync.models()} == {
        "good": "usable",
        "bad": "damaged",
        "gone": "missing",
    }
