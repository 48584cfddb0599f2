"""House: what the areas of the page share: the settings, the journal, and the only way to jobs and their files."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from starlette.exceptions import HTTPException

from daemon.journal import Filed, Journal, folders
from daemon.page.asking import Asking
from daemon.page.census import Census
from daemon.page.index import Index
from daemon.page.whereabouts import Whereabouts
from daemon.settings import Settings

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Opened:
    """A file of a job, open for reading, as it was found: ``name`` is what the listing calls it."""

    name: str
    file: BinaryIO
    status: os.stat_result


@dataclass(frozen=True)
class House:
    """What the areas share.

    Attributes:
        settings: All of them.
        journal: The jobs under the root.
        census: What lists and searches are made of; it follows the folders.
        asking: What publishers were asked on the page, and answered.
    """

    settings: Settings
    journal: Journal
    census: Census
    asking: Asking
    _whereabouts: Whereabouts = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> House:
        """Build it."""
        journal = Journal(settings.paths.root)
        census = Census(journal.root, Index(settings.paths.state))
        return cls(settings, journal, census, Asking(settings), Whereabouts(journal))

    @property
    def root(self) -> Path:
        """The folder with inbox/ and done/."""
        return self.settings.paths.root

    @property
    def state(self) -> Path:
        """The folder of the service's own files."""
        return self.settings.paths.state

    def job(self, identity: str) -> Filed:
        """Find a job by its id; reads files, so not in the event loop.

        Raises:
            HTTPException: 404: there is none.
        """
        coverage = self.census.glance()
        cards = self.census.index.lookup(identity)
        if not cards and not coverage.left:  # a search would read every job.json once more
            raise HTTPException(404)
        filed = self._whereabouts.find(identity, [self.root / card.place / card.folder for card in cards])
        if filed is None:
            raise HTTPException(404)
        return filed

    def inbox(self, name: str) -> Path:
        """Find a folder in the inbox by its name.

        Raises:
            HTTPException: 404: there is none.
        """
        return _named(folders(self.journal.inbox), name)

    def file(self, filed: Filed, name: str, folder: str = "") -> Opened:
        """Open a file of a job by its name; a link is no file of it, nor is a pipe or a device.

        Args:
            filed: The job.
            name: As the listing of the folder has it.
            folder: "" for the job's own folder, or the name of one in it, such as "inputs".

        Raises:
            HTTPException: 404: there is none.
        """
        return self.within(filed.place, filed.home.name, name, folder)

    def within(self, place: str, home: str, name: str, folder: str = "") -> Opened:
        """Open a file of a folder of a place, both as listings have them; as :meth:`file` does.

        Raises:
            HTTPException: 404: there is none.
        """
        try:
            handle = _opened(self.root / place / home, *((folder,) if folder else ()), name)
        except (OSError, ValueError) as error:
            raise HTTPException(404) from error
        file = os.fdopen(handle, "rb")
        return Opened(name, file, os.fstat(handle))


def _named(found: list[Path], name: str) -> Path:
    for path in found:
        if path.name == name:
            return path
    raise HTTPException(404)


def _opened(home: Path, *names: str) -> int:
    """Open a regular file step by step; each name must stand in the listing of the folder that is open.

    Raises:
        OSError: It is not there, or something else than a plain file.
    """
    here = os.open(home, _FOLDER)
    for number, name in enumerate(names):
        try:
            if name not in os.listdir(here):  # noqa: PTH208 - of the folder that is open, whatever has its name now
                raise FileNotFoundError(name)
            inner = os.open(name, _FOLDER if number < len(names) - 1 else _FILE, dir_fd=here)
        finally:
            os.close(here)
        here = inner
    status = os.fstat(here)
    if not stat.S_ISREG(status.st_mode):
        os.close(here)
        raise FileNotFoundError(names[-1])
    return here
