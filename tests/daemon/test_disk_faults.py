"""A disk that refuses, at every stage of a job, in every way: the job waits with the reason, and then goes on."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from daemon import adoption, app, arrivals, desk, footing, rounds, steps
from publishers import book, folder, turn, verify
from tests.daemon.bench import Bench
from tests.daemon.fake_store import Stores
from tests.daemon.faults import Fault, Gate

FILES = {"voice.wav": "some words", "ann.png": "ok", "bob.mp4": "ok too"}
SOME_BAD = FILES | {"cat.jpg": "no-face"}
REFUSED = FILES | {"job.toml": "titel = 1"}
JOB = r"working/talk/\.job\.json\.part"

STAGES: dict[str, tuple[Fault, dict[str, str]]] = {
    "make the folder": (Fault("os.mkdir", "working/talk", 0), FILES),
    "say whose it is": (Fault("open", r"working/talk/\.lipsyncd/\.owner\.json\.[\w.]+", 0), FILES),
    "take the lock": (Fault("open", r"working/talk/\.lipsyncd/lock", 0), FILES),
    "sign for it": (Fault("os.rename", r"working/talk/\.lipsyncd/owner\.json", 0), FILES),
    "write the job": (Fault("open", JOB, 0), FILES),
    "take the drop": (Fault("os.rename", "working/talk/inputs", 0), FILES),
    "read the inputs": (Fault("read", "working/talk/inputs/ann.png", 0, all_small=False), FILES),
    "save the hashes": (Fault("open", JOB, 0, 1), FILES),
    "save the first take": (Fault("open", JOB, 0, 2), FILES),
    "place the video": (Fault("os.rename", "working/talk/ann.mp4", 0), FILES),
    "save that all are made": (Fault("open", JOB, 0, 4), FILES),
    "read the video": (Fault("read", "working/talk/bob.mp4", 0, all_small=False), FILES),
    "write the manifest": (Fault("open", r"working/talk/\.manifest\.json\.part", 0), FILES),
    "write the post": (Fault("open", r"working/talk/\.post\.md\.part", 0), FILES),
    "write WHY.txt": (Fault("open", r"working/talk/\.WHY\.txt\.part", 0), SOME_BAD),
    "move to done": (Fault("os.rename", "done/talk", 0), FILES),
    "keep what a failed job is": (Fault("open", r"inputs/\.lipsyncd/\.job\.json\.part", 0), REFUSED),
    "write WHY.txt of a failed job": (Fault("open", r"inputs/\.WHY\.txt\.part", 0), REFUSED),
    "move to failed": (Fault("os.rename", "failed/talk", 0), REFUSED),
}
UNSAID = ("make the folder", "say whose it is", "take the lock", "sign for it", "write the job", "take the drop")
"""Before it is a job it has no STATUS.txt: the log and the service manager alone can say it."""
WORDS = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "quota",
    errno.EROFS: "read-only",
    errno.EIO: "fault",
    errno.EACCES: "may not be read or written",
}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long; the daemons are forks and hurry, too."""
    for module in (adoption, desk, footing):
        monkeypatch.setattr(module, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(desk, "_LOOK_EVERY", 0.1)
    monkeypatch.setattr(arrivals, "_STUCK", 0.2)
    monkeypatch.setattr(steps, "_FIRST_WAIT", 0.2)
    monkeypatch.setattr(rounds, "_FIRST_DELAY", 0.2)
    monkeypatch.setattr(rounds, "_DISK_DELAY", 0.2)
    for module, name in ((book, "_WAIT"), (folder, "_WAIT"), (turn, "_DISK_WAIT")):
        monkeypatch.setattr(module, name, 0.2)


def gated(bench: Bench, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Have the daemons that are started from now on meet a fault."""
    gate, run = Gate(bench.place), app.run
    gate.shut(fault)

    def behind(*args: object, **kwargs: object) -> int:
        gate.stand()
        return run(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(app, "run", behind)
    return gate


def table() -> list[object]:
    """Every stage with a full disk, and with one of the other faults in turn."""
    others = [number for number in WORDS if number != errno.ENOSPC]
    rows: list[object] = [(stage, errno.ENOSPC) for stage in STAGES]
    for place, stage in enumerate(STAGES):
        marks = [pytest.mark.soak] if place % 2 else []
        rows.append(pytest.param(stage, others[place // 2 % len(others)], marks=marks))
    return rows


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("stage", "number"), table(), ids=lambda value: errno.errorcode.get(value, value))
def test_waits_and_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch, stage: str, number: int) -> None:
    fault, files = STAGES[stage]
    if number in (errno.EIO, errno.EACCES) or stage == "write WHY.txt":  # else the trial is first
        fault = replace(fault, all_small=False)
    target = bench.place / "published"
    target.mkdir()
    gate = gated(bench, replace(fault, number=number), monkeypatch)
    bench.drop("talk", files)
    with bench.watching(publish={"to": ["folder"], "folder": {"path": str(target)}}):
        bench.wait(lambda: said(bench))
        bench.wait(lambda: gate.hits >= 1)
        check_waiting(bench, stage, number)
        hits = gate.hits
        time.sleep(0.3)
        assert gate.hits - hits < 20, "it hammers on the disk"
        assert len(said(bench)) <= 2, "it floods the log"
        gate.open()
        check_over(bench, files)
    made = [entry["face"] for entry in bench.diary if entry["what"] == "made"]
    assert len(made) == len(set(made)), "something was made twice"


def said(bench: Bench) -> list[dict[str, object]]:
    """What the log says about waiting for the disk."""
    path = bench.place / "log"
    lines = bench.log if path.exists() else []
    events = ("waiting", "a drop cannot be taken")
    return [line for line in lines if line["event"] in events and "by itself" in str(line["reason"])]


def check_waiting(bench: Bench, stage: str, number: int) -> None:
    assert not [place for place in bench.places() if place.startswith(("done", "failed"))]
    reason = str(said(bench)[0]["reason"])
    assert WORDS[number] in reason or "refuses" in reason
    if stage not in UNSAID:
        bench.wait(lambda: "Waiting: " in bench.text("working/talk/STATUS.txt"))
    assert not [line for line in bench.log if "bug" in str(line["event"])]


def check_over(bench: Bench, files: dict[str, str]) -> None:
    """It is at its end, whole, and as if nothing had been."""
    if files is REFUSED:
        bench.wait(lambda: bench.places() == ["failed/talk"])
        home = inputs = bench.root / "failed/talk"
        assert "titel" in (home / "WHY.txt").read_text()
    else:
        bench.wait(lambda: bench.places() == ["done/talk"])
        home = bench.root / "done/talk"
        inputs = home / "inputs"
        bench.wait(lambda: not (home / ".lipsyncd").exists())
        assert not verify(home)
        assert {take.attempts for take in bench.job("done/talk").takes} == {0}
    assert {name: (inputs / name).read_text() for name in files} == files
    assert not [path for path in bench.root.rglob("*") if ".part" in path.name or path.name == ".room"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["job.log", r"\.STATUS\.txt\.part", "STATUS.txt"])
@pytest.mark.parametrize("number", [errno.ENOSPC, pytest.param(errno.EIO, marks=pytest.mark.soak)])
def test_what_only_tells_stops_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    gated(bench, Fault("open", f"working/talk/{name}", number), monkeypatch)
    bench.drop("talk", FILES)
    assert bench.once() == 0
    assert bench.places() == ["done/talk"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("event", ["os.scandir", "os.listdir"])
def test_a_root_that_does_not_answer_is_no_bug(bench: Bench, monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    gate = gated(bench, Fault(event, "/working", errno.EACCES), monkeypatch)
    bench.drop("talk", FILES)
    with bench.watching():
        bench.wait(lambda: gate.hits > 2 or (bench.root / "done/talk").exists())
        if gate.hits:
            assert "working may not be read or written" in str(said(bench)[0]["reason"])
            assert len(said(bench)) == 1
        gate.open()
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert not [line for line in bench.log if "bug" in str(line["event"])]


@pytest.mark.usefixtures("quick")
def test_once_ends_and_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    gated(bench, Fault("open", JOB, errno.ENOSPC), monkeypatch)
    bench.drop("talk", FILES)
    assert bench.once() == 1
    assert bench.places() == ["inbox/talk"]
    (bench.place / "gate").unlink()
    monkeypatch.undo()
    assert bench.once() == 0


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("path", [r"state/turns/\w+\.lock", r"published/\.[^/]+\.part"])
@pytest.mark.parametrize("number", [errno.ENOSPC, pytest.param(errno.EACCES, marks=pytest.mark.soak)])
def test_the_disk_of_a_publisher(bench: Bench, monkeypatch: pytest.MonkeyPatch, path: str, number: int) -> None:
    target = bench.place / "published"
    target.mkdir()
    gate = gated(bench, Fault("open", path, number, all_small=False), monkeypatch)
    bench.drop("talk", FILES)
    with bench.watching(publish={"to": ["folder"], "folder": {"path": str(target)}}):
        bench.wait(lambda: gate.hits >= 2 or (bench.root / "done/talk").exists())
        if gate.hits:
            bench.wait(lambda: "Waiting: folder did not answer" in bench.text("working/talk/STATUS.txt"))
        gate.open()
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert not list(target.glob(".*"))


@pytest.mark.usefixtures("quick")
def test_papers_of_every_video_though_one_could_not_be_written(
    bench: Bench, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = gated(bench, Fault("open", r"working/talk/\.bob\.metadata\.json\.part", errno.ENOSPC), monkeypatch)
    bench.drop("talk", FILES)
    with bench.watching(publish={"to": ["alpha"]}):
        bench.wait(lambda: gate.hits)
        bench.wait(lambda: "Waiting: " in bench.text("working/talk/STATUS.txt"))
        gate.open()
        bench.wait(lambda: (bench.root / "done/talk").exists())
    published = stores.asked("alpha", "publish")
    assert published[4:] == ["ann.metadata.json", "bob.metadata.json", "manifest.json"]
    assert not verify(bench.root / "done/talk")


def test_a_disk_that_fails_at_the_very_last_of_a_claim(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drop has been moved, and only making that last has failed: it is ours, and not in limbo."""
    from daemon import durable

    real: Callable[[Path], None] = durable.flush_folder
    failed: list[Path] = []

    def failing(place: Path) -> None:
        if place.name == "inbox" and not failed:
            failed.append(place)
            raise OSError(errno.EIO, "a fault")
        real(place)

    monkeypatch.setattr(durable, "flush_folder", failing)
    bench.drop("talk", FILES)
    assert bench.once() == 0
    assert bench.places() == ["done/talk"]
