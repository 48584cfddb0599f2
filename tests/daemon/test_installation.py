"""The texts of an installation: what is different on this machine from the unit as shipped."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from daemon.commands import service
from daemon.installation import Installation, shipped

OPT = (Path("/opt/lipsyncd/.venv"), Path("/usr"), Path("/opt/lipsyncd"))


def lines(place: Installation) -> list[str]:
    return place.drop_in().splitlines()


def test_places_are_quoted_as_systemd_reads_them() -> None:
    place = Installation("bob", Path('/srv/a 100% "new" \\ place'), prefix=OPT[0], reads=OPT)
    assert 'ReadWritePaths="-/srv/a 100%% \\"new\\" \\\\ place"' in lines(place)
    assert 'Environment="PATH=/opt/lipsyncd/.venv/bin:/usr/local/bin:/usr/bin:/bin"' in lines(place)
    assert "User=bob" in lines(place)
    assert "Group=" in lines(place)  # the user's own
    assert not any(line.startswith("ProtectHome") for line in lines(place))
    assert tomllib.loads(place.config()) == {"paths": {"root": str(place.root)}}


def test_of_homes_only_what_is_needed_is_shown() -> None:
    home = Path("/home/bob")
    venv = home / "venv"
    place = Installation("bob", home / "videos", (home / "copies",), venv, (venv, Path("/usr"), home / "src"))
    said = lines(place)
    assert "ProtectHome=tmpfs" in said
    assert {'BindPaths="-/home/bob/videos"', 'BindPaths="-/home/bob/copies"'} <= set(said)
    assert {'BindReadOnlyPaths="/home/bob/venv"', 'BindReadOnlyPaths="/home/bob/src"'} <= set(said)
    assert not any(line.startswith("ReadWritePaths") for line in said)
    assert place.at_home


def test_the_unit_comes_with_the_source() -> None:
    folder = shipped()
    assert folder is not None
    assert {f"{name}.conf" for name in service.EXTRAS} <= {path.name for path in folder.iterdir()}


def test_only_root_may(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from daemon.__main__ import main

    monkeypatch.setattr("daemon.commands.service.os.geteuid", lambda: 1000)
    assert main(["install-service"]) == 3
    assert main(["uninstall-service"]) == 3
    assert "root" in capsys.readouterr().err
    assert main(["install-service", "--dry-run", "--root", "/srv/elsewhere"]) == 0
    said = capsys.readouterr()
    assert "would: make /srv/elsewhere for lipsyncd" in said.err
    assert main(["install-service", "--config", "mine.toml"]) == 2


def test_without_the_unit_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from daemon.__main__ import main

    monkeypatch.setattr("daemon.commands.service.shipped", lambda: None)
    assert main(["install-service", "--dry-run"]) == 3
    assert "did not come with this installation" in capsys.readouterr().err
