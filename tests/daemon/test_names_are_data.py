"""Names that want to be more than names: in every text for people and programs they stay one harmless line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.bench import Bench

NAMES = {
    "newline": 'a\nWHAT: forged\n{"level": "error", "event": "forged"}',
    "carriage": "a\rforged",
    "escape": "a\x1b[2J\x1b]0;forged\x07",
    "bell": "a\x07\x08\x7f",
    "right to left": "a\u202egnp.exe",
    "isolated": "a\u2066\u2069\u200f",
    "separators": "a\u2028b\u2029c\x85d",
    "quotes": "a\"b'c`d",
    "html": "<script>alert(1)<",
    "attribute": 'x" onerror="alert(1)',
    "markdown": "[a](javascript:alert(1)) ![x](http:x) # *b* | c",
    "shell": "$(touch forged); `id` & | > x",
    "format": "%s%n{0}{x!r}${y}",
    "dots": "a..",
    "space": " a b ",
    "dash": "--version",
    "long": "n" * 240,
    "long letters": "名" * 80,
    "combined": "e\u0301\u0300" * 10,
    "percent": "%2e%2e%2f",
    "device": "CON",
}
BYTES = {"invalid": b"a\xff\xfe", "overlong": b"a\xc0\xaf", "surrogate": b"a\xed\xa0\x80", "cut": b"a\xe5\x90"}
SECTIONS: dict[str, dict[str, object]] = {"publish": {"to": ["folder"]}}


def folder(name: str, what: str) -> str:
    """The name of a drop; not cut within a letter."""
    return os.fsdecode(raw(name)).encode("utf-8", "surrogateescape")[:198].decode("utf-8", "surrogateescape") + what


def raw(name: str) -> bytes:
    return BYTES[name] if name in BYTES else os.fsencode(NAMES[name])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A root in which folders and files of all these names were worked off: one made, one failed each."""
    place = tmp_path_factory.mktemp("names")
    bench, kept = Bench(place), place / "kept"
    kept.mkdir()
    for number, name in enumerate((*NAMES, *BYTES)):
        for what in ("real", "no-face"):
            upload = place / "upload"
            upload.mkdir()
            for suffix, content in ((b".wav", "speech"), (b".png", f"{what} {number}")):
                (upload / os.fsdecode(raw(name) + suffix)).write_text(content)
            upload.rename(bench.root / "inbox" / folder(name, what))
    published: dict[str, object] = {"to": ["folder"], "folder": {"path": str(kept), "url": "https://example.org/v/"}}
    assert bench.once(publish=published) == 1
    return bench


def texts(bench: Bench) -> Iterator[Path]:
    """Everything that the daemon has written for people and programs."""
    yield bench.place / "log"
    for home in (*(bench.root / "done").iterdir(), *(bench.root / "failed").iterdir()):
        for path in (*home.iterdir(), *(home / ".lipsyncd").glob("*")):
            if path.is_file() and path.suffix in (".txt", ".md", ".json", ".log"):
                yield path


def test_everything_came_to_an_end(bench: Bench) -> None:
    assert not list((bench.root / "inbox").iterdir())
    assert not list((bench.root / "working").iterdir())
    assert len(list((bench.root / "done").iterdir())) == len(NAMES)
    assert len(list((bench.root / "failed").iterdir())) == len(NAMES) + 2 * len(BYTES)
    assert not list(bench.place.rglob("forged*"))


def test_no_text_of_ours_holds_what_moves_a_cursor_or_turns_a_line(bench: Bench) -> None:
    for path in texts(bench):
        text = path.read_bytes().decode("utf-8")  # and it is text
        odd = {letter for letter in text if _odd(letter)}
        if path.suffix == ".json":  # for programs: they have the names as they are
            odd = {letter for letter in odd if ord(letter) < 32}
        assert not odd, (path, odd)


def _odd(letter: str) -> bool:
    moves = unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") and letter != "\n"
    return moves or letter in "\u202e\u2066\u2069\u200f"


def test_the_log_is_one_object_a_line_and_none_is_forged(bench: Bench) -> None:
    for path in (bench.place / "log", *bench.root.glob("*/*/job.log"), *bench.root.glob("failed/*/.lipsyncd/job.log")):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert json.loads(line)["event"] != "forged"


def test_why_txt_has_its_own_lines_and_no_others(bench: Bench) -> None:
    for home in (bench.root / "failed").iterdir():
        letter = home / (home / ".lipsyncd" / "letter").read_text()
        lines = letter.read_text(encoding="utf-8").splitlines()
        assert sum(line.startswith("  What was wrong: ") for line in lines) >= 1
        assert not [line for line in lines if line.startswith("WHAT")]
        assert max(map(len, lines)) < 1500


def test_the_post_holds_no_html_and_no_link_of_theirs(bench: Bench) -> None:
    posts = list((bench.root / "done").glob("*/post.md"))
    assert len(posts) == len(NAMES)
    for post in posts:
        text = post.read_text(encoding="utf-8")
        for piece in ("<script", r"(?<!\\)\]\(javascript:", r"(?<!\\)\]\(http:x"):
            assert not re.search(piece, text), post


def test_papers_name_the_files_as_they_are(bench: Bench) -> None:
    manifests = [json.loads(path.read_bytes()) for path in (bench.root / "done").glob("*/manifest.json")]
    assert {manifest["speech"]["file"] for manifest in manifests} == {f"{name}.wav" for name in NAMES.values()}
    for manifest in manifests:
        for video in manifest["videos"]:
            assert "/" not in video["file"]
            assert video["file"].endswith(".mp4")


def test_names_that_are_not_text_are_refused_by_name(bench: Bench) -> None:
    for name in BYTES:
        for what in ("real", "no-face"):
            home = bench.root / "failed" / folder(name, what)
            why = (home / "WHY.txt").read_text(encoding="utf-8")
            assert "is not valid text" in why
            assert "Rename the file" in why


@pytest.mark.parametrize("words", [["jobs"], ["jobs", "--json"]])
def test_lipsyncd_jobs_prints_them_tamely(bench: Bench, words: list[str]) -> None:
    settings = {"LIPSYNCD_PATHS__ROOT": str(bench.root), "LIPSYNCD_PATHS__STATE": str(bench.place / "state")}
    command = [sys.executable, "-m", "daemon", *words]
    ran = subprocess.run(command, capture_output=True, timeout=240, env=os.environ | settings, check=False)
    text = ran.stdout.decode("utf-8")
    assert ran.returncode == 0, ran.stderr
    assert not {letter for letter in text if letter in "\x1b\x07\x08\x7f\u202e\u2028\r"}
    if "--json" in words:
        listed: list[dict[str, Any]] = json.loads(text)["jobs"]
        assert len(listed) == 2 * (len(NAMES) + len(BYTES))
