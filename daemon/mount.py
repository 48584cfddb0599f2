"""Mounts: on which kind of file system a folder lies, as the kernel tells in ``/proc/self/mountinfo``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_REMOTE = re.compile(
    r"cifs|smb.*|nfs.*|fuse(\..*)?|9p|afs|ceph|coda|davfs|drvfs|gfs2?|gpfs|lustre|ncpfs|ocfs2|vboxsf|vmhgfs|virtiofs|prl_fs"
)
"""File systems whose changes by others the kernel does not see, so that it cannot tell us about them."""


@dataclass(frozen=True)
class Mount:
    """Where a file system is mounted, and of which type it is ("ext4", "cifs", "fuse.sshfs")."""

    point: Path
    type: str

    @property
    def remote(self) -> bool:
        """Whether others may change it without the kernel's knowledge."""
        return _REMOTE.fullmatch(self.type) is not None

    @property
    def leases(self) -> bool:
        """Whether the kernel knows who has a file open: of network shares it does not, of FUSE (mergerfs) it does."""
        return not self.remote or self.type.startswith("fuse")


def mount_of(folder: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> Mount:
    """Give the mount a folder lies on; the type is "" where the kernel does not tell.

    A folder that is bound onto itself, as systemd does with what a service may write, is no mount of its own: it would
    look like a share that is there when it is not.
    """
    best = Mount(Path("/"), "")
    origin = ("", Path("/"))  # the device of the best, and which of its folders is seen there
    try:
        text = mountinfo.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return best
    place = folder.resolve()
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if len(fields) < 5 or not kinds[0]:
            continue
        device, seen, point = fields[2], Path(_plain(fields[3])), Path(_plain(fields[4]))
        if not place.is_relative_to(point) or len(point.parts) < len(best.point.parts):
            continue
        if (device, seen) != (origin[0], origin[1] / point.relative_to(best.point)):
            best, origin = Mount(point, kinds[0]), (device, seen)  # of two mounts on one point the later one counts
    return best


class Ground:
    """The mount that the root lies on. Once the root was seen there, what shows when it is gone is not the root."""

    def __init__(self, root: Path, guard: bool, where: Callable[[Path], Mount] = mount_of) -> None:
        """Look at nothing yet.

        Args:
            root: The folder with inbox/ in it.
            guard: It must lie on a mount of its own, from the start.
            where: Tells which mount a folder lies on.
        """
        self._root = root
        self._where = where
        self._point: Path | None = None
        self.guard = guard

    def firm(self) -> bool:
        """Say whether the share is mounted, as far as anybody can tell."""
        point = self._where(self._root).point
        if self.guard and point == Path("/"):
            return False
        if self._point is not None and point != self._point and self._point.is_relative_to(point):
            return False  # it lay deeper: its mount is gone, and this is the folder beneath
        if (self._root / "inbox").is_dir():
            self._point = point
        return True


def _plain(text: str) -> str:
    r"""Undo the kernel's writing of blanks and the like, such as ``\040``."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
