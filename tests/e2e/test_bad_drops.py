"""Bad and odd drops through the real command: each ends in done/ or in failed/ with a reason a person can act on."""

from __future__ import annotations

import json
import os
import subprocess
import time
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.e2e.house import House

pytestmark = pytest.mark.e2e

RATE = 16000
LONG = "名" * 81 + "abc"  # 246 bytes: with ".png", 250
NASTY = "a \"b\" 'c'\n<d> 🙂"
SAID = {
    "empty audio": ("say.wav is empty", "Copy it once more"),
    "audio of no length": ("say.wav has no sound in it", "Record or export it again"),
    "no audio": ("no audio file", "Add one"),
    "no face": ("no face in it", "Add one or more photos"),
    "ambiguous": ("one.wav", "two.wav"),
    "unknown keys": ('"titel" is not known (did you mean title?)', "Mend job.toml"),
    "link": ("p.png is a link", "Put the files themselves"),
    "nothing usable": ("cut.jpg is damaged or cut off", "Copy or export"),
}
"""Drops that fail, and what their WHY.txt has to say."""
FAULTS = {
    "cut.mp4": "cut off",
    "cut.jpg": "damaged or cut off",
    "text.mp4": "not what its name says",
    "tiny.png": "no usable face",
    "blank.png": "no usable face",
}
"""Faces that fail beside one that does not."""
MADE = {
    "silent": 25,
    "a tenth": 3,
    "kinds": 10,
    NASTY: 10,
    LONG + "xyzw": 10,
    "faces": 10,
}
"""Drops that are made, and how many frames each of their videos has."""


def sound(samples: NDArray[np.float64]) -> bytes:
    import io

    store = io.BytesIO()
    with wave.open(store, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return store.getvalue()


def spoken(sample: Path) -> NDArray[np.float64]:
    """Four tenths of a second of the bundled speech."""
    with av.open(str(sample / "hello.en.flac")) as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        parts = [part.to_ndarray()[0] for f in container.decode(audio=0) for part in resampler.resample(f)]
    return np.concatenate(parts)[RATE // 2 : RATE // 2 + 4 * RATE // 10] / 32768


def with_a_picture(samples: NDArray[np.float64], path: Path) -> None:
    """Write an m4a with a video track, as some recorders and music shops do."""
    with av.open(str(path), "w", format="mp4") as file:
        film = file.add_stream("libx264", rate=25)
        film.width = film.height = 64
        track = file.add_stream("aac", rate=RATE, layout="mono")
        for _ in range(10):
            file.mux(film.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8))))
        frame = av.AudioFrame.from_ndarray((samples[None] * 32767).astype(np.int16), "s16", "mono")
        frame.rate = RATE
        file.mux(track.encode(frame))
        for stream in (film, track):
            file.mux(stream.encode(None))


def encoded(picture: NDArray[Any], suffix: str) -> bytes:
    done, data = cv2.imencode(suffix, picture)
    assert done
    return data.tobytes()


def two_of(portrait: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A large face on the left and a smaller one on the right."""
    small = cv2.resize(portrait, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    both = np.full((portrait.shape[0], portrait.shape[1] + small.shape[1], 3), 128, np.uint8)
    both[:, : portrait.shape[1]] = portrait
    both[: small.shape[0], portrait.shape[1] :] = small
    return both


def drops(sample: Path) -> dict[str, dict[str, bytes]]:
    """Files of each drop."""
    portrait = cv2.imread(str(sample / "astronaut.jpg"))[:300, 60:360]
    voice, film = spoken(sample), (sample / "astronaut.mp4").read_bytes()
    say, png, jpg = sound(voice), encoded(portrait, ".png"), encoded(portrait, ".jpg")
    clear = np.dstack([portrait, np.full(portrait.shape[:2], 255, np.uint8)])
    blank = np.full((200, 200, 3), 90, np.uint8)
    good = {"say.wav": say, "p.png": png}
    cut, text = {"cut.jpg": jpg[: len(jpg) // 2]}, {"text.mp4": b"hello\n" * 300}
    bad = cut | text | {"cut.mp4": film[: len(film) // 2], "tiny.png": encoded(portrait[:4, :4], ".png")}
    kinds = {
        "grey.jpg": encoded(cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY), ".jpg"),
        "clear.png": encoded(clear, ".png"),
    }
    kinds |= {
        "deep.png": encoded(portrait.astype(np.uint16) * 257, ".png"),
        "edge.png": encoded(portrait[:, 110:], ".png"),
    }
    picks = b'[faces."two.png"]\npick = "right"\n'
    return {
        "empty audio": {"say.wav": b"", "p.png": png},
        "audio of no length": {"say.wav": sound(np.zeros(0)), "p.png": png},
        "no audio": {"p.png": png},
        "no face": {"say.wav": say},
        "ambiguous": {"one.wav": say, "two.wav": say, "p.png": png},
        "unknown keys": good | {"job.toml": b'titel = "x"\n'},
        "link": {"say.wav": say},
        "nothing usable": {"say.wav": say} | cut | text,
        "bad faces": good | bad | {"blank.png": encoded(blank, ".png")},
        "silent": {"say.wav": sound(np.zeros(RATE)), "p.png": png},
        "a tenth": {"say.wav": sound(voice[: RATE // 10]), "p.png": png},
        "picture in the sound": {"p.png": png},
        "kinds": {"say.wav": say} | kinds,
        "faces": {"say.wav": say, "two.png": encoded(two_of(portrait), ".png"), "job.toml": picks},
        NASTY: {f"{NASTY}.wav": say, f"{NASTY}.png": png},
        LONG + "xyzw": {f"{LONG}.wav": say, f"{LONG}.png": png},
    }


@dataclass(frozen=True)
class Worked:
    """A house whose inbox was worked off, and what the command said."""

    house: House
    code: int
    log: str
    given: dict[str, dict[str, bytes]]

    def home(self, place: str, name: str) -> Path:
        return self.house.root / place / name

    def manifest(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.home("done", name) / "manifest.json").read_text(encoding="utf-8"))
        return document


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Worked:
    """All drops at once, the inbox worked off from elsewhere, without a home and in a locale that is not UTF-8."""
    house = House(tmp_path_factory.mktemp("house"))
    given = drops(sample)
    for name, files in given.items():
        folder = house.root / "inbox" / name
        folder.mkdir()
        for file, data in files.items():
            (folder / file).write_bytes(data)
    with_a_picture(spoken(sample), house.root / "inbox" / "picture in the sound" / "say.m4a")
    (house.root / "inbox" / "link" / "p.png").symlink_to(sample / "astronaut.jpg")
    bare = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    command = house.command("watch", "--once")
    done = subprocess.run(command, capture_output=True, timeout=600, cwd="/", env=bare, check=False)
    return Worked(house, done.returncode, done.stderr.decode(), given)


def test_everything_came_to_an_end_and_nothing_was_altered(worked: Worked) -> None:
    assert worked.code == 1
    assert not list((worked.house.root / "inbox").iterdir())
    assert not list((worked.house.root / "working").iterdir())
    for name, files in worked.given.items():
        failed = worked.home("failed", name)
        kept = failed if failed.exists() else worked.home("done", name) / "inputs"
        assert {file: (kept / file).read_bytes() for file in files} == files, name
    assert all(json.loads(line) for line in worked.log.splitlines()), "nothing but our own lines in the log"


@pytest.mark.parametrize("name", SAID)
def test_what_fails_says_why_and_what_to_do(worked: Worked, name: str) -> None:
    why = (worked.home("failed", name) / "WHY.txt").read_text(encoding="utf-8")
    for words in (*SAID[name], "back to inbox/"):
        assert words.lower() in why.lower()
    assert str(worked.house.place) not in why
    assert not list(worked.home("failed", name).glob("*.mp4.part"))


def test_bad_faces_do_not_stop_the_good_one(worked: Worked) -> None:
    manifest = worked.manifest("bad faces")
    assert [video["file"] for video in manifest["videos"]] == ["p.mp4"]
    said = {failure["face"]: f"{failure['error']} {failure['hint']}" for failure in manifest["failures"]}
    assert set(said) == set(FAULTS)
    why = (worked.home("done", "bad faces") / "WHY.txt").read_text(encoding="utf-8")
    for face, words in FAULTS.items():
        assert words in said[face]
        assert f"{face}\n" in why
        assert f"wrong: {face}: " not in why, "the name is said above already"


@pytest.mark.parametrize("name", MADE)
def test_what_is_odd_is_made(worked: Worked, name: str) -> None:
    manifest = worked.manifest(name)
    assert not manifest["failures"]
    assert {video["frames"] for video in manifest["videos"]} == {MADE[name]}
    assert len(manifest["videos"]) == len(worked.given[name]) - 1 - ("job.toml" in worked.given[name])
    answer = worked.house.run("verify", worked.home("done", name))
    assert answer.returncode == 0, answer.stdout


def test_a_sound_file_may_hold_a_picture(worked: Worked) -> None:
    manifest = worked.manifest("picture in the sound")
    assert [(video["file"], video["face"]["file"]) for video in manifest["videos"]] == [("p.mp4", "p.png")]
    assert manifest["speech"]["file"] == "say.m4a"


def test_the_picked_face_speaks_and_the_other_does_not(worked: Worked) -> None:
    with av.open(str(worked.home("done", "faces") / "two.mp4")) as container:
        grey = np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)]).astype(np.float32)
    moved = grey.std(0)
    assert moved[:, 300:].max() > 4 * moved[:, :300].max()


def test_silence_moves_nothing(worked: Worked) -> None:
    with av.open(str(worked.home("done", "silent") / "p.mp4")) as container:
        grey = np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)]).astype(np.float32)
    assert grey.std(0).max() < 8


def test_jobs_names_every_one_of_them(worked: Worked) -> None:
    jobs = worked.house.json("jobs")["jobs"]
    assert {job["name"] for job in jobs} == set(worked.given)
    assert {job["state"] for job in jobs} == {"DONE", "FAILED"}


def test_a_drop_that_still_grows_is_left_alone(tmp_path: Path, sample: Path) -> None:
    house = House(tmp_path, engine="null", settle=3.0)
    (house.root / "inbox" / "talk").mkdir()
    (house.root / "inbox" / "talk" / "p.jpg").write_bytes((sample / "astronaut.jpg").read_bytes())
    data = (sample / "hello.en.flac").read_bytes()
    with house.watching():
        for start in range(0, len(data), len(data) // 12):
            with (house.root / "inbox" / "talk" / "say.flac").open("ab") as file:
                file.write(data[start : start + len(data) // 12])
            assert (house.root / "inbox" / "talk").exists(), "taken while it grew"
            time.sleep(0.3)
        house.wait((house.root / "done" / "talk" / "manifest.json").exists)
    assert (house.root / "done" / "talk" / "inputs" / "say.flac").read_bytes() == data
