"""Words: all are there, in both languages, used, and fit to be filled."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import daemon.page
from daemon.page.amounts import size, span, when
from daemon.page.words import LANGUAGES, Speaker, book, wanted

HERE = Path(daemon.page.__file__).parent
SAID = re.compile(r"""["']((?:[a-z][a-z0-9_]*\.)+(?:[A-Za-z0-9_]+)?)["']""")


def sources() -> str:
    files = [*HERE.glob("*.py"), *HERE.glob("templates/*.html")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def areas() -> set[str]:
    return {path.stem for path in HERE.glob("words/*.toml")}


def said() -> set[str]:
    """Keys that are written out in modules and templates; those that end with a dot are the beginnings of keys."""
    return {key for key in SAID.findall(sources()) if key.partition(".")[0] in areas()}


def test_every_word_is_there_in_both_languages() -> None:
    for key, texts in book().items():
        for language in LANGUAGES:
            assert texts.get(language, "").strip(), f"{key} in {language}"
        assert set(texts) <= {*LANGUAGES, *(f"{language}_one" for language in LANGUAGES)}, key


def test_every_word_that_is_said_is_known() -> None:
    unknown = {key for key in said() if not key.endswith(".") and key not in book() and not _file(key)}
    unknown |= {key for key in said() if key.endswith(".") and not any(one.startswith(key) for one in book())}
    assert not unknown


def _file(key: str) -> bool:
    """Say whether it is the name of a file, such as "now.js"."""
    return key.endswith(".sqlite") or any((HERE / place / key).exists() for place in ("static", "templates", "words"))


def test_every_word_is_used() -> None:
    keys = said()
    begun = tuple(key for key in keys if key.endswith("."))
    assert {key for key in book() if key not in keys and not key.startswith(begun)} == set()


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_are_filled_with_the_same() -> None:
    for key, texts in book().items():
        wants = {language: _fields(texts[language]) for language in LANGUAGES}
        assert wants["en"] == wants["zh"], key
        assert _fields(texts.get("en_one", "")) <= wants["en"], key


def test_chinese_is_chinese() -> None:
    same = {
        key for key, texts in book().items() if not re.search(r"[\u4e00-\u9fff]", texts["zh"]) and len(texts["zh"]) > 12
    }
    assert not same


@pytest.mark.parametrize("wrong", [r"{han}[,;:?!.()]", r"{han}[A-Za-z0-9{{]|[A-Za-z0-9}}%]{han}", "您", r" [“”]|[“”] "])
def test_chinese_is_set_as_chinese(wrong: str) -> None:
    pattern = re.compile(wrong.format(han=r"[\u4e00-\u9fff]"))
    assert {key: texts["zh"] for key, texts in book().items() if pattern.search(texts["zh"])} == {}


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "zh-Hans-CN", "zh"),
        ("", "en-GB,en;q=0.9,zh;q=0.1", "en"),
        ("", "fr,zh;q=0.5,en;q=0.4", "zh"),
        ("", "de", "en"),
        ("", "zh;q=0,en", "en"),
        ("", "zh;q=x, en", "en"),
        ("", "," * 4000, "en"),
        ("en", "zh-CN", "en"),
        ("zh", "en", "zh"),
        ("xx", "zh", "zh"),
        ("../x", "", "en"),
    ],
)
def test_the_language_is_what_the_browser_wants(cookie: str, accepted: str, language: str) -> None:
    assert wanted(cookie, accepted) == language


def test_one_is_not_many() -> None:
    assert Speaker("en")("now.videos", n=1) == "one video to make"
    assert Speaker("en")("now.videos", n=2) == "2 videos to make"
    assert Speaker("en")("now.stage.nonsense", "?") == "?"
    with pytest.raises(KeyError):
        Speaker("en")("now.nonsense")


def test_amounts_are_those_of_people() -> None:
    english, chinese = Speaker("en"), Speaker("zh")
    assert [span(english, seconds) for seconds in (0, 8, 80, 7500)] == ["1 s", "8 s", "1 min 20 s", "2 h 5 min"]
    assert span(chinese, 80) == "1 分 20 秒"
    assert [size(count) for count in (0, 999, 1000, 123456, 3.4e9, 9e15)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "123 kB",
        "3.4 GB",
        "9000.0 TB",
    ]
    assert when("no time") == "no time"
    assert when("2026-11-21T10:03:00+00:00").startswith("2026-11-2")
