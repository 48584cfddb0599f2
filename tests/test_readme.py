"""README in both languages: the same links, commands and headings, so that neither falls behind the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = "README.md", "README.zh-CN.md"
BOTH = pytest.mark.parametrize("name", [ENGLISH, CHINESE])
EXPLAINED = re.compile(r"(\s*\S+/)\s{2,}\S.*")
"""A folder and, after a gap, what it is for."""


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[list[str]]:
    """Give the code of one README without what explains it, which is in its language."""
    found = re.findall(r"^```\w*\n(.*?)^```$", text(name), re.MULTILINE | re.DOTALL)
    return [[EXPLAINED.sub(r"\1", line.partition("#")[0].rstrip()) for line in block.splitlines()] for block in found]


def prose(name: str) -> str:
    return re.sub(r"^```.*?^```$", "", text(name), flags=re.MULTILINE | re.DOTALL)


def links(name: str) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", prose(name))


def spans(name: str) -> list[str]:
    return re.findall(r"`([^`]+)`", prose(name))


def test_both_show_the_same_code() -> None:
    assert blocks(CHINESE) == blocks(ENGLISH)


def test_both_lead_to_the_same_places_and_to_each_other() -> None:
    assert sorted({*links(CHINESE)} - {ENGLISH}) == sorted({*links(ENGLISH)} - {CHINESE})
    assert CHINESE in links(ENGLISH)
    assert ENGLISH in links(CHINESE)


def test_both_name_the_same_files_commands_and_settings() -> None:
    assert sorted(set(spans(CHINESE))) == sorted(set(spans(ENGLISH)))


def test_both_are_divided_alike() -> None:
    levels = [[len(mark) for mark in re.findall(r"^(#+) ", prose(name), re.MULTILINE)] for name in (ENGLISH, CHINESE)]
    assert levels[0] == levels[1]
    items = [len(re.findall(r"^- ", prose(name), re.MULTILINE)) for name in (ENGLISH, CHINESE)]
    assert items[0] == items[1]


@BOTH
def test_every_link_leads_somewhere(name: str) -> None:
    for link in links(name):
        path = link.partition("#")[0]
        assert link.startswith("https://") or (ROOT / path).exists(), link


def test_chinese_keeps_its_own_punctuation() -> None:
    bare = re.sub(r"`[^`]*`|\[[^\]]*\]\([^)]*\)", "", prose(CHINESE))
    assert re.findall(r"[\u4e00-\u9fff][,;:?!.()][^\n]{0,10}", bare) == []
    assert re.findall(r"[\u4e00-\u9fff][A-Za-z0-9]\w*|\w*[A-Za-z0-9][\u4e00-\u9fff]", bare, re.ASCII) == []
