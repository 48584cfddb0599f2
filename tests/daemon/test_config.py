"""Settings: who overrides whom, and how faults are told."""

from __future__ import annotations

import itertools
import re
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import publishers
from daemon.config import ConfigError, Settings, load_settings, setting_names

TOP = Path(__file__).parents[2] / "config.toml"


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(file: Path | None = None, overrides: dict[str, Any] | None = None) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(file, overrides)
    return {fault.name: str(fault) for fault in caught.value.faults}


def test_the_first_that_speaks_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "[render]\nquality = 21\nattempts = 3\nwidth = 640\n")
    monkeypatch.setenv("LIPSYNCD_RENDER__QUALITY", "22")
    monkeypatch.setenv("LIPSYNCD_RENDER__ATTEMPTS", "4")
    render = load_settings(file, {"render": {"quality": 23}}).render
    assert (render.quality, render.attempts, render.width, render.height) == (23, 4, 640, 1920)
    assert Settings().render.attempts == 4, "settings made directly read the environment too"


def test_config_toml_states_every_default() -> None:
    said = tomllib.loads(TOP.read_text(encoding="utf-8"))

    def names(table: dict[str, Any], prefix: str = "") -> list[str]:
        inner = {key: value for key, value in table.items() if isinstance(value, dict)}
        plain = [f"{prefix}{key}" for key in table if key not in inner]
        return plain + [name for key in inner for name in names(inner[key], f"{prefix}{key}.")]

    assert sorted(names(said)) == sorted(setting_names())
    assert load_settings(TOP) == load_settings(None)


def test_config_toml_explains_every_key() -> None:
    lines = TOP.read_text(encoding="utf-8").splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"\w+ = ", line):
            assert before.startswith("# "), f"{line} has no line of explanation"


def test_all_faults_at_once_by_name_with_what_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNCD_RENDR__ENGINE", "null")
    text = '[inbox]\nfoo = 1\nsetle = 1\nwatch = "magic"\n'
    text += '[render]\nquality = 99\nengine = "reshap"\n[publish]\nto = ["ipsf"]\n'
    said = faults(written(tmp_path, f"interval = 3\n{text}"), {"limits": {"audio_s": -1}})
    assert set(said) == {
        "inbox.foo",
        "inbox.setle",
        "inbox.watch",
        "render.quality",
        "render.engine",
        "publish.to",
        "limits.audio_s",
        "interval",
        "rendr",
    }
    assert "did you mean" not in said["inbox.foo"]
    assert "did you mean inbox.settle?" in said["inbox.setle"]
    assert "did you mean inbox.interval?" in said["interval"]
    assert "did you mean render?" in said["rendr"]
    assert "LIPSYNCD_RENDR__ENGINE" in said["rendr"]
    assert "did you mean reshape?" in said["render.engine"]
    assert "did you mean ipfs?" in said["publish.to"]
    assert "config.toml" in said["render.quality"]
    assert "command line" in said["limits.audio_s"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[[publish.pinning]]\nname = "a"\nendpoint = "b"\ntoken = "hunter2"', "publish.pinning.0.token"),
        ('[publish.arweave]\nwallet = "{\\"kty\\": \\"hunter2\\"}"', "publish.arweave.wallet"),
        ('[publish.arweave.wallet]\nkty = "hunter2"', "publish.arweave.wallet"),
        ('[credentials]\nkey = """-----BEGIN PRIVATE KEY-----\nhunter2"""', "credentials.key"),
        ('[page]\npassword_file = "hunter2"', "page.password_file"),
        ('[notify]\nurls = ["discord://1234/hunter2"]', "notify.urls"),
        ('[notify]\nurls = ["json://hunter2@127.0.0.1/"]', "notify.urls"),
        ('[notify]\nurls = ["json://127.0.0.1/?token=hunter2"]', "notify.urls"),
        ('[notify]\nurls = ["jsons://hooks.example/services/hunter2hunter2hunter2"]', "notify.urls"),
        ('[notify]\nurls = "hunter2"', "notify.urls"),
        ('[notify]\nurls = [["hunter2"]]', "notify.urls"),
        ('[notify.urls]\ndiscord = "hunter2"', "notify.urls"),
    ],
)
def test_secrets_are_refused_with_advice_and_never_repeated(tmp_path: Path, text: str, name: str) -> None:
    said = faults(written(tmp_path, text))
    assert "0600" in said[name]
    assert "$CREDENTIALS_DIRECTORY" in said[name]
    assert "hunter2" not in "".join(said.values())


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ('[publish]\nto = ["pinning"]', "publish.pinning", "a table [[publish.pinning]]"),
        ('[publish]\nto = ["arweave"]\n[publish.arweave]\nmax_ar = 0', "publish.arweave.max_ar", "raise it"),
        ('[publish.arweave]\nmax_ar = "much"', "publish.arweave.max_ar", "an amount of AR"),
        ("[publish.arweave]\nmax_ar = 0.1234567890123", "publish.arweave.max_ar", "decimal places"),
        ('[credentials]\nkey = "/etc/a.key"', "credentials.certificate", "which certificate"),
        ('[[publish.pinning]]\nname = "a/b"\nendpoint = "https://x.example"', "publish.pinning.0.name", "pattern"),
        (
            '[[publish.pinning]]\nname = "a"\nendpoint = "https://x.example"\n' * 2,
            "publish.pinning",
            "called 'a'",
        ),
    ],
)
def test_what_is_incomplete_is_told(tmp_path: Path, text: str, name: str, words: str) -> None:
    assert words in faults(written(tmp_path, text))[name]


def test_publishers_get_plain_values_and_money_is_an_integer(tmp_path: Path) -> None:
    text = '[publish.arweave]\nmax_ar = 0.3\n[[publish.pinning]]\nname = "a"\nendpoint = "https://x.example"\n'
    settings = load_settings(written(tmp_path, text))
    assert settings.publisher("arweave")["max_winston"] == 300_000_000_000
    assert "max_ar" not in settings.publisher("arweave")
    pinning = settings.publisher("pinning")
    assert pinning["services"] == [{"name": "a", "endpoint": "https://x.example", "token": ""}]
    assert pinning["links"] == settings.publish.ipfs.links
    assert settings.publisher("ipfs") == settings.publish.ipfs.model_dump()
    assert settings.publisher("somebody-else") == {}


def test_a_key_that_looks_like_a_secret_is_not_repeated(tmp_path: Path) -> None:
    assert "hunter2" not in "".join(faults(written(tmp_path, '[publish.arweave]\ntoken = "hunter2"')).values())


@pytest.mark.parametrize(
    ("text", "word"), [("[render", "TOML"), (None, "no such file"), (b"\xff\xfe\x00", "UTF-8"), ("render = 3", "table")]
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | bytes | None, word: str) -> None:
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert word in "".join(faults(path).values())


def test_a_mark_that_editors_put_before_the_text_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[paths]\r\nroot = '/srv/x'\r\n")
    assert load_settings(path).paths.root == Path("/srv/x")


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("[paths]\nroot = 5", "paths.root", "it should be a path in quotes"),
        ('[paths]\numask = "9"', "paths.umask", 'three digits from 0 to 7 in quotes, such as "022"'),
        ('[page]\nlisten = "7860"', "page.listen", '"127.0.0.1:7860"'),
    ],
)
def test_a_wrong_value_is_told_in_words_for_people(tmp_path: Path, text: str, name: str, words: str) -> None:
    said = faults(written(tmp_path, text))[name]
    assert words in said
    assert "pathlib" not in said


def test_folders_in_the_file_are_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, '[paths]\nroot = "share"\nstate = "~/state"\n')
    paths = load_settings(file).paths
    assert paths.root == tmp_path / "share"
    assert paths.state == Path.home() / "state"


def test_the_state_has_its_usual_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/x/state")
    assert load_settings().paths.state == Path("/x/state/lipsyncd")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/lipsyncd:/var/lib/other")
    assert load_settings().paths.state == Path("/var/lib/lipsyncd")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.delenv("XDG_STATE_HOME")
    assert load_settings().paths.state == Path.home() / ".local/state/lipsyncd"
    assert load_settings().paths.root == Path.home() / "lipsyncd"


@pytest.mark.parametrize(
    ("value", "fps"), [("25", 25), ("29.97", Fraction(2997, 100)), ('"30000/1001"', Fraction(30000, 1001))]
)
def test_frame_rates_are_read_exactly(tmp_path: Path, value: str, fps: Fraction) -> None:
    settings = load_settings(written(tmp_path, f"[render]\nfps = {value}\n"))
    assert settings.render.fps == fps
    assert settings.options().fps == fps


@pytest.mark.parametrize("value", ['"fast"', "0", "true", '"1/0"', "500", "nan"])
def test_frame_rates_that_are_none(tmp_path: Path, value: str) -> None:
    assert "render.fps" in faults(written(tmp_path, f"[render]\nfps = {value}\n"))


def test_lists_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIPSYNCD_PUBLISH__FOLDER__PATH", str(tmp_path))
    for text in ("folder", '["folder"]', " folder , "):
        monkeypatch.setenv("LIPSYNCD_PUBLISH__TO", text)
        assert load_settings().publish.to == ("folder",)


def test_the_folder_publisher_takes_its_settings(tmp_path: Path) -> None:
    said = {"publish": {"to": ["folder"], "folder": {"path": str(tmp_path), "url": "https://example.org"}}}
    settings = load_settings(None, said)
    assert publishers.build("folder", settings.publisher("folder"), tmp_path).name == "folder"
    assert "publish.folder.path" in faults(None, {"publish": {"to": ["folder"]}})


def test_profiles_are_those_of_the_publishers() -> None:
    for profile in publishers.PROFILES:
        assert load_settings(None, {"publish": {"ipfs": {"profile": profile}}}).publish.ipfs.profile == profile
    assert "publish.ipfs.profile" in faults(None, {"publish": {"ipfs": {"profile": "none"}}})


def test_options_carry_the_settings() -> None:
    said = {"render": {"engine": "null", "device": "cpu", "width": 320}, "limits": {"pixels": 9}}
    options = load_settings(None, said).options()
    assert (options.engine, options.device, options.width, options.limits.pixels) == ("null", "cpu", 320, 9)
    assert load_settings(None, said).options(engine="reshape").engine == "reshape"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().render.quality = 3  # type: ignore[misc]


def test_a_fault_within_a_table_is_told_once(tmp_path: Path) -> None:
    text = '[publish]\nto = ["pinning"]\n[[publish.pinning]]\nname = "a"\nendpoint = "https://x"\ntokn = "/y"\n'
    assert faults(written(tmp_path, text)) == {
        "publish.pinning.0.tokn": "publish.pinning.0.tokn: there is no such setting (config.toml)"
    }


@pytest.mark.parametrize(
    "mirror", ["ftp://x/y", "weights", "https://me:hunter2@house/w", "file://host/w", "http://[::1"]
)
def test_mirrors_that_are_none(tmp_path: Path, mirror: str) -> None:
    said = faults(written(tmp_path, f'[models]\nmirrors = ["/mnt/w", "{mirror}"]\n'))
    assert list(said) == ["models.mirrors"]
    assert "hunter2" not in str(said)


def test_mirrors_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNCD_MODELS__MIRRORS", "/mnt/w, https://house.example/w")
    assert Settings().models.mirrors == ("/mnt/w", "https://house.example/w")
