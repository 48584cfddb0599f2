"""Waking up: by events where the kernel sees all changes, by the interval where it does not."""

from __future__ import annotations

import errno
import io
import json
import time
from pathlib import Path

import pytest

from daemon.log import open_log
from daemon.mount import mount_of
from daemon.watch import Watch

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


def test_a_change_wakes(tmp_path: Path) -> None:
    watch = Watch(tmp_path, "events", open_log(io.StringIO()))
    try:
        assert watch.mode == "events"
        assert not watch.wait(0.05)
        (tmp_path / "talk").mkdir()
        assert watch.wait(5)
        while watch.wait(0.3):
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
