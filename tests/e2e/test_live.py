"""A real render, watched from outside: live.json names a picture of the frame being written; nothing of it stays."""

from __future__ import annotations

import array
import math
import shutil
import signal
import wave
from pathlib import Path

import cv2
import pytest

from daemon import live
from daemon.live import AtWork
from tests.e2e.house import House

pytestmark = pytest.mark.e2e

SAMPLE = Path(__file__).parents[2] / "daemon" / "sample"
PAGE = '[page]\nlisten = "127.0.0.1:0"\n'


def hum(path: Path, seconds: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        wanted = (int(6000 * math.sin(moment / 9)) for moment in range(16000 * seconds))
        file.writeframes(array.array("h", wanted).tobytes())


def drop(house: House, name: str, seconds: int) -> None:
    upload = house.place / "upload"
    upload.mkdir()
    shutil.copy(SAMPLE / "astronaut.jpg", upload / "ann.jpg")
    hum(upload / "voice.wav", seconds)
    upload.rename(house.root / "inbox" / name)


def test_a_picture_of_the_take_in_hand_can_be_seen_while_it_is_made(tmp_path: Path) -> None:
    house, pictures = House(tmp_path, engine="null", more=PAGE), {}
    seen: list[AtWork] = []

    def look() -> bool:
        said = live.read(house.place / "state")
        for take in said.takes if said else ():
            path = house.root / take.preview
            if take.preview and path.exists():
                seen.append(take)
                pictures[take.preview_at] = cv2.imread(str(path))
        return (house.root / "done" / "周报").exists()

    drop(house, "周报", 60)
    with house.watching() as daemon:
        house.wait(look)
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(60)
    assert seen[-1].folder == "周报"
    assert seen[-1].preview.startswith("working/周报/.lipsyncd/.1.")
    assert {picture.shape for picture in pictures.values() if picture is not None} == {(480, 480, 3)}
    names = {path.name for path in house.tree()}
    assert not [name for name in names if "preview" in name]
    assert {"ann.mp4", "ann.jpg", "manifest.json"} <= names
    assert live.read(house.place / "state") is None


def test_a_picture_of_a_daemon_that_was_killed_is_cleared_away(tmp_path: Path) -> None:
    house = House(tmp_path, engine="null", more=PAGE)

    def left() -> list[Path]:
        return [path for path in house.tree() if "preview" in path.name]

    drop(house, "talk", 60)
    with house.watching():
        house.wait(lambda: bool(left()))
    with house.watching() as daemon:
        house.wait(lambda: (house.root / "done" / "talk").exists())
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(60)
    assert not left()
