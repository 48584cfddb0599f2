"""What a job.toml may say, and what is said about one that says something else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from daemon.errors import DropError
from daemon.order import Choices, Order, read_order

CHOICES = Choices(("null", "reshape"), ("folder",))


def order(folder: Path, text: str | bytes) -> Order:
    path = folder / "job.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_order(path, ["bob.mp4", "ann.png", "who.jpg"], CHOICES)


def test_job_toml_says_what_is_wanted(tmp_path: Path) -> None:
    text = """
        title = "Weekly"
        description = "On 周报"
        publish = ["folder"]
        review = true
        engine = "null"
        [faces."bob.mp4"]
        pick = "left"
        [faces."ann.png"]
        pick = 2
    """
    wanted = order(tmp_path, "\ufeff" + text.replace("\n", "\r\n"))
    assert (wanted.title, wanted.publish, wanted.review, wanted.engine) == ("Weekly", ("folder",), True, "null")
    assert wanted.picks == {"bob.mp4": "left", "ann.png": 2}


def test_a_photo_says_who_is_meant(tmp_path: Path) -> None:
    wanted = order(tmp_path, 'who = "who.jpg"')
    assert (wanted.who_of("bob.mp4"), wanted.who_of("ann.png")) == ("who.jpg", "who.jpg")
    assert wanted.photos == {"who.jpg"}
    own = order(tmp_path, 'who = "who.jpg"\n[faces."bob.mp4"]\npick = 1')
    assert (own.who_of("bob.mp4"), own.picks) == ("", {"bob.mp4": 1}), "the nearer word holds"
    one = order(tmp_path, '[faces."bob.mp4"]\nwho = "ann.png"')
    assert (one.who_of("bob.mp4"), one.who_of("who.jpg")) == ("ann.png", "")
    assert one.photos == {"ann.png"}


def test_a_photo_is_found_however_its_name_is_composed(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('who = "m\u00fcller.jpg"', encoding="utf-8")
    assert read_order(path, ["bob.mp4", "mu\u0308ller.jpg"], CHOICES).who == "mu\u0308ller.jpg"
    path.write_text('who = "who.jpg"', encoding="utf-8")
    assert read_order(path, ["WHO.jpg", "bob.mp4", "who.jpg"], CHOICES).who == "who.jpg", "the very name goes first"


def test_only_a_missing_photo_is_worth_waiting_for(tmp_path: Path) -> None:
    for text, lacking in (
        ("who = 'no.jpg'", True),
        ("who = 'a/b.jpg'", False),
        ("who = 'no.jpg'\ntitel = 'x'", False),
        ("titel = 'x'", False),
    ):
        with pytest.raises(DropError) as fault:
            order(tmp_path, text)
        assert fault.value.lacking == lacking


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("titel = 'x'", "did you mean title?"),
        ("title = 3", "title should be text"),
        ("review = 'yes'", "review should be true or false"),
        ("engine = 'reshap'", "did you mean reshape?"),
        ("publish = ['ipsf']", "ipsf"),
        ("publish = 'folder'", "should be a list"),
        ("[faces.'bob.mov']\npick='left'", "did you mean bob.mp4?"),
        ("[faces.'../bob.mp4']\npick='left'", "not a face in this folder"),
        ("[faces.'bob.mp4']\npick='middle'", "largest, left, right or a number"),
        ("[faces.'bob.mp4']\npick=-1", "largest, left, right or a number"),
        ("[faces.'bob.mp4']\npick=true", "largest, left, right or a number"),
        ("[faces.'bob.mp4']\npikc='left'", "did you mean pick?"),
        ("faces = 3", "faces should be tables"),
        ("who = 3", "who should be the name of a photo"),
        ("who = ''", "who should be the name of a photo"),
        ("who = 'whp.jpg'", '"whp.jpg", which is not in this folder (did you mean who.jpg?)'),
        ("who = 'bob.mp4'", "should be a photo"),
        ("who = '../who.jpg'", "who should be the name of a photo in this folder"),
        ("hwo = 'who.jpg'", "did you mean who?"),
        ("[faces.'bob.mp4']\nwho='no.png'", 'faces."bob.mp4".who names "no.png"'),
        ("[faces.'bob.mp4']\nwho='who.jpg'\npick='left'", "both pick and who"),
        ("who = 'who.jpg'\n[faces.'who.jpg']\npick='left'", '"who.jpg", which only shows who is meant'),
        ("title = ", "cannot be read"),
        (b"title = '\xff'", "not UTF-8"),
        ("#" * 70_000, "too large"),
    ],
)
def test_job_toml_faults_are_named(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(DropError) as fault:
        order(tmp_path, text)
    assert said in fault.value.message
    assert fault.value.hint


def test_all_job_toml_faults_at_once(tmp_path: Path) -> None:
    with pytest.raises(DropError) as fault:
        order(tmp_path, "titel = 'x'\nreview = 3\nengine = 'nope'")
    assert all(word in fault.value.message for word in ("titel", "review", "engine"))


HOSTILE = {
    "deep lists": ("a = " + "[" * 20_000, "nested too deeply"),
    "deep tables": ("a = " + "{a=" * 5000 + "1" + "}" * 5000, "nested too deeply"),
    "long number": ("a = " + "9" * 60_000, "cannot be read"),
    "long name": (".".join("a" * 30_000) + " = 1", "more than fifty parts"),
    "long quoted name": (".".join(['"a b"'] * 5_000) + " = 1", "more than fifty parts"),
    "long table": ("[" + " . ".join("a" * 15_000) + "]", "more than fifty parts"),
    "many keys": ("\n".join(f"k{number} = 1" for number in range(5000)), "and 4992 more"),
    "one word": ("x" * 60_000, "cannot be read"),
    "a path for an engine": ('engine = "../../etc/passwd"', "engine is"),
    "a path above": ('who = "../../etc/passwd.png"', "the name of a photo in this folder"),
    "an absolute path": ('[faces."p.png"]\nwho = "/etc/passwd.png"', "the name of a photo in this folder"),
    "a face elsewhere": ('[faces."../p.png"]\npick = 1', "not a face in this folder"),
    "no such face": ('[faces."p.png"]\npick = 99999999999999999999999999', "a number counting from the left"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_would_choke_or_lead_astray_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    text, words = HOSTILE[kind]
    (tmp_path / "job.toml").write_text(text)
    begun = time.monotonic()
    with pytest.raises(DropError, match=words) as fault:
        read_order(tmp_path / "job.toml", ["p.png"], Choices(("null",), ("folder",)))
    assert time.monotonic() - begun < 20
    assert len(fault.value.message) < 2000


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_job_toml_that_became_a_link_or_a_pipe_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "job.toml"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        (tmp_path / "elsewhere").write_text('title = "secret"')
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"regular file|symbolic links"):
        read_order(path, ["p.png"], Choices())


@pytest.mark.parametrize("priority", ["high", "normal", "low"])
def test_a_drop_may_say_how_soon(priority: str, tmp_path: Path) -> None:
    assert order(tmp_path, f'priority = "{priority}"').priority == priority
    assert order(tmp_path, "").priority == "normal"


@pytest.mark.parametrize(
    ("said", "meant"), [('"hihg"', " (did you mean high?)"), ('"High"', " (did you mean high?)"), ("1", ""), ("[]", "")]
)
def test_another_priority_is_a_fault(said: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(DropError) as caught:
        order(tmp_path, f"priority = {said}")
    assert "it should be one of: high, normal, low" + meant in caught.value.message
    with pytest.raises(DropError, match=r"did you mean priority\?"):
        order(tmp_path, 'prioriti = "high"')
