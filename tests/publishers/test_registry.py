"""Publishers by name, and what a broken plug-in does to the others: nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import publishers
from publishers import PublisherError, broken, build, names

SHIPPED = ["arweave", "folder", "ipfs", "paragraph", "pinning"]
PLUGINS = {
    "crashing": "raise RuntimeError('no luck today')",
    "importing": "import a_library_that_is_not_there",
    "misspelt": "def f(:",
    "empty": "",
    "without": "class Publisher: ...",
}


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Other people's distributions on the path, all broken in their own way."""
    info = tmp_path / "theirs-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    lines = [f"{name} = theirs_{name}:Publisher" for name in PLUGINS]
    (info / "entry_points.txt").write_text("[lipsyncd.publishers]\n" + "\n".join(lines) + "\n")
    for name, code in PLUGINS.items():
        (tmp_path / f"theirs_{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in PLUGINS:
        sys.modules.pop(f"theirs_{name}", None)


@pytest.mark.usefixtures("plugins")
def test_broken_plugins_are_reported_by_name_and_the_rest_go_on(tmp_path: Path) -> None:
    assert names() == sorted([*SHIPPED, *PLUGINS])
    faults = broken(names())
    assert set(faults) == set(PLUGINS)
    assert "no luck today" in faults["crashing"]
    assert "a_library_that_is_not_there" in faults["importing"]
    assert "no from_settings" in faults["without"]
    assert build("folder", {"path": str(tmp_path)}, tmp_path).name == "folder"


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("name", PLUGINS)
def test_asking_for_a_broken_one_names_it_and_its_package(name: str, tmp_path: Path) -> None:
    with pytest.raises(PublisherError, match=rf"the publisher '{name}' is broken .*Reinstall theirs"):
        build(name, {}, tmp_path)


def test_an_unknown_one_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(PublisherError, match=r"there is no publisher 'floder'. Installed are: arweave, folder"):
        build("floder", {}, tmp_path)


def test_what_ships_is_sound() -> None:
    assert names() == SHIPPED
    assert broken(names()) == {}


def test_the_front_door_names_what_it_offers() -> None:
    assert sorted(publishers.__all__) == sorted(set(publishers.__all__))
    assert all(hasattr(publishers, name) for name in publishers.__all__)
