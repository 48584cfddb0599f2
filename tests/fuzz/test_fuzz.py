"""Thousands of spoilt files through the real daemon: it never dies, and each is made or refused with a reason.

The seed is fixed, so that what fails once fails again; FUZZ_SEED=number tries others, FUZZ_COUNT=number more.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.house import House
from tests.fuzz.corpus import ORDERS, faces, speeches
from tests.fuzz.folders import odd_folder
from tests.fuzz.mutate import garbled, spoilt

PAIRS = 20
"""Takes of one drop: each has a face and a speech of its own, one of them spoilt, or both."""
SETTINGS = """
[limits]
take_timeout_s = 30.0
[credentials]
sign = false
[label]
metadata = false
"""


@dataclass
class Found:
    """What came of all files.

    Attributes:
        takes: How many takes were made and refused.
        drops: How many drops of job.tomls and odd folders ended where.
        crashes: Why the renderer died, and how often.
        reasons: What was said of those that were refused, without their names.
    """

    takes: Counter[str] = field(default_factory=Counter)
    drops: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


def media_drops(inbox: Path, count: int, chance: random.Random, reshaped: bool) -> None:
    """Drop ``count`` spoilt files, some twenty in a folder."""
    seen, heard = faces(), speeches()
    pictures, sounds = list(seen.values()), list(heard.values())
    for number in range(0, count, PAIRS):
        folder = inbox / f"media {number:05}"
        folder.mkdir()
        for pair in range(min(PAIRS, count - number)):
            (face, picture), (speech, sound) = chance.choice(list(seen.items())), chance.choice(list(heard.items()))
            which = chance.random()
            if which < 0.65:
                picture = spoilt(picture, pictures, chance)
            if which > 0.6:
                sound = spoilt(sound, sounds, chance)
            (folder / f"{pair:02}.{face.rpartition('.')[2]}").write_bytes(picture or b"x")
            (folder / f"{pair:02}.{speech.rpartition('.')[2]}").write_bytes(sound or b"x")
        if reshaped and number // PAIRS % 8 == 0:
            (folder / "job.toml").write_text('engine = "reshape"\n')


def order_drops(inbox: Path, count: int, chance: random.Random) -> None:
    """Drop folders with a garbled job.toml each."""
    seen, heard = faces(), speeches()
    for number in range(count):
        folder = inbox / f"order {number:05}"
        folder.mkdir()
        for name in ("p.png", "q.png"):
            (folder / name).write_bytes(seen["plain.png"])
        (folder / "say.wav").write_bytes(heard["pcm.wav"])
        (folder / "job.toml").write_bytes(garbled(chance.choice(ORDERS), chance))


def folder_drops(inbox: Path, count: int, chance: random.Random, canary: Path) -> None:
    """Drop folders of odd shape."""
    media = faces() | speeches()
    for number in range(count):
        odd_folder(inbox / f"folder {number:05}", media, chance, canary)


def worked(house: House, count: int, seed: int, reshaped: bool = False) -> Found:
    """Fill the inbox, work it off, and look what came of it."""
    chance, inbox, canary = random.Random(seed), house.root / "inbox", house.place / "canary"
    canary.write_text("mine")
    media_drops(inbox, count * 8 // 10, chance, reshaped)
    order_drops(inbox, count * 13 // 100, chance)
    folder_drops(inbox, count - count * 8 // 10 - count * 13 // 100, chance, canary)
    done = house.run("watch", "--once", seconds=3000)
    (house.place / "log").write_text(done.stderr, encoding="utf-8")
    assert done.returncode == 1, f"the daemon died: {done.returncode}\n{done.stderr[-3000:]}"
    assert canary.read_text() == "mine"
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert not [line for line in lines if "a bug in lipsyncd" in line["event"]], bugs(lines)
    found = Found()
    found.crashes.update(line["reason"] for line in lines if line["event"] == "the renderer crashed")
    for place in ("done", "failed"):
        for home in (house.root / place).iterdir():
            look(home, place, found)
    for home in (house.root / "working").iterdir():
        assert json.loads((home / "job.json").read_text(encoding="utf-8"))["state"] == "REVIEW", home
        found.drops["waits for approval, as its job.toml asks"] += 1
    waiting = {line["folder"]: line["reason"] for line in lines if line["event"] == "waiting" and "folder" in line}
    for left in inbox.iterdir():
        assert waiting[left.name].endswith(("still being copied", "it is empty")), left
        found.drops["left: empty, or still being copied"] += 1
    return found


def bugs(lines: list[dict[str, Any]]) -> str:
    """What the daemon says of its own bugs."""
    return "\n".join(str(line.get("exception", ""))[-1500:] for line in lines if "a bug in lipsyncd" in line["event"])


def look(home: Path, place: str, found: Found) -> None:
    """Count the takes of a job, each with its video or its reason."""
    path = home / "job.json" if place == "done" else home / ".lipsyncd" / "job.json"
    job = json.loads(path.read_text(encoding="utf-8"))
    letter = home / ("WHY.txt" if place == "done" else (home / ".lipsyncd" / "letter").read_text(encoding="utf-8"))
    assert letter.exists() or job["state"] == "DONE", home
    assert not letter.exists() or "\x1b" not in letter.read_text(encoding="utf-8")
    if not job["name"].startswith("media"):
        found.drops[f"{job['name'].partition(' ')[0]}: {place}"] += 1
        assert place == "done" or job["error"]
        return
    assert job["takes"], job["error"]
    for take in job["takes"]:
        assert take["state"] in ("RENDERED", "FAILED"), take
        found.takes[take["state"]] += 1
        if take["state"] == "RENDERED":
            assert (home / ("" if place == "done" else ".lipsyncd") / f"{take['name']}.mp4").stat().st_size
            continue
        assert take["error"]
        assert take["hint"]
        reason = take["error"].replace(take["face"], "FACE").replace(take["speech"] or "?", "SPEECH")
        found.reasons["".join("9" if letter.isdigit() else letter for letter in reason)[:90]] += 1


def told(found: Found) -> str:
    """The figures, for people."""
    parts = [f"takes {dict(found.takes)}", f"drops {dict(found.drops)}", f"renderer deaths {dict(found.crashes)}"]
    return "\n".join([*parts, *(f"{number:5} {reason}" for reason, number in found.reasons.most_common())])


@pytest.mark.e2e
@pytest.mark.timeout(280)
def test_three_hundred_spoilt_files(tmp_path: Path) -> None:
    found = worked(House(tmp_path, engine="null", more=SETTINGS), 300, int(os.environ.get("FUZZ_SEED", "5")))
    sys.stdout.write(f"{told(found)}\n")
    assert found.takes.total() == 240
    assert found.takes["RENDERED"] > 20, "some damage does no harm"
    assert not found.crashes


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_five_thousand_spoilt_files(tmp_path: Path) -> None:
    count, seed = int(os.environ.get("FUZZ_COUNT", "5000")), int(os.environ.get("FUZZ_SEED", "2026"))
    found = worked(House(tmp_path, engine="null", more=SETTINGS), count, seed, reshaped=True)
    sys.stdout.write(f"{told(found)}\n")
    assert found.takes.total() == count * 8 // 10
