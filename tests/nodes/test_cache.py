"""Nodes are installed once, whole or not at all; with programs that only look like npm."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.nodes import cache, fixtures
from tests.nodes.cache import Missing, Recipe, installed

RECIPE = Recipe("thing", "thing", "1.0")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a node and an npm, and nothing else on the path but it and the system's shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder / "node", "echo v20.0.0")
    script(folder / "npm", 'echo x >> "$COUNT"; mkdir node_modules; sleep 0.2')
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
    monkeypatch.setattr(cache, "ENVIRONMENT", {"PATH": f"{folder}:/usr/bin:/bin", "COUNT": str(tmp_path / "count")})
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="ascii")
    path.chmod(0o755)


def test_many_at_once_install_once(tools: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(5) as pool:
        places = set(pool.map(lambda _: installed(RECIPE), range(5)))
    assert places == {RECIPE.place()}
    assert (RECIPE.place() / "node_modules").is_dir()
    assert (tmp_path / "count").read_text() == "x\n"


def test_what_failed_leaves_nothing_and_says_why(tools: Path, tmp_path: Path) -> None:
    script(tools / "npm", "mkdir node_modules; echo the registry is away >&2; exit 1")
    with pytest.raises(Missing, match="the registry is away"):
        installed(RECIPE)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["thing.lock"]


def test_what_was_killed_is_cleared_away(tools: Path, tmp_path: Path) -> None:
    torn = tmp_path / "cache" / ".thing-abc" / "made"
    torn.mkdir(parents=True)
    installed(RECIPE)
    assert not torn.exists()


def test_another_recipe_is_another_place() -> None:
    others = [Recipe("thing", "thing", "1.1"), Recipe("thing", "thing", "1.0", build="x")]
    assert len({recipe.place() for recipe in (RECIPE, *others)}) == 3


@pytest.mark.parametrize(("version", "said"), [("v12.1.0", "older than 18"), ("", "no version")])
def test_a_node_that_is_too_old_is_none(tools: Path, version: str, said: str) -> None:
    script(tools / "node", f"echo {version}")
    with pytest.raises(Missing, match=said):
        installed(RECIPE)


def test_what_is_missing_skips_here_and_fails_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixtures, "REQUIRED", False)
    with pytest.raises(pytest.skip.Exception, match="no npm"):
        fixtures.unavailable(Missing("no npm"))
    monkeypatch.setattr(fixtures, "REQUIRED", True)
    with pytest.raises(pytest.fail.Exception, match="no npm"):
        fixtures.unavailable(Missing("no npm"))
