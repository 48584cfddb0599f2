"""Waking up: by events where the kernel sees all changes, by the interval where it does not."""

from __future__ import annotations

import errno
import io
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from daemon.log import open_log
from daemon.mount import Ground, Mount, mount_of
from daemon.watch import Mode, Watch

MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nas rw - cifs //nas/share rw
31 22 0:41 / /mnt/with\040blank rw - nfs4 server:/x rw
32 22 0:42 / /mnt/nas/local rw - xfs /dev/sdb rw
33 22 0:43 / /home/me/phone rw - fuse.sshfs me@phone rw
34 22 0:44 / /mnt/usb rw - fuseblk /dev/sdc rw
35 22 0:45 / /mnt/vm rw - 9p share rw
36 22 0:46 / /mnt/nas/local rw - btrfs /dev/sdd rw
"""


@pytest.mark.parametrize(
    ("folder", "type_", "remote"),
    [
        ("/srv/inbox", "ext4", False),
        ("/mnt/nas/inbox", "cifs", True),
        ("/mnt/nasty", "ext4", False),
        ("/mnt/with blank/inbox", "nfs4", True),
        ("/mnt/nas/local/inbox", "btrfs", False),
        ("/home/me/phone", "fuse.sshfs", True),
        ("/mnt/usb/x", "fuseblk", False),
        ("/mnt/vm", "9p", True),
    ],
)
def test_the_file_system_decides(tmp_path: Path, folder: str, type_: str, remote: bool) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS, encoding="utf-8")
    mount = mount_of(Path(folder), table)
    assert (mount.type, mount.remote) == (type_, remote)


def test_a_folder_bound_onto_itself_is_no_mount_of_its_own(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    bound = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n50 22 8:1 /srv/x /srv/x rw,noexec - ext4 /dev/sda1 rw\n"
    table.write_text(bound, encoding="utf-8")
    assert mount_of(Path("/srv/x/inbox"), table).point == Path("/")
    table.write_text(f"{bound}51 50 0:40 / /srv/x rw - cifs //nas/share rw\n", encoding="utf-8")
    assert (mount_of(Path("/srv/x"), table).point, mount_of(Path("/srv/x"), table).type) == (Path("/srv/x"), "cifs")
    table.write_text(f"{bound}52 22 8:1 /elsewhere /srv/y rw - ext4 /dev/sda1 rw\n", encoding="utf-8")
    assert mount_of(Path("/srv/y"), table).point == Path("/srv/y")


def test_an_unknown_file_system_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert mount_of(tmp_path, tmp_path / "none").type == ""


def test_once_seen_on_its_mount_the_root_is_nowhere_else(tmp_path: Path) -> None:
    at = {"now": Mount(Path("/home"), "ext4")}
    ground = Ground(tmp_path, False, lambda _root: at["now"])
    assert ground.firm(), "without a guard and without an inbox nothing is known"
    at["now"] = Mount(Path("/home/me/nas"), "cifs")
    (tmp_path / "inbox").mkdir()
    assert ground.firm()
    at["now"] = Mount(Path("/home"), "ext4")
    assert not ground.firm(), "this is the folder beneath"
    at["now"] = Mount(Path("/home/me/nas"), "nfs4")
    assert ground.firm(), "mounted anew, be it as another type"


def test_a_guarded_root_is_never_the_systems_own_disk(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    assert not Ground(tmp_path, True, lambda _root: Mount(Path("/"), "ext4")).firm()
    assert Ground(tmp_path, True, lambda _root: Mount(Path("/mnt"), "cifs")).firm()


def test_a_change_wakes(tmp_path: Path) -> None:
    watch = Watch(tmp_path, "events", open_log(io.StringIO()))
    try:
        assert watch.mode == "events"
        assert not watch.wait(0.05)
        (tmp_path / "talk").mkdir()
        assert watch.wait(30)
        while watch.wait(1.0):
            continue
        list(tmp_path.rglob("*"))
        assert not watch.wait(0.3), "our own looking around wakes nobody"
    finally:
        watch.close()


def test_events_used_up_means_polling_and_says_so(tmp_path: Path) -> None:
    class UsedUp:
        def schedule(self, *_args: object, **_more: object) -> None:
            return None

        def start(self) -> None:
            raise OSError(errno.ENOSPC, "inotify watch limit reached")

    stream = io.StringIO()
    watch = Watch(tmp_path, "auto", open_log(stream), observer=UsedUp)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert watch.mode == "poll"
    assert any("limit reached" in str(line.get("reason")) for line in lines)
    begin = time.monotonic()
    assert not watch.wait(0.1)
    assert time.monotonic() - begin >= 0.09
    watch.close()


def test_polling_asks_for_no_events(tmp_path: Path) -> None:
    watch = Watch(tmp_path, "poll", open_log(io.StringIO()))
    (tmp_path / "talk").mkdir()
    assert not watch.wait(0.2)
    watch.close()


class Land:
    """What a folder lies on, to be changed by hand, and a clock."""

    def __init__(self) -> None:
        self.mount = Mount(Path("/"), "ext4")
        self.now = 0.0
        self.lacking = ""
        self.stream = io.StringIO()

    def watch(self, folder: Path, mode: Mode = "auto") -> Watch:
        log = open_log(self.stream)
        where, clock, trial = (lambda _: self.mount), (lambda: self.now), (lambda _: self.lacking)
        return Watch(folder, mode, log, where=where, clock=clock, trial=trial)

    @property
    def said(self) -> list[tuple[str, str]]:
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [(line["mode"], line["file_system"]) for line in lines if line["event"] == "watching"]


def test_another_file_system_is_another_choice(tmp_path: Path) -> None:
    land = Land()
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    watch = land.watch(inbox)
    try:
        for kind, mode in (("cifs", "poll"), ("cifs", "poll"), ("ext4", "events"), ("fuse.sshfs", "poll")):
            land.mount = Mount(Path("/mnt"), kind)
            land.now += 10
            watch.wait(0)
            assert watch.mode == mode
        land.mount = Mount(Path("/mnt"), "ext4")
        assert not watch.wait(0), "looked at now and then, not all the time"
        assert watch.mode == "poll"
    finally:
        watch.close()
    assert land.said == [("events", "ext4"), ("poll", "cifs"), ("events", "ext4"), ("poll", "fuse.sshfs")]


def test_an_inbox_that_goes_and_comes_back_is_listened_to_again(tmp_path: Path) -> None:
    land = Land()
    inbox = tmp_path / "inbox"
    watch = land.watch(inbox)
    try:
        assert watch.mode == "poll"
        for _ in range(2):
            inbox.mkdir()
            land.now += 10
            assert watch.wait(0), "whoever waits looks at once"
            assert watch.mode == "events"
            (inbox / "talk").mkdir()
            assert watch.wait(30)
            (inbox / "talk").rmdir()
            inbox.rmdir()
            land.now += 10
            watch.wait(0)
            assert watch.mode == "poll"
    finally:
        watch.close()


def test_events_that_are_back_are_used_again(tmp_path: Path) -> None:
    land = Land()
    land.lacking = "used up"
    watch = land.watch(tmp_path)
    modes = []
    for lacking in ("used up", "", "used up", ""):
        land.lacking = lacking
        land.now += 100
        watch.wait(0)
        modes.append(watch.mode)
    watch.close()
    assert modes == ["poll", "events", "poll", "events"]
    assert [mode for mode, _ in land.said] == ["poll", "events", "poll", "events"]


def test_a_storm_of_events_wakes_seldom_and_a_call_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(tmp_path, "events", open_log(io.StringIO()))
    over = threading.Event()

    def rage() -> None:
        number = 0
        while not over.wait(0.002):
            (tmp_path / f"{number % 50}").write_text(str(number))
            number += 1

    storm = threading.Thread(target=rage)
    storm.start()
    try:
        begin, woken = time.monotonic(), 0
        while time.monotonic() - begin < 2 or woken < 3:
            woken += watch.wait(1)
        assert woken / (time.monotonic() - begin) < 4.5
        monkeypatch.setattr("daemon.watch._LONGEST_LULL", 30.0)
        monkeypatch.setattr(watch, "_lull", 30.0)
        begin = time.monotonic()
        threading.Timer(0.05, watch.wake).start()
        watch.wait(40)
        assert time.monotonic() - begin < 20
    finally:
        over.set()
        storm.join()
        watch.close()


USED_UP = """
import io, json, sys, time
from pathlib import Path
from daemon import watch
from daemon.inotify import lacking
from daemon.log import open_log
watch._GROUND_EVERY = watch._TRIAL_EVERY = 0.1
limit, inbox, modes = Path("/proc/sys/user/max_inotify_watches"), Path(sys.argv[1]), []
limit.write_text("0")
assert "max_user_watches" in lacking(inbox)
one = watch.Watch(inbox, "auto", open_log(io.StringIO()))
for folder, most in (("", 0), ("", 1000), ("a", 1000), ("b", 2), ("c", 2), ("d", 1000)):
    limit.write_text(str(most))
    (inbox / folder).mkdir(exist_ok=True)
    end = time.monotonic() + 30
    wanted = "events" if most == 1000 else "poll"
    while one.mode != wanted and time.monotonic() < end:
        one.wait(0.1)
        time.sleep(0.05)
    modes.append(one.mode)
one.close()
print(json.dumps(modes))
"""
SPACE = ["unshare", "--user", "--map-root-user"]


def spaces() -> bool:
    """Say whether this machine gives us limits of our own to lower."""
    trial = [*SPACE, "sh", "-c", ": > /proc/sys/user/max_inotify_watches"]
    return (
        shutil.which(SPACE[0]) is not None and subprocess.run(trial, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not spaces(), reason="no user namespaces here")
def test_with_the_kernels_own_limit_used_up_the_inbox_is_polled(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*SPACE, sys.executable, "-c", USED_UP, str(tmp_path)], capture_output=True, text=True, timeout=240, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == ["poll", "events", "events", "poll", "poll", "events"]


def test_folders_that_have_left_are_not_watched_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def watched() -> int:
        pages = [path.read_text() for path in Path("/proc/self/fdinfo").iterdir() if path.exists()]
        return sum(page.count("inotify wd:") for page in pages)

    monkeypatch.setattr("daemon.watch._WORN", 20)
    monkeypatch.setattr("daemon.watch._GROUND_EVERY", 0.0)
    inbox, done = tmp_path / "inbox", tmp_path / "done"
    inbox.mkdir()
    done.mkdir()
    watch = Watch(inbox, "events", open_log(io.StringIO()))
    try:
        least = watched()
        for number in range(60):
            (inbox / f"{number}").mkdir()
            time.sleep(0.02)
            (inbox / f"{number}").rename(done / f"{number}")
            watch.wait(0.05)
        assert watched() < least + 40
        watch.wait(1)
        watch.wait(0.2)
        (inbox / "new").mkdir()
        assert watch.wait(30), "it still wakes us"
    finally:
        watch.close()
