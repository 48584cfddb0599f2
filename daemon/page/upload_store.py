"""Store: all trays, below ``.incoming`` in the root: hidden, so that nobody takes what is in them for a drop.

They are no drops yet. One to which nothing came for a day is removed.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import stat
import threading
import time
from pathlib import Path

from daemon import ownership
from daemon.mount import Ground
from daemon.page.upload_refusal import Refusal
from daemon.page.upload_tray import Tray
from daemon.plain import write_plain

FOLDER = ".incoming"
IDLE = 24 * 3600.0
"""Seconds after the last byte that a tray stays."""
_MOST = 100
_LANDED = 3600.0
"""Seconds that is remembered what became of one: its browser may ask once more."""
_EVERY = 1800.0
_CLOCK = "clock"
_ID = re.compile(r"[0-9a-f]{32}")
_DOOMED = ".gone"
"""How the names of trays end that are being removed."""


class Store:
    """The trays of one root."""

    def __init__(self, root: Path, guard: bool = False) -> None:
        """Look at nothing yet.

        Args:
            root: The share.
            guard: It must lie on a mount of its own.
        """
        self.folder = root / FOLDER
        self.inbox = root / "inbox"
        self._ground = Ground(root, guard)

    def begin(self) -> Tray:
        """Make a new tray.

        Raises:
            Refusal: There are too many, or the share is not there.
            OSError: The disk refuses.
        """
        self.stand()
        with contextlib.suppress(FileExistsError):
            self.folder.mkdir(mode=0o700)
        if len(self.trays()) >= _MOST:
            raise Refusal(503, "upload.wrong.trays")
        tray = Tray(self._own() / secrets.token_hex(16))
        tray.home.mkdir(mode=0o700)
        for name in ("notes", "parts"):
            (tray.home / name).mkdir(mode=0o700)
        tray.drop.mkdir()
        ownership.give(tray.drop, self.inbox, away=False)
        return tray

    def stand(self) -> None:
        """Make sure that the share is there.

        Raises:
            Refusal: It is not.
        """
        if not self._ground.firm() or not self.inbox.is_dir():
            raise Refusal(503, "upload.wrong.share")

    def find(self, identity: str) -> Tray:
        """Find a tray.

        Raises:
            Refusal: There is none.
        """
        for tray in self.trays(landed=True):
            if tray.id == identity:
                return tray
        raise Refusal(404, "upload.wrong.gone")

    def trays(self, *, landed: bool = False) -> list[Tray]:
        """Give all; those that have moved into the inbox only if asked for."""
        try:
            found = [Tray(path) for path in sorted(self._own().iterdir()) if _ID.fullmatch(path.name) and _plain(path)]
        except OSError:
            return []
        return [tray for tray in found if landed or not (tray.landed or tray.gone)]

    def outstanding(self) -> int:
        """Give how many bytes are announced and not here yet."""
        return sum(piece.length - piece.offset for tray in self.trays() for piece in tray.pieces())

    def discard(self, tray: Tray) -> None:
        """Remove a tray with all that is in it.

        It gets another name first: what moves into the inbox this very moment is there whole, or does not move.
        """
        doomed = tray.home.with_name(f"{tray.id}{_DOOMED}")
        with contextlib.suppress(OSError):
            tray.home.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def sweep(self, now: float | None = None) -> None:
        """Remove those to which nothing came for long, and what is left of those that have moved."""
        for doomed in self.folder.glob(f"*{_DOOMED}"):  # a crash came in between
            shutil.rmtree(doomed, ignore_errors=True)
        found = self.trays(landed=True)
        if now is None:
            now = self._now() if found else 0.0
        for tray in found:
            over = _LANDED if tray.landed or tray.gone else IDLE
            if now - tray.touched() > over:
                self.discard(tray)

    def _now(self) -> float:
        """Give the time by the share's own clock, which may be another than ours; long ago where it does not say."""
        clock = self.folder / _CLOCK
        try:
            write_plain(clock, b"")
            return clock.lstat().st_mtime
        except OSError:
            return 0.0

    def watch(self) -> None:
        """Sweep now, and now and then from here on, in a thread."""
        threading.Thread(target=self._watch, name="uploads", daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.sweep()
            time.sleep(_EVERY)

    def _own(self) -> Path:
        """Give our folder, if it is one: nothing is written through a link that somebody puts there.

        Raises:
            OSError: It is none.
        """
        if not stat.S_ISDIR(self.folder.lstat().st_mode):
            raise NotADirectoryError(str(self.folder))
        return self.folder


def _plain(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
