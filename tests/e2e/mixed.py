"""Thirty drops of every kind, people who meddle while they are made, and what must have come of it in the end."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random

from daemon import control
from daemon.errors import JobError, JournalError
from daemon.job import Job, State, TakeState
from daemon.journal import OURS, folders, read
from publishers import verify
from tests.daemon.bench import Bench

SAMPLE = Path(__file__).parents[2] / "daemon" / "sample"
PAPERS = {"inputs", "job.json", "job.log", "manifest.json", "post.md", "WHY.txt"}
ATTEMPTS = 2
_KINDS = ("one", "many", "failing", "dying", "mended", "folder", "review", "who", "real", "slow", "refused", "odd")
_RENDERS = {"no-face": 1, "exit": ATTEMPTS, "segv": ATTEMPTS, "once:segv": 2, "once:exit": 2}


def drop(kind: str, number: int, random: Random) -> dict[str, str]:
    """Give the files of one drop; every face says in its name whose it is."""
    mark, ok = f"j{number:02}", f"ok {number}"
    slow = f"slow {random.uniform(0.05, 0.4):.2f} {number}"
    faces = {
        "one": {"a.png": ok},
        "many": {"a.png": ok, "b.mp4": slow, "c.jpg": f"{ok} c", "d.webp": f"{ok} d"},
        "failing": {"a.png": "no-face", "b.mp4": slow},
        "dying": {"a.png": f"once:segv {number}", "b.mp4": f"exit {number}", "c.png": ok},
        "mended": {"a.png": ok, "b.png": f"no-face {number}"},
        "folder": {"a.png": slow, "b.png": ok},
        "review": {"a.png": ok},
        "who": {"a.png": ok, "b.mp4": slow, "who.jpg": "me"},
        "real": {"a.jpg": f"real {number}"},
        "slow": {"a.png": slow, "b.png": slow + " b"},
        "refused": {"a.png": "no-face", "b.png": f"segv {number}"},
        "odd": {"a.png": ok, "名前 ’\u202e.png": f"{ok} odd", "notes.txt": "mine"},
    }[kind]
    orders = {
        "folder": 'publish = ["folder"]\n',
        "review": 'publish = ["folder"]\nreview = true\n',
        "who": f'who = "{mark}-who.jpg"\n',
        "slow": 'title = "<b>slow</b>"\n',
    }
    toml = {"job.toml": orders[kind]} if kind in orders else {}
    speech = {f"{mark}-voice.wav": f" words of {number}"}
    return {f"{mark}-{name}": text for name, text in faces.items()} | speech | toml


class Mixed:
    """A workload on a bench: what was dropped, what people did to it, and how often each take may be rendered."""

    def __init__(self, bench: Bench, jobs: int, seed: int, processes: int = 1) -> None:
        self.bench = bench
        self.processes = processes
        self.random = Random(seed)
        self.kinds = [_KINDS[number % len(_KINDS)] for number in range(jobs)]
        self.dropped: dict[int, dict[str, str]] = {}
        self.asked: Counter[str] = Counter()
        self.renders: Counter[str] = Counter()
        self.meddled: Counter[str] = Counter()
        (bench.place / "archive").mkdir()

    @property
    def settings(self) -> dict[str, Mapping[str, object]]:
        return {
            "publish": {"folder": {"path": self.bench.place / "archive"}},
            "render": {"attempts": ATTEMPTS, "processes": self.processes},
            "limits": {"take_timeout_s": 60},
        }

    def deliver(self, most: int = 3) -> None:
        """Drop the next few folders."""
        for _ in range(self.random.randint(1, most)):
            number = len(self.dropped)
            if number == len(self.kinds):
                return
            files = drop(self.kinds[number], number, self.random)
            self.dropped[number] = files
            for name, text in files.items():
                self.renders[name] += _RENDERS.get(text.partition(" ")[0], 1)
            taken = number % 7 or (self.bench.root / "inbox" / "same").exists()
            self.bench.drop(f"job {number:02}" if taken else "same", files)

    def meddle(self) -> None:
        """Do to some job what people do: approve, cancel, retry, rename, put things into its folder."""
        if self.random.random() < 0.5 and len(self.dropped) < len(self.kinds):
            self.deliver()
        act = self.random.choice((self._approve, self._cancel, self._retry, self._rename, self._retry))
        with contextlib.suppress(JobError, JournalError, OSError):
            act()

    def settle(self) -> None:
        """Drop what is left, and approve all that waits."""
        while len(self.dropped) < len(self.kinds):
            self.deliver()
        self._approve()

    def _approve(self) -> None:
        for filed in self.bench.journal.filed():
            if filed.job.state is State.REVIEW:
                control.approve(self.bench.root, filed.job)
                self.meddled["approved"] += 1

    def _cancel(self) -> None:
        if self.random.random() < 0.3 and (homes := folders(self.bench.journal.working)):
            control.cancel(self.bench.root, self.random.choice(homes).name)
            self.meddled["cancelled"] += 1

    def _retry(self) -> None:
        over = [filed for filed in self.bench.journal.filed() if filed.place != "working"]
        again = [filed for filed in over if filed.job.state is State.FAILED or filed.job.in_state(TakeState.FAILED)]
        again = [filed for filed in again if self.asked[filed.job.id] < 2]
        if again:
            filed = self.random.choice(again)
            self.asked[filed.job.id] += 1
            control.retry(self.bench.root, filed.job)
            self.meddled["retried"] += 1
            for take in filed.job.takes:
                if take.state is not TakeState.RENDERED:
                    self.renders[take.face] += ATTEMPTS

    def _rename(self) -> None:
        if homes := folders(self.bench.journal.working):
            home = self.random.choice(homes)
            home.rename(home.with_name(f"{home.name}."))
            self.meddled["renamed"] += 1

    def check(self, kills: int) -> None:
        """Look at everything that there is in the end."""
        assert not [place for place in self.bench.places() if place.startswith(("inbox/", "working/"))]
        homes = {"done": folders(self.bench.journal.done), "failed": folders(self.bench.journal.failed)}
        found: Counter[int] = Counter()
        for home in homes["done"]:
            number = self._number(home / "inputs")
            found[number] += 1
            self._check_inputs(home / "inputs", number)
            self._check_done(home)
        for home in homes["failed"]:
            number = self._number(home)
            found[number] += 1
            self._check_inputs(home, number)
            _check_failed(home)
        assert found == Counter(dict.fromkeys(self.dropped, 1))
        self._check_renders(kills)

    def _number(self, folder: Path) -> int:
        voice = next(folder.glob("j*-voice.wav"))
        return int(voice.name[1:3])

    def _check_inputs(self, folder: Path, number: int) -> None:
        there = {path.name: _sum(path.read_bytes()) for path in folder.iterdir() if path.name not in (OURS, "WHY.txt")}
        assert there == {name: _sum(text.encode()) for name, text in self.dropped[number].items()}

    def _check_done(self, home: Path) -> None:
        job = read(home / "job.json")
        assert job.state is State.DONE
        made, failed = job.in_state(TakeState.RENDERED), job.in_state(TakeState.FAILED)
        assert len(made) + len(failed) == len(job.takes)
        assert made
        assert all(take.error for take in failed)
        names = {f"{take.name}{suffix}" for take in made for suffix in (".mp4", ".jpg")}
        papers = {f"{take.name}.metadata.json" for take in made}
        assert {path.name for path in home.iterdir()} - PAPERS - papers == names
        assert not verify(home)
        speech = next(home.glob("inputs/*-voice.wav")).read_text()
        for take in made:
            _check_video(home, take.name, (home / "inputs" / take.face).read_text() + speech)
        if failed:
            assert all(take.face in (home / "WHY.txt").read_text() for take in failed)
        if job.publish:
            assert {receipt.name for receipt in job.receipts} == names | {"manifest.json"}

    def _check_renders(self, kills: int) -> None:
        """A kill, or a folder renamed meanwhile, may cost the takes in hand; nobody's job is rendered for another."""
        begun = Counter(entry["face"] for entry in self.bench.diary if entry["what"] == "begun")
        more = {face: times - self.renders[face] for face, times in begun.items() if times > self.renders[face]}
        assert sum(more.values()) <= kills, more
        made = [(entry["face"], entry["pid"]) for entry in self.bench.diary if entry["what"] == "made"]
        twice = {one: times for one, times in Counter(made).items() if times > 1}
        assert sum(twice.values()) - len(twice) <= self.meddled["renamed"], f"made twice in one life: {twice}"


def _check_video(home: Path, name: str, content: str) -> None:
    if content.startswith("real"):
        assert (home / f"{name}.mp4").read_bytes() == (SAMPLE / "astronaut.mp4").read_bytes()
        return
    assert (home / f"{name}.mp4").read_text() == f"video of {content}"
    assert (home / f"{name}.jpg").read_text() == f"poster of {content}"


def _check_failed(home: Path) -> None:
    job: Job = read(home / OURS / "job.json")
    assert job.state is State.FAILED
    assert job.error
    assert job.error.lower() in (home / "WHY.txt").read_text().lower()
    kept = {path.name for path in (home / OURS).iterdir() if path.suffix in (".mp4", ".jpg")}
    made = {f"{take.name}{suffix}" for take in job.in_state(TakeState.RENDERED) for suffix in (".mp4", ".jpg")}
    assert kept >= made


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
