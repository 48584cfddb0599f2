"""Holdings: which files a job has, and in which part of its folder: what it made, what was dropped, its papers."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from daemon import log, status
from daemon.job import Job
from daemon.journal import FILE_NAME, INPUTS, OURS, Filed
from daemon.listing import ignorable
from daemon.page.card import LATEST
from daemon.papers import written
from daemon.removal import NOTE, results
from daemon.work import APPROVE, CANCEL, PRIORITY

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_INNER = {FILE_NAME, log.FILE_NAME, status.FILE_NAME, APPROVE, CANCEL, PRIORITY}
"""What only machines read."""
RESULT, PAPER, INPUT = "result", "paper", "input"


@dataclass(frozen=True)
class Held:
    """A file of a job.

    Attributes:
        part: "result", "paper" or "input".
        folder: Where in the job's folder it is, "" for there itself.
        name: As the file system has it.
        bytes: Its size.
        changed: When it was, seconds since 1970.
    """

    part: str
    folder: str
    name: str
    bytes: int
    changed: float

    @property
    def tag(self) -> str:
        """Its name in a link: no path ever comes from there."""
        return hashlib.sha256(os.fsencode(f"{self.folder}/{self.name}")).hexdigest()[:16]

    @property
    def date(self) -> datetime:
        """When it was changed, UTC."""
        return datetime.fromtimestamp(min(max(0.0, self.changed), LATEST), UTC)


def holdings(filed: Filed) -> tuple[Held, ...]:
    """List the files of a job that a person may want: results, then papers, then what was dropped.

    Links, devices and hidden files are none of them.
    """
    made, ours = set(results(filed.job)), _ours(filed.job)
    try:
        home = os.open(filed.home, _FOLDER)
    except OSError:
        return ()
    try:
        if filed.place == "failed":
            letters = {name for name, _ in _files(home, "") if _letter(name)}
            found = [_held(RESULT, OURS, *one) for one in _files(home, OURS) if one[0] in made]
            found += [_held(PAPER if one[0] in letters else INPUT, "", *one) for one in _files(home, "")]
        else:
            found = [_held(RESULT, "", *one) for one in _files(home, "") if one[0] in made]
            found += [_held(PAPER, "", *one) for one in _files(home, "") if one[0] in ours]
            found += [_held(INPUT, INPUTS, *one) for one in _files(home, INPUTS)]
    finally:
        os.close(home)
    return tuple(sorted(found, key=lambda held: (RESULT, PAPER, INPUT).index(held.part)))


def chosen(held: Iterable[Held], *, inputs: bool) -> tuple[Held, ...]:
    """Give what goes into an archive: results and papers, and what was dropped if that is wanted."""
    return tuple(one for one in held if inputs or one.part != INPUT)


def _ours(job: Job) -> set[str]:
    return {*written(job), "WHY.txt", NOTE}


def _letter(name: str) -> bool:
    return name.startswith("WHY") and name.endswith(".txt")


def _held(part: str, folder: str, name: str, found: os.stat_result) -> Held:
    return Held(part, folder, name, found.st_size, found.st_mtime)


def _files(home: int, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the regular files that are not hidden, by name."""
    try:
        here = os.open(folder, _FOLDER, dir_fd=home) if folder else os.dup(home)
    except OSError:
        return
    try:
        with os.scandir(here) as entries:
            found = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    except OSError:
        found = []  # one of them went away this very moment
    finally:
        os.close(here)
    for name, status_ in sorted(found, key=lambda pair: pair[0]):
        if stat.S_ISREG(status_.st_mode) and not name.startswith(".") and not ignorable(name) and name not in _INNER:
            yield name, status_
