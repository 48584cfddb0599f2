"""Jobs that are over, put straight into their folders: what a share looks like after some years."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.job import Input, Job, JobTake, Kept, Made, Note, State, TakeState
from daemon.journal import dumps
from publishers import Credentials, Receipt

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TITLES = ("Weekly report", "周报", "Elternabend", "新年致辞", "Отчёт за неделю", "Rapport de la semaine")
POSTER = b"\xff\xd8\xff\xe0 a poster"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def cid(text: str) -> str:
    return "bafybei" + hashlib.sha256(text.encode()).hexdigest()[:52].translate(str.maketrans("01", "wx"))


def take(name: str, job: str) -> JobTake:
    made = Made(12.4, 12.38, 1280, 720, "25", 310, 308, "reshape", "1.2", warnings=())
    video, poster = (
        Kept(sha256(job + name + kind), 400_000, cid(job + name + kind), "unixfs-v1-2025") for kind in "vp"
    )
    return JobTake(
        *(name, f"{name}.png", "voice.wav"),
        state=TakeState.RENDERED,
        made=made,
        video=video,
        poster=poster,
        credentials=Credentials("valid", "lipsyncd on cellar", False),
    )


def job(number: int, name: str, *, takes: tuple[str, ...] = ("alice", "bob")) -> Job:
    """A finished job, published to IPFS."""
    made = tuple(take(one, name) for one in takes)
    receipts = tuple(
        Receipt("ipfs", f"{one.name}.mp4", one.video.sha256, f"ipfs://{one.video.cid}", "", "read back")
        for one in made
        if one.video
    )
    inputs = tuple(Input(file, sha256(name + file), 90_000) for file in ("voice.wav", *(f"{one}.png" for one in takes)))
    created = (BEGIN + timedelta(minutes=number)).isoformat(timespec="milliseconds")
    title = TITLES[number % len(TITLES)]
    return Job(f"{number:08x}", name, created, "reshape", made, State.DONE, inputs, title, receipts=receipts)


def put(root: Path, one: Job, folder: str | None = None, place: str = "done", files: bool = True) -> Path:
    """Put a job into its place, as the daemon leaves it; its videos and posters are some bytes."""
    home = root / place / (one.name if folder is None else folder)
    paper = home / ".lipsyncd" / "job.json" if place == "failed" else home / "job.json"
    paper.parent.mkdir(parents=True)
    paper.write_text(dumps(one), encoding="utf-8")
    inputs = home if place == "failed" else home / "inputs"
    inputs.mkdir(exist_ok=True)
    if files:
        for made in one.in_state(TakeState.RENDERED):
            (paper.parent / f"{made.name}.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + made.name.encode() * 500)
            (paper.parent / f"{made.name}.jpg").write_bytes(POSTER)
            (inputs / made.face).write_bytes(b"\x89PNG\r\n\x1a\n face")
        (inputs / "voice.wav").write_bytes(b"RIFF voice")
        if place == "done":
            (home / "manifest.json").write_text(json.dumps({"title": one.title}), encoding="utf-8")
            (home / "post.md").write_text(f"# {one.title}\n", encoding="utf-8")
    return home


def failed(one: Job) -> Job:
    return replace(one, state=State.FAILED, error="the audio is silent", hint="Drop one in which somebody speaks.")


def partly(one: Job) -> Job:
    takes = (*one.takes[:-1], replace(one.takes[-1], state=TakeState.FAILED, error="no face in it", made=None))
    return replace(one, takes=takes, notes=(Note("ipfs", "nobody answered", "Is it running?"),))


def shelf(root: Path, number: int, *, files: bool = False) -> None:
    """Fill a share with this many jobs: nine of ten finished, the others failed or finished in part."""
    for place in ("inbox", "working", "done", "failed"):
        (root / place).mkdir(parents=True, exist_ok=True)
    for count in range(number):
        one = job(count, f"{TITLES[count % len(TITLES)]} {count}")
        if count % 20 == 7:
            put(root, failed(one), place="failed", files=files)
        else:
            put(root, partly(one) if count % 20 == 13 else one, files=files)
