"""A root on a share: mounts that vanish, people who are not us, names that come again, and many drops at once."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.inbox import Inbox
from daemon.order import Choices
from tests.daemon.bench import SETTLE, Bench

FILES = {"voice.wav": "some words", "ann.png": "ok"}
ROOT = os.geteuid() == 0
LONG = 5 * SETTLE


@pytest.fixture
def mounted(bench: Bench) -> Iterator[list[str]]:
    """The words of `mount` for the root on a small disk of its own; unmounted at the end."""
    if not ROOT:
        pytest.skip("only root may mount")
    bench.journal.done.parent.mkdir(exist_ok=True)
    disk = bench.place / "disk"
    disk.mkdir()
    trial = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "test", disk], capture_output=True, check=False)
    if trial.returncode:
        pytest.skip("no mounts here")
    (disk / "root").mkdir()
    yield ["mount", "--bind", str(disk / "root"), str(bench.root)]
    for point in (bench.root, disk):
        subprocess.run(["umount", "-l", point], capture_output=True, check=False)


@pytest.mark.parametrize("guard", [True, False])
def test_a_share_that_vanishes_while_we_watch(bench: Bench, mounted: list[str], guard: bool) -> None:
    """Nothing that lies in the folder beneath is touched, and all goes on when the share is back."""
    bench.drop("beneath", FILES)
    subprocess.run(mounted, check=True)
    bench.journal.prepare()
    with bench.watching(inbox={"mount_guard": guard}):
        bench.drop_by_copy("first", FILES)
        bench.wait(lambda: (bench.root / "done/first").exists())
        bench.drop_by_copy("waiting", {"voice.wav": "some words"})
        subprocess.run(["umount", "-l", bench.root], check=True)
        bench.wait(lambda: "not mounted" in (bench.place / "log").read_text())
        time.sleep(LONG)
        assert bench.places() == ["inbox/beneath"]
        subprocess.run(mounted, check=True)
        bench.drop_by_copy("second", FILES)
        bench.wait(lambda: (bench.root / "done/second").exists())
        assert bench.places() == ["done/first", "done/second", "inbox/waiting"]
        (bench.root / "inbox/waiting/ann.png").write_text("ok")
        bench.wait(lambda: (bench.root / "done/waiting").exists())
    subprocess.run(["umount", "-l", bench.root], check=True)
    assert bench.places() == ["inbox/beneath"]


def test_a_guarded_share_that_is_mounted_late(bench: Bench, mounted: list[str]) -> None:
    bench.drop("beneath", FILES)
    with bench.watching(inbox={"mount_guard": True}):
        bench.wait(lambda: (bench.place / "log").exists() and "not mounted" in (bench.place / "log").read_text())
        subprocess.run(mounted, check=True)
        bench.wait(lambda: (bench.root / "inbox").exists())
        bench.drop_by_copy("talk", FILES)
        bench.wait(lambda: (bench.root / "done/talk").exists())
        assert bench.places() == ["done/talk"]


@pytest.mark.skipif(shutil.which("bindfs") is None, reason="bindfs is not installed")
def test_a_share_that_comes_back_as_another_file_system(
    bench: Bench, mounted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk of this machine, then a real FUSE mount: events, then polling, while the daemon runs."""
    monkeypatch.setattr("daemon.watch._GROUND_EVERY", 0.2)
    subprocess.run(mounted, check=True)
    bench.journal.prepare()
    with bench.watching():
        bench.drop_by_copy("first", FILES)
        bench.wait(lambda: (bench.root / "done/first").exists())
        subprocess.run(["umount", "-l", bench.root], check=True)
        subprocess.run(["bindfs", "-o", "nonempty", bench.place / "disk/root", bench.root], check=True)
        bench.wait(lambda: '"fuse"' in (bench.place / "log").read_text())
        bench.drop_by_copy("second", FILES)
        bench.wait(lambda: (bench.root / "done/second").exists())
        subprocess.run(["umount", "-l", bench.root], check=True)
        subprocess.run(mounted, check=True)
        bench.wait(lambda: (bench.place / "log").read_text().count('"events"') > 1)
    said = [(line["mode"], line["file_system"]) for line in bench.log if line["event"] == "watching"]
    known = [(mode, kind) for mode, kind in said if kind in ("tmpfs", "fuse")]
    assert known == [("events", "tmpfs"), ("poll", "fuse"), ("events", "tmpfs")]


@pytest.fixture
def public(tmp_path: Path) -> Iterator[Bench]:
    """A bench that all users of the machine can get to."""
    if not ROOT:
        pytest.skip("only root may become others")
    place = Path(tempfile.mkdtemp(prefix="lipsyncd-share-"))
    place.chmod(0o777)
    yield Bench(place)
    shutil.rmtree(place)


def as_user(user: int, group: int, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, user=user, group=group, extra_groups=[], umask=0o022, capture_output=True, text=True, check=False
    )


def shared(bench: Bench, group: int) -> None:
    """Make the folders as on a share that a group writes to."""
    for folder in (bench.root, *bench.root.iterdir()):
        os.chown(folder, 0, group)
        folder.chmod(0o2775)


def dropped(bench: Bench, name: str, face: str, user: int, group: int, mode: int) -> None:
    folder = bench.drop(name, FILES | {"ann.png": face})
    for path in (folder, *folder.iterdir()):
        os.chown(path, user, group)
    folder.chmod(mode)


@pytest.mark.parametrize("mode", [0o755, 0o2775])
def test_who_dropped_a_folder_can_delete_what_came_of_it(public: Bench, mode: int) -> None:
    shared(public, 5000)
    dropped(public, "good", "ok", 4001, 5000, mode)
    dropped(public, "bad", "no-face", 4001, 5000, mode)
    with public.watching():
        public.wait(lambda: public.places() == ["done/good", "failed/bad"])
        public.wait(lambda: not (public.root / "done/good/.lipsyncd").exists())
        dropped(public, "slow", "slow 20", 4001, 5000, mode)
        public.wait(lambda: public.begun("ann.png") == 3)
        public.wait(lambda: (public.root / "working/slow/STATUS.txt").exists())
        for place in public.places():
            for _ in range(20):  # it may write its STATUS.txt just then
                removed = as_user(4001, 5000, "rm", "-r", public.root / place)
                if not removed.returncode:
                    break
            assert removed.returncode == 0, removed.stderr
    assert public.places() == []


def test_a_service_without_powers_shares_a_group_with_people(public: Bench) -> None:
    """It may give nothing away: what it makes has the drop's group and rights, whatever its umask."""
    shared(public, 5000)
    dropped(public, "good", "ok", 4001, 5000, 0o2775)
    dropped(public, "bad", "no-face", 4001, 5000, 0o2775)
    assert powerless(public.once) == 1, "one of them failed"
    assert public.places() == ["done/good", "failed/bad"]
    made = [path.lstat() for path in (public.root / "done/good").iterdir() if path.name != "inputs"]
    assert {(status.st_uid, status.st_gid, status.st_mode & 0o060) for status in made} == {(0, 5000, 0o060)}
    for place in public.places():
        removed = as_user(4001, 5000, "rm", "-r", public.root / place)
        assert removed.returncode == 0, removed.stderr


def test_a_drop_that_the_service_may_not_take_is_waited_for_with_the_reason(public: Bench) -> None:
    shared(public, 5000)
    dropped(public, "mine", "ok", 4001, 5000, 0o755)
    dropped(public, "ours", "ok", 4001, 5000, 0o2775)

    def watch() -> int:
        with public.watching():
            public.wait(lambda: (public.root / "done/ours").exists())
            public.wait(lambda: "let its group write" in (public.place / "log").read_text())
            assert public.places() == ["done/ours", "inbox/mine"]
        return 0

    assert powerless(watch) == 0


def powerless(act: Callable[[], int]) -> int:
    """Do something in a process that has given up what root may do beyond others: give away, write without a right."""
    pid = os.fork()
    if not pid:
        code = 70
        try:
            os.setgroups([5000])
            os.umask(0o077)
            header = (ctypes.c_uint32 * 2)(0x20080522, 0)
            assert ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()) == 0
            code = act()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_umask_is_a_setting(bench: Bench) -> None:
    folder = bench.drop("talk", FILES)
    folder.chmod(0o700)
    bench.once(paths={"umask": "027"})
    modes = {path.name: path.lstat().st_mode & 0o777 for path in (bench.root / "done/talk").iterdir()}
    assert (modes["ann.mp4"], modes["manifest.json"]) == (0o640, 0o640)
    assert (bench.root / "done/talk").lstat().st_mode & 0o777 == 0o750


def test_the_same_name_again_is_another_job(bench: Bench) -> None:
    """While the first is at work, and when it is done; identity is content, not name."""
    bench.drop("talk", FILES | {"ann.png": "slow 1.5"})
    with bench.watching():
        bench.wait(lambda: bench.begun("ann.png") == 1)
        bench.drop("talk", FILES | {"bob.png": "ok, the second"})
        bench.wait(lambda: (bench.root / "done/talk (2)").exists() or (bench.root / "done/talk").exists())
        bench.wait(lambda: (bench.root / "done/talk (2)").exists())
        bench.drop("talk", FILES | {"bob.png": "ok, the third"})
        bench.wait(lambda: (bench.root / "done/talk (3)").exists())
    assert bench.places() == ["done/talk", "done/talk (2)", "done/talk (3)"]
    faces = [(bench.root / place / "inputs/bob.png") for place in bench.places()]
    assert [face.exists() and face.read_text() for face in faces] == [False, "ok, the second", "ok, the third"]


def test_a_folder_moved_in_or_copied_in_is_taken_without_any_event(bench: Bench) -> None:
    with bench.watching(inbox={"watch": "poll"}):
        bench.drop("moved", FILES)
        bench.drop_by_copy("copied", FILES)
        bench.wait(lambda: bench.places() == ["done/copied", "done/moved"])


def test_a_drop_that_is_deleted_while_it_waits_is_forgotten(bench: Bench) -> None:
    with bench.watching():
        folder = bench.drop_by_copy("talk", {"voice.wav": "words"})
        bench.wait(lambda: (bench.place / "log").exists() and '"talk"' in (bench.place / "log").read_text())
        shutil.rmtree(folder)
        bench.drop("walk", FILES)
        bench.wait(lambda: (bench.root / "done/walk").exists())
        time.sleep(LONG)
        assert bench.places() == ["done/walk"]
    assert not [line for line in bench.log if line["level"] in ("warning", "error")]


def test_a_drop_that_is_touched_again_and_again_is_taken_once(bench: Bench) -> None:
    """Events of two watchers, times set anew, a file written twice: what counts is the one rename."""
    with bench.watching():
        folder = bench.drop("talk", FILES | {"ann.png": "held"})
        while not bench.begun("ann.png"):
            for path in (folder, folder / "ann.png"):
                with contextlib.suppress(FileNotFoundError):
                    if time.time_ns() % 7 == 0:
                        os.utime(path)
            time.sleep(0.01)
        (bench.root / "working/talk/inputs/voice.wav").touch()
        bench.release("ann.png")
        bench.wait(lambda: (bench.root / "done/talk").exists())
        time.sleep(LONG)
    assert [line["event"] for line in bench.log].count("job taken") == 1
    assert bench.begun("ann.png") == 1
    assert bench.places() == ["done/talk"]


@pytest.mark.parametrize("face", ["held", "whole"])
def test_an_upload_that_goes_on_after_all_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    """On a network share nobody can know that a file is still open. What was made of a part of it is not kept."""
    monkeypatch.setattr("daemon.rendition._ARRIVING", 0.3)
    with bench.watching():
        bench.drop("talk", FILES | {"ann.png": face})
        bench.wait(lambda: bench.begun("ann.png"))
        with (bench.root / "working/talk/inputs/voice.wav").open("a") as file:
            file.write(", and this is the end")
        bench.release("ann.png")
        bench.wait(lambda: (bench.root / "done/talk").exists())
    whole = "some words, and this is the end"
    assert whole in bench.text("done/talk/ann.mp4")
    assert hashlib.sha256(whole.encode()).hexdigest() in bench.text("done/talk/manifest.json")
    assert any("voice.wav is still arriving" in str(line.get("reason")) for line in bench.log)


def test_two_daemons_on_one_share_take_each_drop_once(bench: Bench) -> None:
    names = [f"drop {number}" for number in range(8)]
    with bench.watching(), bench.watching():
        for name in names:
            bench.drop(name, FILES)
        bench.wait(lambda: len(list((bench.root / "done").iterdir())) == len(names))
    assert sorted(line["folder"] for line in bench.log if line["event"] == "job taken") == names
    assert bench.begun("ann.png") == len(names)


def test_a_drop_inside_a_drop_is_refused_with_the_reason(bench: Bench) -> None:
    folder = bench.drop("outer", FILES)
    (folder / "inner").mkdir()
    (folder / "inner/bob.png").write_text("ok")
    bench.once()
    assert bench.places() == ["failed/outer"]
    assert "inner/bob.png is in a folder of its own" in bench.text("failed/outer/WHY.txt")
    assert (bench.root / "failed/outer/inner/bob.png").exists()


def test_clocks_that_are_wrong_mean_nothing(bench: Bench) -> None:
    """Times of the files in the past and the future, and a server whose clock is hours off."""
    with bench.watching():
        for name, moment in (("old", 0), ("new", time.time() + 36_000), ("far", 4e9)):
            folder = bench.drop(name, FILES)
            for path in (*folder.iterdir(), folder):
                os.utime(path, (moment, moment))
        bench.wait(lambda: bench.places() == ["done/far", "done/new", "done/old"])


def test_drops_that_arrived_between_two_looks_come_in_order_of_arrival(tmp_path: Path) -> None:
    now = 0.0
    inbox = Inbox(tmp_path, 2, Choices(), clock=lambda: now)
    names = [f"drop {37 * number % 100:02}" for number in range(100)]
    for name in names:
        (tmp_path / "upload").mkdir()
        (tmp_path / "upload/voice.wav").write_text("words")
        (tmp_path / "upload/ann.png").write_text("face")
        (tmp_path / "upload").rename(tmp_path / name)
        time.sleep(0.012)  # the clocks of file systems tick that slowly
    inbox.look()
    now = 3.0
    assert [drop.folder.name for drop in inbox.look().drops] == names


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_many_drops_at_once_are_each_taken_once_in_order(bench: Bench, count: int) -> None:
    names = [f"drop {7 * number % count:03}" for number in range(count)]
    for name in names:
        bench.drop(name, FILES | {"ann.png": f"ok {name}"})
        time.sleep(0.012)
    sizes: list[int] = []
    with bench.watching() as pid:
        done = bench.root / "done"
        while len(list(done.iterdir())) < count:
            sizes.append(resident(pid))
            time.sleep(0.1)
    taken = [line["folder"] for line in bench.log if line["event"] == "job taken"]
    assert sorted(taken) == sorted(names)
    assert taken == names
    assert sum(1 for entry in bench.diary if entry["what"] == "made") == count
    late, early = sizes[-1], sizes[len(sizes) // 3]
    assert late - early < 16 << 20, f"{early} then {late} bytes"


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
