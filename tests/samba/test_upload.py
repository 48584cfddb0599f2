"""Folders that arrive over SMB: taken exactly once, whole, however slow the line, and never half."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.bench import SETTLE, Bench
from tests.samba.server import MISSING, Samba, samba

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(MISSING), reason=MISSING)]
LONG = 8 * SETTLE


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def server(bench: Bench) -> Iterator[Samba]:
    with samba(bench.root) as found:
        yield found


def made(place: Path, size: int, header: bool) -> tuple[Path, str]:
    """Make a file of noise, as a WAV file that says how long it is or as one that says nothing; and its sha256."""
    noise = random.Random(size).randbytes(1 << 20)
    path = place / ("voice.wav" if header else "voice.mp3")
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(size >> 20):
            piece = bytearray(noise)
            piece[:4] = struct.pack("<I", number)
            if header and not number:
                piece[:12] = b"RIFF" + struct.pack("<I", size - 8) + b"WAVE"
            digest.update(piece)
            file.write(piece)
    return path, digest.hexdigest()


def beyond(path: Path, size: int, seconds: float = 30) -> None:
    """Wait until so much of a file has arrived."""
    end = time.monotonic() + seconds
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < end, "nothing arrives any more"
        time.sleep(0.002)


def test_a_large_drop_over_a_bad_line_is_taken_once_and_whole(bench: Bench, server: Samba) -> None:
    """Slowly, with a pause between files, one in the middle of a file, and the client killed in the middle."""
    size = 200 << 20
    source, sha256 = made(bench.place, size, header=True)
    face = bench.place / "ann.png"
    face.write_text("real")
    arriving = bench.root / "inbox/周报"
    server.line.rate = 150e6
    with bench.watching():
        server.say("cd inbox", "mkdir 周报", "cd 周报", f"put {face} ann.png")
        time.sleep(LONG)
        client = server.start("cd inbox/周报", f"put {source} voice.wav")
        beyond(arriving / "voice.wav", size // 4)
        server.line.hold()
        time.sleep(LONG)
        assert bench.places() == ["inbox/周报"], "paused in the middle of a file, the handle open"
        server.line.go_on()
        beyond(arriving / "voice.wav", size // 2)
        client.send_signal(signal.SIGKILL)
        time.sleep(LONG)
        assert bench.places() == ["inbox/周报"], "broken off in the middle of a file"
        assert size // 2 <= (arriving / "voice.wav").stat().st_size < size
        server.line.rate = 300e6
        server.say("cd inbox/周报", f"put {source} voice.wav")
        bench.wait(lambda: (bench.root / "done/周报").exists())
    home = bench.root / "done/周报"
    manifest = json.loads((home / "manifest.json").read_text(encoding="utf-8"))
    assert sha256 in {entry["sha256"] for entry in _files(manifest)}
    with (home / "inputs/voice.wav").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == sha256
    assert [line["event"] for line in bench.log].count("job taken") == 1
    assert bench.begun("ann.png") == 1
    assert bench.places() == ["done/周报"]


def _files(value: object) -> Iterator[dict[str, object]]:
    """Yield every object in a document that names a sha256."""
    if isinstance(value, dict):
        if "sha256" in value:
            yield value
        for inner in value.values():
            yield from _files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _files(inner)


def test_a_file_that_says_nothing_about_its_length_is_safe_while_it_is_open(bench: Bench, server: Samba) -> None:
    size = 24 << 20
    source, sha256 = made(bench.place, size, header=False)
    (bench.place / "ann.png").write_text("real")
    server.line.rate = 30e6
    with bench.watching():
        server.say("cd inbox", "mkdir talk", "cd talk", f"put {bench.place}/ann.png ann.png")
        client = server.start("cd inbox/talk", f"put {source} voice.mp3")
        beyond(bench.root / "inbox/talk/voice.mp3", size // 3)
        client.send_signal(signal.SIGSTOP)
        bench.wait(lambda: any("is still open" in str(line.get("reason")) for line in bench.log))
        time.sleep(LONG)
        assert bench.places() == ["inbox/talk"]
        client.send_signal(signal.SIGCONT)
        bench.wait(lambda: (bench.root / "done/talk").exists())
    with (bench.root / "done/talk/inputs/voice.mp3").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == sha256
    assert [line["event"] for line in bench.log].count("job taken") == 1


def test_a_folder_renamed_while_it_is_uploaded_goes_on_under_its_new_name(bench: Bench, server: Samba) -> None:
    source, sha256 = made(bench.place, 8 << 20, header=True)
    (bench.place / "ann.png").write_text("real")
    with bench.watching():
        server.say("cd inbox", 'mkdir "New folder"')
        time.sleep(2 * SETTLE)
        server.say("cd inbox", f'put {source} "New folder/voice.wav"', 'rename "New folder" "Weekly 😀"')
        time.sleep(2 * SETTLE)
        server.say('cd "inbox/Weekly 😀"', f"put {bench.place}/ann.png ann.png")
        bench.wait(lambda: (bench.root / "done/Weekly 😀").exists())
    assert bench.places() == ["done/Weekly 😀"]
    assert sha256 in (bench.root / "done/Weekly 😀/manifest.json").read_text(encoding="utf-8")


@pytest.fixture
def open_bench() -> Iterator[Bench]:
    """One that other users of the machine may enter, too."""
    place = Path(tempfile.mkdtemp(prefix="lipsyncd-share-"))
    place.chmod(0o755)
    yield Bench(place)
    shutil.rmtree(place)


def test_who_dropped_a_folder_over_smb_can_delete_all_that_came_of_it(open_bench: Bench) -> None:
    bench = open_bench
    (bench.place / "ann.png").write_text("real")
    (bench.place / "bad.png").write_text("no-face")
    (bench.place / "voice.wav").write_text("words")
    for folder in (bench.root, *bench.root.iterdir()):
        os.chown(folder, 0, 65534)
        folder.chmod(0o2775)
    drop = [f"put {bench.place}/voice.wav voice.wav"]
    with samba(bench.root, "nobody") as server, bench.watching():
        server.say("cd inbox", "mkdir good", "cd good", f"put {bench.place}/ann.png ann.png", *drop)
        server.say("cd inbox", "mkdir bad", "cd bad", f"put {bench.place}/bad.png ann.png", *drop)
        bench.wait(lambda: bench.places() == ["done/good", "failed/bad"])
        bench.wait(lambda: not (bench.root / "done/good/.lipsyncd").exists())
        made_by_us = [path for path in (bench.root / "done/good").rglob("*") if "inputs" not in path.parts]
        assert {"manifest.json", "post.md", "job.json"} <= {path.name for path in made_by_us}
        assert {path.owner() for path in made_by_us} == {"nobody"}
        server.say("deltree done/good", "deltree failed/bad")
        bench.wait(lambda: bench.places() == [])


@pytest.mark.parametrize("count", [30, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_many_folders_from_several_people_at_once(bench: Bench, server: Samba, count: int) -> None:
    """Three uploads at the same time, without a pause: each drop once, and those of one person in order of arrival."""
    people = 3
    upload = bench.place / "upload"
    names = [[f"{person} {7 * number % count:03}" for number in range(count // people)] for person in range(people)]
    for name in (name for mine in names for name in mine):
        (upload / name).mkdir(parents=True)
        (upload / name / "voice.wav").write_text("words")
        (upload / name / "ann.png").write_text(f"real {name}")

    def sent(name: str) -> tuple[str, ...]:
        put = (f'put "{upload}/{name}/{file}" "{name}/{file}"' for file in ("voice.wav", "ann.png"))
        return f'mkdir "{name}"', *put

    with bench.watching():
        clients = [server.start("cd inbox", *(order for name in mine for order in sent(name))) for mine in names]
        assert [client.wait(300) for client in clients] == [0] * people
        bench.wait(lambda: len(list((bench.root / "done").iterdir())) == people * (count // people), 300)
    taken = [line["folder"] for line in bench.log if line["event"] == "job taken"]
    assert sorted(taken) == sorted(name for mine in names for name in mine)
    assert sum(1 for entry in bench.diary if entry["what"] == "made") == len(taken)
    for mine in names:
        assert [name for name in taken if name in mine] == mine
