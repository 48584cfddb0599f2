"""The order in which a job comes onto the disk, as strace saw it: flushed, then named, and only then relied upon."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from tests.e2e import power
from tests.e2e.house import House
from tests.e2e.power import Act

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

FLEETING = {"owner.json", "STATUS.txt", "lock", "job.log"}
"""What may be lost in a power cut: it is written anew."""
WRITES = {"write", "cut", "copy"}


@pytest.fixture(scope="module")
def acts(tmp_path_factory: pytest.TempPathFactory) -> list[Act]:
    """All that one job of one photo did to the disk: rendered, signed, published to a folder, recorded."""
    place = tmp_path_factory.mktemp("order")
    archive = place / "archive"
    archive.mkdir()
    more = f'[publish]\nto = ["folder"]\n[publish.folder]\npath = "{archive}"\n[limits]\nfree_bytes = 0\n'
    house = House(place, engine="null", more=more)
    sample = Path(__file__).parents[2] / "daemon" / "sample"
    drop = place / "talk"
    drop.mkdir()
    shutil.copy(sample / "hello.flac", drop / "hello.flac")
    shutil.copy(sample / "astronaut.jpg", drop / "ann.jpg")
    drop.rename(house.root / "inbox" / "talk")
    log = place / "trace"
    run = [*power.command(log), *house.command("watch", "--once")]
    ran = subprocess.run(run, capture_output=True, text=True, check=False, timeout=3000, cwd=place)
    if "PTRACE" in ran.stderr:
        pytest.skip("nothing may be traced here")
    assert ran.returncode == 0, ran.stderr
    return list(power.acts(log, [house.root, archive]))


def name(path: str) -> str:
    return PurePosixPath(path).name


def lasting(acts: list[Act]) -> list[Act]:
    """Leave out what may be lost: what is written anew, and names that nobody but their writer knows."""
    known = [act for act in acts if not {name(act.path), name(act.other)} & FLEETING]
    return [act for act in known if not (act.kind == "rename" and name(act.other).startswith("."))]


def test_a_file_is_on_the_disk_before_it_gets_its_name(acts: list[Act]) -> None:
    wet: set[str] = set()
    for act in lasting(acts):
        if act.kind in WRITES:
            wet.add(act.path)
        elif act.kind == "fsync":
            wet.discard(act.path)
        elif act.kind in ("rename", "link"):
            assert act.path not in wet, f"{act.path} is named {act.other} before it is flushed"
    assert not [path for path in wet if not name(path).startswith(".")]


def test_every_name_is_on_the_disk_before_the_job_counts_on_it(acts: list[Act]) -> None:
    """Whenever job.json is written, all renames before it will survive; and so they do in the end."""
    wet: set[str] = set()
    made: set[str] = set()
    saves = 0
    for act in lasting(acts):
        folders = {str(PurePosixPath(path).parent) for path in (act.path, act.other) if path}
        if act.kind in ("rename", "link"):
            if name(act.other) == "job.json":
                assert not wet, f"job.json is written before {wet} are flushed"
                saves += 1
            if name(act.other) == "inputs":
                assert not made, f"the drop goes into a folder before {made} are flushed"
            wet |= folders
        elif act.kind == "mkdir":
            made |= folders
        elif act.kind == "fsync":
            wet.discard(act.path)
            made.discard(act.path)
    assert saves > 8
    assert not wet | made


def test_one_effect_one_save(acts: list[Act]) -> None:
    """Each step is written down before what follows from it: job.json (S) and all else that gets its name, in order."""
    steps = []
    for act in lasting(acts):
        if act.kind in ("rename", "link"):
            steps.append("S" if name(act.other) == "job.json" else name(act.other))
    said = " ".join(steps)
    for rule in (
        "S inputs S 1.mp4 1.jpg S ann.jpg ann.mp4 S",  # taken, hashed, rendered, placed
        "S 1.signed.jpg 1.signed.mp4 S ann.jpg ann.mp4 S",  # signed copies, written down, in their places
        "ann.mp4 S ann.jpg S",  # published, each written down
        "S manifest.json manifest.json S",  # last of all papers that are published
    ):
        assert rule in said, said
    assert said.endswith("post.md S talk"), said
    assert said.index("manifest.json") > said.rindex("ann.mp4")


LEDGER = """
import sys
from pathlib import Path
from publishers.ledger import Ledger
from publishers.record import Record
state = Path(sys.argv[1])
ledger = Ledger(state)
for number in range(2):
    ledger.intend(Record("arweave", str(number), "ar://one", winston=5, owner="me"))
    (state / f"posted {number}").touch()
"""


def test_the_ledger_is_on_the_disk_before_anything_is_sent(tmp_path: Path) -> None:
    """The first payment makes the file, the second one adds to it; "posted" stands for the POST that follows."""
    state, log = tmp_path / "state", tmp_path / "trace"
    state.mkdir(mode=0o700)
    run = [*power.command(log), sys.executable, "-c", LEDGER, str(state)]
    ran = subprocess.run(run, capture_output=True, text=True, check=False, timeout=300)
    if "PTRACE" in ran.stderr:
        pytest.skip("nothing may be traced here")
    assert ran.returncode == 0, ran.stderr
    wet: set[str] = set()
    flushed = posted = 0
    for act in power.acts(log, [state]):
        if name(act.path).startswith("posted"):
            if act.kind == "make":
                assert not {path for path in wet if "ledger" in path or path == str(state)}, wet
                posted += 1
            continue
        if act.kind in WRITES:
            wet.add(act.path)
        elif act.kind == "fsync":
            flushed += act.path in wet and name(act.path) == "ledger.sqlite"
            wet.discard(act.path)
        if act.kind == "make" and name(act.path) == "ledger.sqlite" and not posted:
            wet.add(str(state))
    assert posted == 2
    assert flushed >= 2
