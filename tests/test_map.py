"""docs/map.md is the table of contents: one line per source file, no line for a file that is gone."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = re.compile(r".*\.(py|mjs|sh|service|toml)|\.ci/.+|Makefile")
LINE = re.compile(r"- `(?P<path>[^`]+)` — \S.*")


def tracked() -> list[str]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git here: not a checkout")
    return [path for path in listed.stdout.split("\0") if SOURCES.fullmatch(path) and (ROOT / path).exists()]


def mapped() -> list[str]:
    lines = (ROOT / "docs" / "map.md").read_text(encoding="utf-8").splitlines()
    return [match["path"] for line in lines if (match := LINE.fullmatch(line))]


def test_every_source_file_is_on_the_map() -> None:
    assert sorted(set(tracked()) - set(mapped())) == []


def test_nothing_on_the_map_is_gone() -> None:
    assert [path for path in mapped() if not (ROOT / path).exists()] == []


def test_no_file_is_on_the_map_twice() -> None:
    assert [path for path, times in Counter(mapped()).items() if times > 1] == []


def test_every_item_of_the_map_has_its_form() -> None:
    lines = (ROOT / "docs" / "map.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.lstrip().startswith("- ") and not LINE.fullmatch(line)] == []
