"""Real disks, small ones: full, without inodes, read-only, gone, and as little left as is to stay free."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from publishers import verify
from tests.daemon.bench import Bench
from tests.daemon.test_disk_faults import check_over, quick, said  # noqa: F401 - a fixture

FILES = {"voice.wav": "some words", "ann.png": "ok", "bob.mp4": "held"}
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount"),
    pytest.mark.usefixtures("quick"),
]


@pytest.fixture
def disk(bench: Bench) -> Iterator[Callable[[Path, str], Path]]:
    """Lays a small disk under a folder."""
    points: list[Path] = []

    def mount(folder: Path, options: str = "size=3m") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "small", folder], check=False, capture_output=True
        )
        if done.returncode:
            pytest.skip("no mounts here")
        points.append(folder)
        bench.journal.prepare()
        return folder

    yield mount
    for point in points:
        subprocess.run(["umount", "-l", point], check=False, capture_output=True)


def fill(folder: Path) -> Path:
    """Leave not one byte."""
    path = folder / ".fill"
    with path.open("wb", buffering=0) as file:
        for piece in (1 << 16, 1 << 12):
            while True:
                try:
                    file.write(bytes(piece))
                except OSError:
                    break
    assert os.statvfs(folder).f_bavail == 0
    return path


def exhaust(folder: Path) -> Path:
    """Leave not one inode."""
    place = folder / ".many"
    place.mkdir()
    number = 0
    while os.statvfs(folder).f_favail:
        (place / str(number)).touch()
        number += 1
    return place


def waiting(bench: Bench) -> str:
    path = bench.root / "working/talk/STATUS.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_full_before_anything_is_taken(
    bench: Bench, disk: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(bench.root)
    bench.release("bob.mp4")
    bench.drop_by_copy("talk", FILES)
    filler = fill(bench.root)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(bench.place / "notify"))
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(bench.place / "notify"))
        with bench.watching():
            while b"STATUS=waiting: no folder can be taken: the disk of the share is full (0 bytes free)" not in (
                heard := manager.recv(1000)
            ):
                assert heard
            time.sleep(0.5)
            assert bench.places() == ["inbox/talk"]
            assert len(said(bench)) == 1
            filler.unlink()
            bench.wait(lambda: (bench.root / "done/talk").exists())
            manager.setblocking(False)
    check_over(bench, FILES)


@pytest.mark.parametrize("face", [pytest.param("ann.png", marks=pytest.mark.soak), "bob.mp4"])
@pytest.mark.parametrize(("options", "use_up"), [("size=3m", fill), ("size=30m,nr_inodes=120", exhaust)])
def test_full_in_the_middle(
    bench: Bench, disk: Callable[[Path, str], Path], options: str, use_up: Callable[[Path], Path], face: str
) -> None:
    disk(bench.root, options)
    bench.drop_by_copy("talk", FILES | {"ann.png": "held" if face == "ann.png" else "ok, ann"})
    files = {name: (bench.root / "inbox/talk" / name).read_text() for name in FILES}
    with bench.watching():
        bench.wait(lambda: bench.begun(face))
        filler = use_up(bench.root)
        bench.release("ann.png", "bob.mp4")
        bench.wait(lambda: said(bench))
        bench.wait(lambda: "Waiting: " in waiting(bench))
        begun = len(bench.diary)
        time.sleep(0.5)
        assert len(bench.diary) - begun < 8, "it renders again and again"
        shutil.rmtree(filler) if filler.is_dir() else filler.unlink()
        check_over(bench, files)
    assert len(said(bench)) <= 3


def test_as_much_stays_free_as_is_to(bench: Bench, disk: Callable[[Path], Path]) -> None:
    """No drop is taken and no take begun; one that can only be refused is."""
    disk(bench.root)
    ballast = bench.root / ".ballast"
    ballast.write_bytes(bytes(1_500_000))
    bench.drop_by_copy("talk", FILES)
    bench.drop_by_copy("bad", FILES | {"job.toml": "titel = 1"})
    with bench.watching(limits={"free_bytes": 2_000_000}):
        bench.wait(lambda: (bench.root / "failed/bad").exists())
        bench.wait(lambda: said(bench))
        time.sleep(0.4)
        assert bench.places() == ["failed/bad", "inbox/talk"]
        assert "no folder is taken: the disk of the share is nearly full (1.6 MB free; 2.0 MB are kept free)" in str(
            said(bench)[0]["reason"]
        )
        ballast.unlink()
        bench.wait(lambda: bench.begun("bob.mp4"))
        ballast.write_bytes(bytes(1_500_000))
        bench.drop_by_copy("next", FILES)
        bench.release("bob.mp4")
        bench.wait(lambda: (bench.root / "done/talk").exists())
        assert "inbox/next" in bench.places()
        ballast.unlink()
        bench.wait(lambda: (bench.root / "done/next").exists())


def test_read_only_in_the_middle(bench: Bench, disk: Callable[[Path], Path]) -> None:
    disk(bench.root)
    bench.drop_by_copy("talk", FILES)
    with bench.watching():
        bench.wait(lambda: bench.begun("bob.mp4"))
        # our own lock is open for writing, so that only the kernel could make the disk itself read-only
        subprocess.run(["mount", "--bind", bench.root, bench.root], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", bench.root], check=True)
        bench.release("bob.mp4")
        bench.wait(lambda: said(bench))
        time.sleep(0.5)
        assert bench.places() == ["working/talk"]
        subprocess.run(["umount", "-l", bench.root], check=True)
        check_over(bench, FILES)
    assert len(said(bench)) <= 2


@pytest.mark.parametrize("when", [pytest.param("ann.png", marks=pytest.mark.soak), "bob.mp4"])
def test_unmounted_in_the_middle_and_back(bench: Bench, disk: Callable[[Path], Path], when: str) -> None:
    """Nothing in the folder beneath is touched, nothing is given up."""
    bench.drop("beneath", FILES)
    aside = disk(bench.place / "aside")
    (aside / "root").mkdir()
    bound = ["mount", "--bind", str(aside / "root"), str(bench.root)]
    subprocess.run(bound, check=True)
    try:
        bench.journal.prepare()
        bench.drop_by_copy("talk", FILES | {"ann.png": "held"})
        if when != "ann.png":
            bench.release("ann.png")
        with bench.watching():
            bench.wait(lambda: bench.begun(when))
            subprocess.run(["umount", "-l", bench.root], check=True)
            bench.release("ann.png", "bob.mp4")
            bench.wait(lambda: "not mounted" in (bench.place / "log").read_text())
            time.sleep(0.5)
            assert bench.places() == ["inbox/beneath"]
            subprocess.run(bound, check=True)
            check_over(bench, {**FILES, "ann.png": "held"})
    finally:
        subprocess.run(["umount", "-l", bench.root], check=False)
    assert bench.places() == ["inbox/beneath"]


@pytest.mark.parametrize("where", ["state", "root"])
def test_no_room_for_signing(bench: Bench, disk: Callable[[Path], Path], where: str) -> None:
    """The certificate is made in the state directory, the signed copies beside the videos."""
    place = disk(bench.place / where, "size=6m")
    bench.drop_by_copy("talk", {"voice.wav": "some words", "ann.png": "real"})
    filler = fill(place) if where == "state" else None
    with bench.watching(credentials={"sign": True}):
        if filler is None:
            bench.wait(lambda: bench.begun("ann.png"))
            bench.wait(lambda: list((bench.root / "working/talk").glob("ann.mp4")))
            filler = fill(place)
        bench.wait(lambda: said(bench))
        bench.wait(lambda: "Waiting: " in waiting(bench))
        time.sleep(0.5)
        filler.unlink()
        bench.wait(lambda: (bench.root / "done/talk").exists())
    assert bench.job("done/talk").takes[0].credentials is not None
    assert not [finding for finding in verify(bench.root / "done/talk") if "signature" in str(finding)]
    assert not list(bench.root.rglob("*.part"))


@pytest.mark.parametrize("folder", ["inbox", "working", "done", "working/talk", "working/talk/inputs"])
def test_rights_that_are_taken_and_given_back(bench: Bench, folder: str) -> None:
    bench.drop("talk", FILES)
    pid = os.fork()
    if not pid:
        code = 70
        try:
            header = (ctypes.c_uint32 * 2)(0x20080522, 0)
            assert ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()) == 0
            with bench.watching():
                bench.wait(lambda: (bench.place / "enough").exists())
            code = 0
        finally:
            os._exit(code)
    bench.wait(lambda: bench.begun("bob.mp4"))
    (bench.root / folder).chmod(0)
    bench.release("bob.mp4")
    bench.wait(lambda: said(bench) or "it cannot be read" in (bench.place / "log").read_text())
    time.sleep(0.4)
    (bench.root / folder).chmod(0o755)
    bench.wait(lambda: (bench.root / "done/talk").exists())
    check_over(bench, FILES)
    (bench.place / "enough").touch()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not [line for line in bench.log if "bug" in str(line["event"])]
