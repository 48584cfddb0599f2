"""A photo in the drop says who is meant: real engine, real daemon."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.e2e.house import House, packets

pytestmark = pytest.mark.e2e


def drop(house: House, sample: Path, name: str, photo: np.ndarray) -> None:
    upload = house.place / name
    upload.mkdir()
    shutil.copy(sample / "hello.flac", upload / "voice.flac")
    shutil.copy(sample / "astronaut.jpg", upload / "eileen.jpg")
    cv2.imwrite(str(upload / "who.png"), photo)
    (upload / "job.toml").write_text('[faces."eileen.jpg"]\nwho = "who.png"\n', encoding="utf-8")
    upload.rename(house.root / "inbox" / name)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> House:
    """Three drops: a good photo, one without a face, one with two."""
    house = House(tmp_path_factory.mktemp("who"))
    portrait = cv2.imread(str(sample / "astronaut.jpg"))
    nearer = cv2.GaussianBlur(cv2.resize(portrait, None, fx=0.6, fy=0.6), (0, 0), 0.8)
    drop(house, sample, "good", np.clip(nearer * 0.8, 0, 255).astype(np.uint8))
    drop(house, sample, "wall", np.full((200, 300, 3), 120, np.uint8))
    drop(house, sample, "two", np.hstack([portrait, portrait]))
    house.run("watch", "--once")
    return house


def test_who_is_meant_speaks_and_the_manifest_names_the_photo(worked: House) -> None:
    done = worked.root / "done" / "good"
    (video,) = json.loads((done / "manifest.json").read_text(encoding="utf-8"))["videos"]
    assert video["who"]["file"] == "who.png"
    assert video["coverage"] > 0.95
    assert "warnings" not in video
    assert "who" in {weights["name"] for weights in video["engine"]["weights"]}
    assert worked.run("verify", done).returncode == 0


@pytest.mark.parametrize(
    ("name", "said"), [("wall", "No usable face in the photo"), ("two", "more than one of them is large")]
)
def test_a_photo_that_shows_nobody_or_too_many_is_said_to(worked: House, name: str, said: str) -> None:
    why = (worked.root / "failed" / name / "WHY.txt").read_text(encoding="utf-8")
    assert "who.png" in why
    assert said.lower() in why.lower()
    assert "What to do" in why


def test_render_takes_a_photo_too(worked: House, sample: Path) -> None:
    photo = worked.root / "done" / "good" / "inputs" / "who.png"
    speech, face, out = sample / "hello.flac", sample / "astronaut.jpg", worked.place / "out"
    answer = worked.run("render", speech, face, "--who", photo, "-o", out)
    assert answer.returncode == 0, answer.stderr
    assert packets(out / "astronaut.mp4") == packets(worked.root / "done" / "good" / "eileen.mp4")
