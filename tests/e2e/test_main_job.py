"""The main job, as a person does it: drop a folder on the share, find videos and a manifest."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from publishers import Standing, credentials_of
from tests.e2e.house import House, packets

pytestmark = pytest.mark.e2e


def mp3(source: Path, target: Path) -> None:
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = writer.add_stream("mp3", rate=reader.streams.audio[0].rate)
        for frame in reader.decode(audio=0):
            frame.pts = None
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))


def seconds(path: Path) -> dict[str, float]:
    """Length of each stream, by its own packets."""
    out = {}
    with av.open(str(path)) as container:
        for stream in container.streams:
            out[stream.type] = float(stream.duration * stream.time_base)
    return out


@pytest.fixture(scope="module")
def weekly(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> tuple[House, dict[str, str]]:
    """The weekly report of a house with Chinese names, dropped into a running daemon, waited for."""
    house = House(tmp_path_factory.mktemp("house"))
    upload = house.place / "周报 2026-11"
    upload.mkdir()
    mp3(sample / "hello.flac", upload / "旁白.mp3")
    portrait = cv2.imread(str(sample / "astronaut.jpg"))
    cv2.imwrite(str(upload / "alice.png"), portrait)
    cv2.imwrite(str(upload / "bob.jpg"), np.ascontiguousarray(portrait[:, ::-1]))
    shutil.copy(sample / "astronaut.mp4", upload / "carol.mp4")
    noise = np.random.default_rng(1).integers(60, 120, (300, 400, 3), np.uint8)
    cv2.imwrite(str(upload / "no-face.jpg"), cv2.GaussianBlur(noise, (0, 0), 3))
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in upload.iterdir()}
    said: set[str] = set()

    def finished() -> bool:
        said.update(path.read_text(encoding="utf-8") for path in house.root.glob("working/*/STATUS.txt"))
        return any((house.root / place / upload.name).exists() for place in ("done", "failed"))

    with house.watching() as daemon:
        house.wait(lambda: any("ready" in str(line.get("event", "")).lower() for line in house.log()), 30)
        upload.rename(house.root / "inbox" / upload.name)
        house.wait(finished, 240)
        daemon.terminate()
        assert daemon.wait(60) == 0
    (house.place / "said.json").write_text(json.dumps(sorted(said), ensure_ascii=False), encoding="utf-8")
    return house, sums


def test_a_dropped_folder_becomes_videos_and_papers(weekly: tuple[House, dict[str, str]]) -> None:
    house, sums = weekly
    done = house.root / "done" / "周报 2026-11"
    names = {path.name for path in done.iterdir()}
    assert {"alice.mp4", "bob.mp4", "carol.mp4", "manifest.json", "post.md", "inputs", "WHY.txt", "job.log"} <= names
    assert "STATUS.txt" not in names
    assert not list((house.root / "working").iterdir())
    assert not list((house.root / "inbox").iterdir())
    kept = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (done / "inputs").iterdir()}
    assert kept == sums
    assert "no-face.jpg" in (done / "WHY.txt").read_text(encoding="utf-8")


def test_the_manifest_tells_a_stranger_everything(weekly: tuple[House, dict[str, str]]) -> None:
    house, sums = weekly
    done = house.root / "done" / "周报 2026-11"
    text = (done / "manifest.json").read_text(encoding="utf-8")
    assert str(house.place) not in text
    manifest = json.loads(text)
    assert manifest["schema"] == "lipsyncd.manifest/1"
    assert manifest["speech"]["file"] == "旁白.mp3"
    assert manifest["speech"]["sha256"] == sums["旁白.mp3"]
    assert [video["file"] for video in manifest["videos"]] == ["alice.mp4", "bob.mp4", "carol.mp4"]
    for video in manifest["videos"]:
        data = (done / video["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == video["sha256"]
        assert len(data) == video["bytes"]
        assert video["cid"].startswith("b")
        assert (done / video["poster"]["file"]).stat().st_size == video["poster"]["bytes"]
        assert video["coverage"] > 0.95
        assert video["engine"]["name"] == "reshape"
        assert all(weights["licence"] for weights in video["engine"]["weights"])
    assert [failure["face"] for failure in manifest["failures"]] == ["no-face.jpg"]
    assert manifest["failures"][0]["hint"]


def test_videos_last_as_long_as_the_speech(weekly: tuple[House, dict[str, str]], sample: Path) -> None:
    house, _ = weekly
    with av.open(str(sample / "hello.flac")) as container:
        stream = container.streams.audio[0]
        speech = sum(frame.samples for frame in container.decode(stream)) / stream.rate
    for name in ("alice.mp4", "bob.mp4", "carol.mp4"):
        lengths = seconds(house.root / "done" / "周报 2026-11" / name)
        assert -0.001 <= lengths["video"] - speech <= 0.041 + 0.03  # mp3 pads its ends by up to 30 ms
        assert abs(lengths["audio"] - speech) < 0.06


def test_the_mouth_speaks_and_the_rest_is_left_alone(weekly: tuple[House, dict[str, str]]) -> None:
    house, _ = weekly
    done = house.root / "done" / "周报 2026-11"
    with av.open(str(done / "alice.mp4")) as container:
        frames = [frame.to_ndarray(format="gray").astype(np.float32) for frame in container.decode(video=0)][::3]
    moved = np.std(np.stack(frames), 0)
    portrait = cv2.imread(str(done / "inputs" / "alice.png"), cv2.IMREAD_GRAYSCALE)
    assert moved.shape[0] in (portrait.shape[0], portrait.shape[0] + 1)
    busy = np.argwhere(cv2.GaussianBlur(moved, (0, 0), 4) > 4)
    assert len(busy) > 0
    spread = np.ptp(busy, axis=0) / moved.shape
    assert (spread < 0.45).all(), "only a small part of the picture moves"
    assert (moved < 2).mean() > 0.85


def test_status_told_how_far_it_was(weekly: tuple[House, dict[str, str]]) -> None:
    house, _ = weekly
    said = json.loads((house.place / "said.json").read_text(encoding="utf-8"))
    assert any("%" in text and ".mp4" in text + "mp4" for text in said)
    assert any("2/4" in text or "1/4" in text for text in said)


def test_the_speech_was_heard_once_for_all_faces(weekly: tuple[House, dict[str, str]]) -> None:
    house, _ = weekly
    counts = [line["speeches_heard"] for line in house.log() if "speeches_heard" in line]
    assert len(counts) >= 3
    assert set(counts) == {1}


def test_verify_names_the_file_that_changed(weekly: tuple[House, dict[str, str]]) -> None:
    house, _ = weekly
    done = house.root / "done" / "周报 2026-11"
    assert house.run("verify", done).returncode == 0
    copy = house.place / "copy"
    shutil.copytree(done, copy)
    for name in ("alice.mp4", "inputs/旁白.mp3", "inputs/carol.mp4"):
        path = copy / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        answer = house.run("verify", copy)
        assert answer.returncode == 1
        assert Path(name).name in answer.stdout + answer.stderr
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    assert house.run("verify", copy / "manifest.json").returncode == 0


def test_jobs_lists_it(weekly: tuple[House, dict[str, str]]) -> None:
    house, _ = weekly
    jobs = house.json("jobs")
    listed = jobs["jobs"] if isinstance(jobs, dict) else jobs
    assert any("周报 2026-11" in json.dumps(job, ensure_ascii=False) for job in listed)


def test_the_videos_say_signed_how_they_were_made(weekly: tuple[House, dict[str, str]]) -> None:
    house, _ = weekly
    done = house.root / "done" / "周报 2026-11"
    files = [done / f"{name}{suffix}" for name in ("alice", "bob", "carol") for suffix in (".mp4", ".jpg")]
    found = credentials_of(files)
    assert {one.state for one in found} == {Standing.VALID}
    assert {one.source for one in found} == {"compositeWithTrainedAlgorithmicMedia"}
    edited = {one.file for one in found if one.actions == ("c2pa.opened", "c2pa.edited")}
    assert edited == {"carol.mp4", "carol.jpg"}, "made from a video"
    with av.open(str(done / "alice.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == container.streams.video[0].frames


def test_same_input_same_video(weekly: tuple[House, dict[str, str]]) -> None:
    house, _ = weekly
    inputs = house.root / "done" / "周报 2026-11" / "inputs"
    out = house.place / "out"
    answer = house.run("render", inputs / "旁白.mp3", inputs / "alice.png", inputs / "carol.mp4", "-o", out)
    assert answer.returncode == 0, answer.stderr
    for name in ("alice.mp4", "carol.mp4"):
        assert packets(out / name) == packets(inputs.parent / name), "all is equal but the signature"
