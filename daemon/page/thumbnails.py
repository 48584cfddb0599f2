"""Thumbnails: small pictures of posters, made once and kept in the state folder; what is not seen for long goes first.

They are derived: the folder may be deleted at any time. What is kept is named after the poster as the disk has it, so
that one that was made anew has another, and a browser may keep each for ever.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
import time
from pathlib import Path

from daemon.page.house import Opened
from daemon.page.shrinker import Shrinker
from daemon.plain import put_plain, read_plain

FOLDER = "thumbnails"
SIZES = {320: 180, 640: 360}
"""Heights by width: as the list shows them, and as bright screens do."""
_LARGEST = 16 * 1024 * 1024
"""Bytes of a poster."""
_SMALL = 1 << 20
"""Bytes of a thumbnail."""
_ROOM = 64 * 1024 * 1024
"""Bytes on the disk; above that the oldest go, until three quarters are left."""
_DAY = 86400.0
_AGAIN = 600.0
"""Seconds after which a poster that could not be read is tried again."""
_VERSION = 1
"""Of how they are made."""


class Thumbnails:
    """Makes and keeps them; threads may share it, and one is made at a time."""

    def __init__(self, state: Path, shrinker: Shrinker | None = None, room: int = _ROOM) -> None:
        """Make nothing yet.

        Args:
            state: The folder of the service's own files.
            shrinker: Makes them.
            room: Bytes that they may take on the disk.
        """
        self._folder = state / "page" / FOLDER
        self._shrinker = shrinker or Shrinker()
        self._room = room
        self._taken: int | None = None
        self._lock = threading.Lock()
        self._broken: dict[str, float] = {}

    def kept(self, mark: str, width: int) -> bytes | None:
        """Give one that is there already; b"" where it was found a while ago that none can be made, None otherwise."""
        if self._broken.get(mark, -_AGAIN) + _AGAIN > time.monotonic():
            return b""
        path = self._path(mark, width)
        try:
            if time.time() - path.stat().st_mtime > _DAY:
                os.utime(path)
            return read_plain(path, _SMALL)
        except OSError:
            return None

    def made(self, poster: Opened, width: int) -> bytes:
        """Make one of a poster, unless it is there by now, and keep it; b"" where none can be made."""
        mark = mark_of(poster.status)
        with self._lock:
            found = self.kept(mark, width)
            if found is None:
                found = self._shrunk(poster, width)
                self._keep(mark, width, found)
            return found

    def close(self) -> None:
        """Make no more."""
        self._shrinker.close()

    def _shrunk(self, poster: Opened, width: int) -> bytes:
        try:
            data = poster.file.read(_LARGEST + 1) if poster.status.st_size <= _LARGEST else b""
        except OSError:
            return b""
        return self._shrinker.shrink(data, width, SIZES[width]) if data[:2] == b"\xff\xd8" else b""

    def _keep(self, mark: str, width: int, made: bytes) -> None:
        """Keep it, as far as the disk lets us."""
        if not made:
            while len(self._broken) >= 1000:
                del self._broken[next(iter(self._broken))]
            self._broken[mark] = time.monotonic()
            return
        path = self._path(mark, width)
        with contextlib.suppress(OSError):
            for folder in (self._folder.parent, self._folder):  # the password and the key are in there, too
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            put_plain(path, path.with_suffix(".new"), made)
            self._make_room(len(made))

    def _make_room(self, fresh: int) -> None:
        """Forget those that nobody has looked at for longest, once all together are too large."""
        if self._taken is not None:
            self._taken += fresh
            if self._taken <= self._room:
                return
        with os.scandir(self._folder) as entries:
            found = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in entries)
        left = sum(size for _, size, _ in found)
        for _, size, path in found if left > self._room else ():
            if left <= self._room * 3 // 4:
                break
            Path(path).unlink(missing_ok=True)
            left -= size
        self._taken = left

    def _path(self, mark: str, width: int) -> Path:
        return self._folder / f"{mark}-{width}.jpg"


def mark_of(status: os.stat_result) -> str:
    """Give what changes when a poster does."""
    said = f"{_VERSION} {status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def marked(poster: Path) -> str:
    """Give the mark of a poster; "" where there is none."""
    try:
        found = poster.lstat()
    except (OSError, ValueError):
        return ""
    return mark_of(found) if stat.S_ISREG(found.st_mode) else ""
